"""Days off from elsewhere, proposed for a calendar; a second call approves them."""

from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from typing import Any, Literal

import structlog
from pydantic_core import to_jsonable_python

from careline_common.clock import Clock
from careline_common.config.calendar import Calendar
from careline_common.config.entries import ConfigInvalidError, Entry
from careline_common.config.routes import invalid_config
from careline_common.config.store import ConfigStore
from careline_common.db.engine import Database
from careline_common.db.unit_of_work import UnitOfWork
from careline_common.http.etag import Match
from careline_common.http.problem import Conflict, NotFound, PreconditionFailed, invalid
from careline_common.ids import Ids
from careline_router import receipts
from careline_router.adapters.holiday_sources import UnusableSourceError, of_country, of_ical
from careline_router.db import calendar_imports as kept
from careline_router.domain.calendar_days import NamedDay, ProposedDay, weighed
from careline_router.ports import Receipt

log = structlog.get_logger(__name__)

MOST_SHOWN = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where the days of a year are from: a `country`, or the `text` of an iCalendar."""

    kind: Literal["holidays", "ical"]
    year: int
    country: str | None = None
    subdivision: str | None = None
    text: str | None = None

    def days(self) -> list[NamedDay]:
        """Raises 422 with the field at fault."""
        try:
            if self.kind == "ical":
                return of_ical(self.text or "", self.year)
            return of_country(self.country or "", self.subdivision, self.year)
        except UnusableSourceError as error:
            raise invalid(error.path, error.reason) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarImport:
    """An import as it was proposed, on which version of its calendar, and whether it was approved."""

    id: str
    calendar: str
    source: dict[str, Any]
    based_on: int
    by: str
    at: datetime
    days: tuple[ProposedDay, ...]
    approved_by: str | None = None
    approved_at: datetime | None = None


class CalendarImports:
    """What is proposed changes nothing. Who proposed and who approved what, and when, is kept."""

    def __init__(self, *, store: ConfigStore, database: Database, clock: Clock, ids: Ids) -> None:
        self._store = store
        self._database = database
        self._clock = clock
        self._ids = ids
        store.on_written(kept.keep_approvals)

    async def propose(
        self, calendar_id: str, source: Source, *, by: str, receipt: Receipt | None = None
    ) -> CalendarImport:
        """Reads the source, and keeps what it would change. 404 without such a calendar, 422 for a source of which
        nothing can be read."""
        entry, calendar = self._calendar(calendar_id)
        days = weighed(source.days(), closed=calendar.closed, working=list(calendar.working))
        proposed = CalendarImport(
            id=self._ids.new(),
            calendar=calendar_id,
            source={"kind": source.kind, "year": source.year, "country": source.country,
                    "subdivision": source.subdivision},
            based_on=entry.version,
            by=by,
            at=self._clock.now(),
            days=days,
        )  # fmt: skip
        async with self._database.unit_of_work() as uow:
            await receipts.claim(uow, receipt)
            values = {name: getattr(proposed, name) for name in _KEPT}
            days_kept = [to_jsonable_python(asdict(day)) for day in days]
            await kept.add(uow.connection, **values, days=days_kept)
            await receipts.keep(uow, receipt, proposed)
        log.info("calendar.import_proposed", calendar=calendar_id, by=by, days=len(days))
        return proposed

    async def approve(
        self, calendar_id: str, import_id: str, *, by: str, receipt: Receipt | None = None
    ) -> CalendarImport:
        """Puts the new days into the calendar.

        409 `already-approved`, `nothing-to-approve` when it has no new day, and `calendar-moved-on` when the
        calendar is another by now: what would come of it is not what was looked at.
        """
        await receipts.look(self._database, receipt)
        proposed = await self.one(calendar_id, import_id)
        entry, calendar = self._calendar(calendar_id)
        if proposed.approved_at is not None:
            raise Conflict("this import has been approved", type="already-approved")
        if not any(day.effect == "new" for day in proposed.days):
            raise Conflict("it has no day that is new", type="nothing-to-approve")
        moved_on = Conflict(
            "the calendar has changed since this was proposed: propose it again",
            type="calendar-moved-on",
        )
        if entry.version != proposed.based_on:
            raise moved_on
        approved = replace(proposed, approved_by=by, approved_at=self._clock.now())

        async def answer(uow: UnitOfWork) -> None:
            await receipts.keep(uow, receipt, approved)

        try:
            await self._store.put(
                "calendars",
                calendar_id,
                with_days(calendar, proposed.days),
                Match(frozenset({entry.version})),
                by=by,
                note={kept.NOTE: import_id},
                within=answer,
            )
        except ConfigInvalidError as error:
            raise invalid_config(error) from error
        except PreconditionFailed as error:
            await receipts.look(self._database, receipt)  # by the same request, just now
            raise moved_on from error
        log.info("calendar.import_approved", calendar=calendar_id, by=by)
        return await self.one(calendar_id, import_id)

    async def one(self, calendar_id: str, import_id: str) -> CalendarImport:
        """404 `unknown-import` when this calendar has none of this id."""
        async with self._database.read() as connection:
            row = await kept.one(connection, calendar_id, import_id)
        if row is None:
            raise NotFound("there is no such import into this calendar", type="unknown-import")
        return _import(row)

    async def newest(self, calendar_id: str) -> list[CalendarImport]:
        """The last 50, the newest first."""
        self._calendar(calendar_id)
        async with self._database.read() as connection:
            return [_import(row) for row in await kept.newest(connection, calendar_id, MOST_SHOWN)]

    def _calendar(self, calendar_id: str) -> tuple[Entry, Calendar]:
        entry = self._store.current.entry("calendars", calendar_id)
        if entry is None:
            raise NotFound(f"there is no {calendar_id!r} in calendars", type="unknown-calendar")
        assert isinstance(entry.value, Calendar)
        return entry, entry.value


def with_days(calendar: Calendar, days: tuple[ProposedDay, ...]) -> dict[str, Any]:
    """The calendar with the new ones of these days. A transferred working day takes Monday's windows where each
    working day of the calendar has its own."""
    new = [day for day in days if day.effect == "new"]
    worked = [day.day for day in new if day.kind == "working"]
    working: Any = calendar.working
    if isinstance(working, dict):
        working = {**working, **{day: calendar.weekly.get("mon", []) for day in worked}}
    else:
        working = sorted({*working, *worked})
    closed = sorted({*calendar.closed, *(day.day for day in new if day.kind == "closed")})
    changed = calendar.model_copy(update={"closed": closed, "working": working})
    document: dict[str, Any] = changed.model_dump(mode="json")
    return document


_KEPT = ("id", "calendar", "source", "based_on", "by", "at")


def _import(row: kept.AnyRow) -> CalendarImport:
    days = tuple(ProposedDay(**{**day, "day": date.fromisoformat(day["day"])}) for day in row.days)
    return CalendarImport(
        **{name: getattr(row, name) for name in _KEPT},
        days=days,
        approved_by=row.approved_by,
        approved_at=row.approved_at,
    )
