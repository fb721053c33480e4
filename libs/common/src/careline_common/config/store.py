"""Where a service keeps its configuration: checked as a whole, applied in one transaction."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from pydantic import BaseModel
from pydantic_core import to_json
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_common.clock import Clock
from careline_common.config import secrets
from careline_common.config.entries import ConfigInvalidError, Configuration, Counts, Entry, Written
from careline_common.config.section import EntryInvalidError, Fault, Given, Section
from careline_common.db.engine import Database
from careline_common.db.unit_of_work import UnitOfWork
from careline_common.http.etag import Match
from careline_common.http.problem import FieldError, PreconditionFailed, PreconditionRequired

log = structlog.get_logger(__name__)

FILE_VERSION = 1

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Row:
    body: Any
    version: int


CrossCheck = Callable[[Configuration], Iterable[Fault]]
Listener = Callable[[Configuration], Awaitable[None]]
Keeper = Callable[[UnitOfWork, Sequence[Written]], Awaitable[None]]
"""Keeps more of what is written, in the same transaction."""
Within = Callable[[UnitOfWork], Awaitable[None]]
NO_NOTE: Mapping[str, Any] = {}


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
        self._keepers: list[Keeper] = []
        self._loading = asyncio.Lock()
        self._loaded = ""
        """The mark by which `current` stood; that of no entries is empty."""

    def on_applied(self, listener: Listener) -> None:
        """Has `listener` called with the new configuration after each change, and on `load`."""
        self._listeners.append(listener)

    def on_written(self, keeper: Keeper) -> None:
        """Has `keeper` called within each transaction that writes entries."""
        self._keepers.append(keeper)

    async def load(self, *, always: bool = True) -> Configuration:
        """Reads the configuration; without `always` nobody is told when nothing has changed.

        An entry that this version cannot read any more is left out and logged: one old entry must
        not keep a service from starting.
        """
        async with self._loading:
            async with self.database.read() as connection:
                mark = await self._mark(connection)
                if mark == self._loaded and not always:
                    return self.current
                rows = await self._rows(connection)
            self.current, self._loaded = self._configuration(rows), mark
            for listener in self._listeners:
                await listener(self.current)
        return self.current

    async def check(self, document: Any) -> dict[str, Counts]:
        """What applying would do; raises `ConfigInvalidError` with all faults at once."""
        given = self._given(document)
        async with self.database.read() as connection:
            rows = await self._rows(connection)
        self._validate(given, rows)
        return _counts(given, rows)

    def check_entry(self, section_name: str, raw: Mapping[str, Any], *, strict: bool) -> BaseModel:
        """An entry as it would stand beside the others; raises `ConfigInvalidError` with paths inside it."""
        given = [Given("", str(raw.get(self.sections[section_name].key)), raw)]
        read, errors = self._faults_of({section_name: given}, strict=strict)
        if errors:
            raise ConfigInvalidError(errors)
        entry = read[0]
        kept = [each for name in self.sections for each in self.current.entries(name)]
        errors = [
            {"path": fault.path, "reason": fault.reason}
            for fault in self._cross_check(Configuration([*kept, entry]))
            if (fault.section, fault.id) == (section_name, entry.id)
        ]
        if errors:
            raise ConfigInvalidError(errors)
        return entry.value

    async def apply(self, document: Any, *, by: str = "") -> dict[str, Counts]:
        """Checks and upserts what differs in one transaction, and then tells everybody; `by` is who asks."""
        given = self._given(document)
        async with self.database.unit_of_work() as uow:
            await self._lock(uow.connection)
            rows = await self._rows(uow.connection)
            self._validate(given, rows)
            await self._write(uow, given, rows, by=by)
        await self.load()
        return _counts(given, rows)

    async def put(
        self,
        section_name: str,
        entry_id: str,
        raw: Mapping[str, Any],
        match: Match | None,
        *,
        by: str = "",
        note: Mapping[str, Any] = NO_NOTE,
        within: Within | None = None,
    ) -> tuple[Entry, bool]:
        """Writes one entry; returns it and whether it is new. `by` and `note` are for who keeps more; `within` is done
        last in the transaction.

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
            await self._write(uow, {section_name: given}, rows, by=by, note=note)
            if within is not None:
                await within(uow)
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

    async def _mark(self, connection: AsyncConnection) -> str:
        """Another one whenever any entry is: to read thousands of them again makes everybody wait."""
        found = await connection.execute(_MARK, {"sections": list(self.sections)})
        return str(found.scalar_one())

    async def _rows(self, connection: AsyncConnection) -> dict[Key, _Row]:
        found = await connection.execute(_SELECT, {"sections": list(self.sections)})
        return {(row.section, row.id): _Row(row.body, row.version) for row in found}

    async def _lock(self, connection: AsyncConnection) -> None:
        await connection.execute(_LOCK, {"name": self.channel})

    async def _write(
        self,
        uow: UnitOfWork,
        given: dict[str, list[Given]],
        rows: dict[Key, _Row],
        *,
        by: str,
        note: Mapping[str, Any] = NO_NOTE,
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
        if not changed:
            return
        await uow.connection.execute(_UPSERT, changed)
        await uow.connection.execute(_NOTIFY, {"channel": self.channel})
        written = [
            Written(
                section=name,
                id=item.id,
                body=item.raw,
                version=1 + (0 if (row := rows.get((name, item.id))) is None else row.version),
                by=by,
                note=note,
            )
            for name, items in given.items()
            for item in items
            if _differs(item, rows.get((name, item.id)))
        ]
        for keeper in self._keepers:
            await keeper(uow, written)


_SELECT = text("SELECT section, id, body, version FROM config_entry WHERE section = ANY(:sections)")
_MARK = text(
    "SELECT coalesce(md5(string_agg(concat_ws(' ', section, id, version), ',' ORDER BY section, id)), '')"
    " FROM config_entry WHERE section = ANY(:sections)"
)
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
