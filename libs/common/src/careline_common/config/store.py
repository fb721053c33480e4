"""Where a service keeps its configuration: checked as a whole, applied in one transaction."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict, TypeVar

import structlog
from pydantic import BaseModel
from pydantic_core import to_json
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_common.clock import Clock
from careline_common.config import secrets
from careline_common.config.section import EntryInvalidError, Fault, Given, Section
from careline_common.db.engine import Database
from careline_common.http.etag import Match
from careline_common.http.problem import FieldError, PreconditionFailed, PreconditionRequired

log = structlog.get_logger(__name__)

FILE_VERSION = 1

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


Key = tuple[str, str]


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

    @property
    def revision(self) -> frozenset[tuple[str, str, int]]:
        """Differs whenever any entry does."""
        return frozenset(
            (section, name, entry.version)
            for section, entries in self._entries.items()
            for name, entry in entries.items()
        )


@dataclass(frozen=True, slots=True)
class _Row:
    body: Any
    version: int


CrossCheck = Callable[[Configuration], Iterable[Fault]]
Listener = Callable[[Configuration], Awaitable[None]]


class ConfigStore:
    """The sections a service owns. `current` is the configuration as last loaded."""

    def __init__(
        self,
        database: Database,
        sections: Sequence[Section],
        *,
        clock: Clock,
        cross_check: CrossCheck | None = None,
    ) -> None:
        self.database = database
        self.sections = {section.name: section for section in sections}
        self.current = Configuration()
        self.channel = f"careline_config_{database.schema}"
        self._clock = clock
        self._cross_check = cross_check or (lambda _configuration: ())
        self._listeners: list[Listener] = []
        self._loading = asyncio.Lock()

    def on_applied(self, listener: Listener) -> None:
        """Has `listener` called with the new configuration after each change, and on `load`."""
        self._listeners.append(listener)

    async def load(self, *, always: bool = True) -> Configuration:
        """Reads the configuration; without `always` nobody is told when nothing has changed.

        An entry that this version cannot read any more is left out and logged: one old entry must
        not keep a service from starting.
        """
        async with self._loading:
            async with self.database.read() as connection:
                rows = await self._rows(connection)
            configuration = self._configuration(rows)
            changed = configuration.revision != self.current.revision
            if changed or always:
                self.current = configuration
                for listener in self._listeners:
                    await listener(configuration)
        return configuration

    async def check(self, document: Any) -> dict[str, Counts]:
        """What applying would do; raises `ConfigInvalidError` with all faults at once."""
        given = self._given(document)
        async with self.database.read() as connection:
            rows = await self._rows(connection)
        self._validate(given, rows)
        return _counts(given, rows)

    async def apply(self, document: Any) -> dict[str, Counts]:
        """Checks and upserts what differs in one transaction, and then tells everybody."""
        given = self._given(document)
        async with self.database.unit_of_work() as uow:
            await self._lock(uow.connection)
            rows = await self._rows(uow.connection)
            self._validate(given, rows)
            await self._write(uow.connection, given, rows)
        await self.load()
        return _counts(given, rows)

    async def put(
        self, section_name: str, entry_id: str, raw: Mapping[str, Any], match: Match | None
    ) -> tuple[Entry, bool]:
        """Writes one entry; returns it and whether it is new.

        Unknown fields are ignored. Raises `ConfigInvalidError` with paths inside the entry, 428 or
        412 as `match` demands, which is not needed to create.
        """
        section = self.sections[section_name]
        async with self.database.unit_of_work() as uow:
            await self._lock(uow.connection)
            rows = await self._rows(uow.connection)
            row = rows.get((section_name, entry_id))
            _check_match(row, match)
            kept = row.body if row else None
            body = secrets.unmasked(section.kept(raw), kept, section.secrets)
            given = [Given("", entry_id, self._with_key(section, entry_id, body))]
            self._validate({section_name: given}, rows, strict=False)
            await self._write(uow.connection, {section_name: given}, rows)
        await self.load()
        entry = self.current.entry(section_name, entry_id)
        assert entry is not None
        return entry, row is None

    def _with_key(
        self, section: Section, entry_id: str, body: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        if section.singleton:
            return body
        if body.get(section.key, entry_id) != entry_id:
            raise ConfigInvalidError([{"path": section.key, "reason": f"not {entry_id!r}"}])
        return {section.key: entry_id, **body}

    def _given(self, document: Any) -> dict[str, list[Given]]:
        if not isinstance(document, Mapping):
            raise ConfigInvalidError([{"path": "", "reason": "give a mapping of sections"}])
        errors: list[FieldError] = []
        if document.get("careline", FILE_VERSION) != FILE_VERSION:
            errors.append({"path": "careline", "reason": f"this server reads {FILE_VERSION}"})
        given: dict[str, list[Given]] = {}
        for name, section in self.sections.items():
            if document.get(name) is None:
                continue
            given[name] = []
            for item in section.given(document[name]):
                if isinstance(item, Given):
                    given[name].append(item)
                else:
                    errors.append(item)
        if errors:
            raise ConfigInvalidError(errors + self._faults_of(given, strict=True)[1])
        return given

    def _validate(
        self, given: dict[str, list[Given]], rows: dict[Key, _Row], *, strict: bool = True
    ) -> None:
        read, errors = self._faults_of(given, strict=strict)
        if errors:
            raise ConfigInvalidError(errors)
        before = self._configuration(rows)
        kept = [entry for name in self.sections for entry in before.entries(name)]
        places = {(name, item.id): item.at for name, items in given.items() for item in items}
        after = Configuration([*kept, *read])
        old = set(self._cross_check(before))
        for fault in self._cross_check(after):
            at = places.get((fault.section, fault.id))
            if at is None and fault in old:
                continue
            where = f"{fault.section}.{fault.id}" if at is None else at
            errors.append({"path": _joined(where, fault.path), "reason": fault.reason})
        if errors:
            raise ConfigInvalidError(errors)

    def _faults_of(
        self, given: dict[str, list[Given]], *, strict: bool
    ) -> tuple[list[Entry], list[FieldError]]:
        today = self._clock.now().date()
        read: list[Entry] = []
        errors: list[FieldError] = []
        for name, items in given.items():
            for item in items:
                try:
                    value = self.sections[name].read(item.raw, strict=strict, today=today)
                    read.append(Entry(name, item.id, value, 0))
                except EntryInvalidError as error:
                    errors += [
                        {"path": _joined(item.at, fault["path"]), "reason": fault["reason"]}
                        for fault in error.errors
                    ]
        return read, errors

    def _configuration(self, rows: dict[Key, _Row]) -> Configuration:
        entries: list[Entry] = []
        for (name, entry_id), row in rows.items():
            try:
                value = self.sections[name].read(row.body, strict=False)
                entries.append(Entry(name, entry_id, value, row.version))
            except EntryInvalidError as error:
                reason = str(error)
                log.error("config.entry_unreadable", section=name, entry=entry_id, reason=reason)  # noqa: TRY400 - expected
        return Configuration(entries)

    async def _rows(self, connection: AsyncConnection) -> dict[Key, _Row]:
        found = await connection.execute(_SELECT, {"sections": list(self.sections)})
        return {(row.section, row.id): _Row(row.body, row.version) for row in found}

    async def _lock(self, connection: AsyncConnection) -> None:
        await connection.execute(_LOCK, {"name": self.channel})

    async def _write(
        self,
        connection: AsyncConnection,
        given: dict[str, list[Given]],
        rows: dict[Key, _Row],
    ) -> None:
        changed = [
            {
                "section": name,
                "id": item.id,
                "body": to_json(item.raw).decode(),
                "at": self._clock.now(),
            }
            for name, items in given.items()
            for item in items
            if _differs(item, rows.get((name, item.id)))
        ]
        if changed:
            await connection.execute(_UPSERT, changed)
            await connection.execute(_NOTIFY, {"channel": self.channel})


_SELECT = text("SELECT section, id, body, version FROM config_entry WHERE section = ANY(:sections)")
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")
_UPSERT = text(
    "INSERT INTO config_entry AS kept (section, id, body, version, updated_at)"
    " VALUES (:section, :id, CAST(:body AS jsonb), 1, :at)"
    " ON CONFLICT (section, id) DO UPDATE"
    " SET body = excluded.body, version = kept.version + 1, updated_at = excluded.updated_at"
)
_NOTIFY = text("SELECT pg_notify(:channel, '')")


def _differs(item: Given, row: _Row | None) -> bool:
    return row is None or row.body != item.raw


def _counts(given: dict[str, list[Given]], rows: dict[Key, _Row]) -> dict[str, Counts]:
    counts: dict[str, Counts] = {}
    for name, items in given.items():
        known = [item for item in items if (name, item.id) in rows]
        updated = sum(_differs(item, rows[name, item.id]) for item in known)
        counts[name] = {
            "created": len(items) - len(known),
            "updated": updated,
            "unchanged": len(known) - updated,
        }
    return counts


def _check_match(row: _Row | None, match: Match | None) -> None:
    if row is None:
        if match is not None:
            raise PreconditionFailed("there is no such entry: create it without If-Match")
    elif match is None:
        raise PreconditionRequired("send the ETag of the version you have seen as If-Match")
    else:
        match.check(row.version)


def _joined(place: str, inside: str) -> str:
    joint = "." if place and inside and not inside.startswith("[") else ""
    return f"{place}{joint}{inside}"
