"""Reports of weeks and months: made on demand, and by themselves for each department at its hour."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Self

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_common.clock import Clock
from careline_common.db.engine import Database
from careline_tickets.config import Rules
from careline_tickets.db import reports
from careline_tickets.departments import Department
from careline_tickets.domain.periods import Hour, Length, Period
from careline_tickets.opinion_reports import OpinionReport, make_opinions

LOOK_EVERY_S = 20.0
MISSED = 12
"""So many missed periods are made up for after a standstill, and no more."""
TREND_DAYS = 56
OPINIONS = "opinions"
"""What is kept as the length of a month's report of opinions, beside those of all appeals."""


TIMES = ("fill_median_s", "fill_p90_s", "solve_median_s", "solve_p90_s")


class Figures(BaseModel):
    """`open` is at the end of the period; `overdue` had a clock that ran out in it; `returned` and
    the time to solve are of what was closed in it, from registering to closing; the time to fill in is of what was registered, as far
    as it was told; `repeated` are appeals of people
    who had appealed in the 30 days before. Shares and times are null when nothing was closed."""

    model_config = ConfigDict(frozen=True)

    subject: str | None
    registered: int
    closed: int
    open: int
    overdue: int
    returned: int
    returns: int
    justified: int
    justified_pct: float | None
    fill_median_s: int | None = None
    fill_p90_s: int | None = None
    solve_median_s: int | None
    solve_p90_s: int | None
    repeated: int

    @classmethod
    def of(cls, row: Row[Any]) -> Self:
        values = {name: getattr(row, name) for name in cls.model_fields if name in row._fields}
        for name in TIMES:
            values[name] = None if values[name] is None else round(values[name])
        share = round(100 * row.justified / row.closed, 2) if row.closed else None
        return cls(**values, justified_pct=share)


NOTHING = Figures(
    subject=None,
    registered=0,
    closed=0,
    open=0,
    overdue=0,
    returned=0,
    returns=0,
    justified=0,
    justified_pct=None,
    solve_median_s=None,
    solve_p90_s=None,
    repeated=0,
)


class Report(BaseModel):
    """One period of a department, or of the whole journal; `trend` is what was registered by day in
    the eight weeks up to its end."""

    model_config = ConfigDict(frozen=True)

    length: Length
    period: str
    first_day: date
    last_day: date
    department: str | None
    language: str
    made_at: datetime
    total: Figures
    items: list[Figures]
    trend: list[tuple[date, int]]


async def make(
    connection: AsyncConnection,
    period: Period,
    rules: Rules,
    now: datetime,
    *,
    department: Department | None,
    language: str,
) -> Report:
    """The report of a period as the journal stands now."""
    start, end = period.bounds(rules.zone)
    subjects = [] if department is None else department.subjects
    rows = await reports.figures(connection, start=start, end=end, subjects=subjects)
    first = period.last - timedelta(days=TREND_DAYS - 1)
    by_day = await reports.registered_by_day(
        connection,
        start=start - timedelta(days=(period.first - first).days),
        end=end,
        subjects=subjects,
    )
    days = [first + timedelta(days=each) for each in range(TREND_DAYS)]
    return Report(
        length=period.length,
        period=period.name,
        first_day=period.first,
        last_day=period.last,
        department=None if department is None else department.id,
        language=language,
        made_at=now,
        total=next((Figures.of(row) for row in rows if row.whole), NOTHING),
        items=[Figures.of(row) for row in rows if not row.whole],
        trend=[(day, by_day.get(day, 0)) for day in days],
    )


class Reporter:
    """Makes what is due. Any number of processes may: the database keeps one a period."""

    def __init__(self, database: Database, rules: Callable[[], Rules], clock: Clock) -> None:
        self._database = database
        self._rules = rules
        self._clock = clock

    async def make_due(self) -> int:
        """Makes every report that is due and not there; returns how many this process has made."""
        made = 0
        for department in self._rules().departments.values():
            for due in hours(department):
                for period in await self._missing(department, due):
                    made += await self._make(department, due, period)
        return made

    async def _missing(self, department: Department, due: "Due") -> list[Period]:
        """From the one after the last that was made; of a new department the latest alone."""
        last = due.hour.last_due(due.length, self._clock.now(), self._rules().zone)
        async with self._database.read() as connection:
            known = await reports.last_kept(connection, department.id, due.kept_as)
        periods = [last]
        while known is not None and len(periods) < MISSED and periods[-1].first > known:
            periods.append(periods[-1].before)
        return [each for each in reversed(periods) if known is None or each.first > known]

    async def _make(self, department: Department, due: "Due", period: Period) -> bool:
        rules = self._rules()
        async with self._database.unit_of_work() as uow:
            report = await due.make(
                uow.connection,
                period,
                rules,
                uow.clock.now(),
                department=department,
                language=department.language,
            )
            return await reports.keep(
                uow.connection,
                {
                    "id": uow.ids.new(),
                    "department": department.id,
                    "length": due.kept_as,
                    "first_day": period.first,
                    "language": department.language,
                    "made_at": report.made_at,
                    "body": report.model_dump(mode="json"),
                },
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A report that a department gets: of which length and at which hour, how it is made and kept."""

    length: Length
    hour: Hour
    kept_as: str
    make: Callable[..., Awaitable[Report | OpinionReport]]


def hours(department: Department) -> Iterator[Due]:
    """When a department's reports are due."""
    week, month = Length.WEEK, Length.MONTH
    for length, text, kept_as, maker in (
        (week, department.weekly, str(week), make),
        (month, department.monthly, str(month), make),
        (month, department.opinions, OPINIONS, make_opinions),
    ):
        if text is not None:
            yield Due(length=length, hour=Hour.parse(length, text), kept_as=kept_as, make=maker)


def making(reporter: Reporter) -> Callable[[], Awaitable[None]]:
    async def make_reports() -> None:
        while True:
            await reporter.make_due()
            await asyncio.sleep(LOOK_EVERY_S)

    return make_reports
