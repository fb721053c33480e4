"""What is kept of a configuration: entries, and all of them at one moment."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypedDict, TypeVar

from pydantic import BaseModel

from careline_common.http.problem import FieldError

Model = TypeVar("Model", bound=BaseModel)


class Counts(TypedDict):
    """What applying did to the entries of one section."""

    created: int
    updated: int
    unchanged: int


class ConfigInvalidError(Exception):
    """The configuration is wrong; `errors` are all the faults that were found."""

    def __init__(self, errors: list[FieldError]) -> None:
        super().__init__("; ".join(f"{error['path']}: {error['reason']}" for error in errors))
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry as applied; `version` counts its changes from 1."""

    section: str
    id: str
    value: BaseModel
    version: int


class Configuration:
    """All entries of a service at one moment."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self._entries: dict[str, dict[str, Entry]] = {}
        for entry in entries:
            self._entries.setdefault(entry.section, {})[entry.id] = entry

    def all(self, section: str, model: type[Model]) -> dict[str, Model]:
        """The entries of a section by id, in the order of ids."""
        found = self._entries.get(section, {})
        return {
            name: entry.value
            for name, entry in sorted(found.items())
            if isinstance(entry.value, model)
        }

    def get(self, section: str, entry_id: str, model: type[Model]) -> Model | None:
        entry = self.entry(section, entry_id)
        return entry.value if entry is not None and isinstance(entry.value, model) else None

    def entry(self, section: str, entry_id: str) -> Entry | None:
        return self._entries.get(section, {}).get(entry_id)

    def has(self, section: str, entry_id: str) -> bool:
        return self.entry(section, entry_id) is not None

    def entries(self, section: str) -> list[Entry]:
        return [entry for _, entry in sorted(self._entries.get(section, {}).items())]


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """An entry as it has just been written: by whom, and what its writer notes beside it."""

    section: str
    id: str
    body: Mapping[str, Any]
    version: int
    by: str
    note: Mapping[str, Any]
