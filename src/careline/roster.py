"""The four services, each imported only when it is asked for."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol, cast

from careline_common.clock import Clock
from careline_common.config import Section
from careline_common.events import Event
from careline_common.ids import Ids
from careline_common.lifecycle import Service
from careline_common.messaging.transport import Transport
from careline_common.settings import ServiceSettings

NAMES = ("router", "tickets", "surveys", "ingest")


class CreateService(Protocol):
    def __call__(
        self, settings: ServiceSettings, *, transport: Transport, clock: Clock, ids: Ids
    ) -> Service: ...


@dataclass(frozen=True, slots=True)
class Member:
    """How one service is made."""

    name: str
    package: str
    create_service: CreateService
    settings: type[ServiceSettings]


def member(name: str) -> Member:
    package = f"careline_{name}"
    return Member(
        name=name,
        package=package,
        create_service=cast("CreateService", import_module(f"{package}.app").create_service),
        settings=cast(
            "type[ServiceSettings]",
            getattr(import_module(f"{package}.settings"), f"{name.capitalize()}Settings"),
        ),
    )


def sections(name: str) -> tuple[Section, ...]:
    """The sections of the configuration file that a service owns."""
    return cast("tuple[Section, ...]", import_module(f"careline_{name}.config").SECTIONS)


def heard(name: str) -> Mapping[str, tuple[type[Event], ...]]:
    """What each of a service's consumers hears; their queues are `careline.<consumer>`."""
    try:
        consumers = import_module(f"careline_{name}.consumers").CONSUMERS
    except ModuleNotFoundError:
        return {}
    return cast("Mapping[str, tuple[type[Event], ...]]", consumers)


def consumers(name: str) -> tuple[str, ...]:
    """The names of a service's consumers."""
    return tuple(heard(name))
