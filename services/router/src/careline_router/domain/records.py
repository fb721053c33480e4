"""How commands and events are made: frozen to readers and to mypy, and cheap."""

from dataclasses import dataclass
from typing import TypeVar, dataclass_transform

_T = TypeVar("_T")


@dataclass_transform(frozen_default=True, kw_only_default=True)
def record(cls: type[_T]) -> type[_T]:
    """A slotted dataclass whose instances nobody changes, as mypy sees to.

    Python itself does not: freezing makes an instance twice as dear to make, and a floor makes a
    dozen a call.
    """
    return dataclass(slots=True, kw_only=True)(cls)
