"""Figures of a week or a month, and the reports that were made of them."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    Subquery,
    and_,
    case,
    exists,
    func,
    or_,
    select,
    true,
    tuple_,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_tickets.db import report_tables, tables
from careline_tickets.db.reading import OPEN
from careline_tickets.domain.vocabulary import Outcome, Status

t = tables.ticket.c
AGAIN_WITHIN = timedelta(days=30)
"""Who appeals again so soon is a repeat complainant."""


_SOLVED = func.extract("epoch", t.closed_at - t.registered_at)
_FILLED = tables.filling.c.took_s


def _share(percent: float, seconds: ColumnElement[Any], where: ColumnElement[bool]) -> Any:
    return func.percentile_cont(percent).within_group(seconds.asc()).filter(where)


def _times(new: ColumnElement[bool], closed: ColumnElement[bool]) -> tuple[Any, ...]:
    """Median and 90th percentile in seconds: of filling in what is new, of solving what is closed."""
    return (
        _share(0.5, _FILLED, new).label("fill_median_s"),
        _share(0.9, _FILLED, new).label("fill_p90_s"),
        _share(0.5, _SOLVED, closed).label("solve_median_s"),
        _share(0.9, _SOLVED, closed).label("solve_p90_s"),
    )


async def note_filling(connection: AsyncConnection, ticket_id: str, took_s: float) -> None:
    """How long somebody took to fill a new appeal in."""
    await connection.execute(insert(tables.filling).values(ticket_id=ticket_id, took_s=took_s))


async def figures(
    connection: AsyncConnection,
    *,
    start: datetime,
    end: datetime,
    subjects: Sequence[str] = (),
) -> Sequence[Row[Any]]:
    """Counts by subject of what was registered or closed from `start` up to `end`, or open then; the
    row in which `whole` is 1 is over all. Merged appeals count where they were merged into."""
    new = and_(t.registered_at >= start, t.registered_at < end)
    closed = and_(t.status == Status.CLOSED, t.closed_at >= start, t.closed_at < end)
    open_ = and_(t.registered_at < end, or_(t.closed_at.is_(None), t.closed_at >= end))

    def counted(condition: ColumnElement[bool]) -> ColumnElement[Any]:
        return func.count(case((condition, 1)))

    columns: tuple[Any, ...] = (
        t.subject,
        func.grouping(t.subject).label("whole"),
        counted(new).label("registered"),
        counted(closed).label("closed"),
        counted(open_).label("open"),
        counted(_ran_out(start, end)).label("overdue"),
        counted(and_(closed, t.returns > 0)).label("returned"),
        func.coalesce(func.sum(t.returns).filter(closed), 0).label("returns"),
        counted(and_(closed, t.outcome == Outcome.JUSTIFIED)).label("justified"),
        *_times(new, closed),
        counted(and_(new, _again())).label("repeated"),
    )
    query: Select[Any] = (
        select(*columns)
        .outerjoin(tables.filling, tables.filling.c.ticket_id == t.id)
        .where(t.status != Status.MERGED, t.registered_at < end, or_(new, closed, open_))
    )
    if subjects:
        query = query.where(t.subject.in_(subjects))
    query = query.group_by(func.grouping_sets(tuple_(t.subject), tuple_()))
    found: Sequence[Row[Any]] = (
        await connection.execute(query.order_by(func.count().desc(), t.subject))
    ).all()
    return found


async def journal(
    connection: AsyncConnection,
    *,
    by: str,
    start: datetime | None,
    end: datetime | None,
    now: datetime,
    only_insurer: str | None = None,
) -> Sequence[Row[Any]]:
    """Appeals registered from `start` up to, not including, `end`, counted by one detail."""

    def counted(condition: ColumnElement[bool], label: str) -> ColumnElement[Any]:
        return func.count(case((condition, 1))).label(label)

    of_time = [] if start is None else [t.registered_at >= start]
    of_time += [] if end is None else [t.registered_at < end]
    whose = [] if only_insurer is None else [t.insurer == only_insurer]
    again, closed = _by_the_same(start, end, whose), t.status == Status.CLOSED
    query = (
        select(
            t[by].label("key"),
            func.count().label("registered"),
            counted(OPEN, "open"),
            counted(closed, "closed"),
            counted(and_(OPEN, t.due_at < now), "overdue"),
            counted(t.returns > 0, "returned"),
            func.sum(t.returns).label("returns"),
            counted(t.outcome == Outcome.JUSTIFIED, "justified"),
            counted(t.outcome.is_not(None), "with_outcome"),
            *_times(true(), closed),
            counted(again.c.again, "repeated"),
        )
        .outerjoin(tables.filling, tables.filling.c.ticket_id == t.id)
        .outerjoin(again, again.c.ticket_id == t.id)
        .where(*of_time, *whose)
        .group_by(t[by])
        .order_by(func.count().desc(), t[by])
    )
    return (await connection.execute(query)).all()


def _by_the_same(
    start: datetime | None, end: datetime | None, whose: Sequence[ColumnElement[bool]]
) -> Subquery:
    """By appeal, whether the same person, by phone or policy, had appealed shortly before. Worked out for all of them
    at once: to look it up for each takes too long over a year."""
    person = tables.person.c

    def earlier(key: ColumnElement[Any]) -> ColumnElement[bool]:
        last = func.lag(t.registered_at).over(partition_by=key, order_by=(t.registered_at, t.id))
        return and_(key.is_not(None), t.registered_at - last <= AGAIN_WITHIN)

    of_time = [] if start is None else [t.registered_at >= start - AGAIN_WITHIN]
    of_time += [] if end is None else [t.registered_at < end]
    either = or_(earlier(person.phone_key), earlier(person.policy_key))
    return (
        select(person.ticket_id, either.label("again"))
        .join(tables.ticket, t.id == person.ticket_id)
        .where(*of_time, *whose, or_(person.phone_key.is_not(None), person.policy_key.is_not(None)))
        .subquery("same_person")
    )


def _ran_out(start: datetime, end: datetime) -> ColumnElement[bool]:
    """A clock of the appeal ran out in this time before it was stopped."""
    clock = tables.clock.c
    return exists().where(
        clock.ticket_id == t.id,
        clock.due_at >= start,
        clock.due_at < end,
        clock.paused_at.is_(None),
        or_(clock.stopped_at.is_(None), clock.stopped_at > clock.due_at),
    )


def _again() -> ColumnElement[bool]:
    """The same person, by phone or policy, had appealed shortly before."""
    mine, other, before = tables.person.alias(), tables.person.alias(), tables.ticket.alias()
    return exists().where(
        mine.c.ticket_id == t.id,
        or_(other.c.phone_key == mine.c.phone_key, other.c.policy_key == mine.c.policy_key),
        before.c.id == other.c.ticket_id,
        before.c.id != t.id,
        before.c.registered_at < t.registered_at,
        before.c.registered_at >= t.registered_at - AGAIN_WITHIN,
    )


async def registered_by_day(
    connection: AsyncConnection, *, start: datetime, end: datetime, subjects: Sequence[str] = ()
) -> dict[date, int]:
    """How many appeals were registered on each day of the zone in which `start` is given."""
    day = func.date(func.timezone(str(start.tzinfo), t.registered_at))
    query = select(day, func.count()).where(
        t.registered_at >= start, t.registered_at < end, t.status != Status.MERGED
    )
    if subjects:
        query = query.where(t.subject.in_(subjects))
    return {row[0]: row[1] for row in await connection.execute(query.group_by(day))}


async def keep(connection: AsyncConnection, values: dict[str, Any]) -> bool:
    """Keeps a report; False when this department's report of this period is there already."""
    kept = await connection.execute(
        insert(report_tables.report)
        .values(**values)
        .on_conflict_do_nothing(index_elements=["department", "length", "first_day"])
        .returning(report_tables.report.c.id)
    )
    return kept.first() is not None


async def last_kept(connection: AsyncConnection, department: str, length: str) -> date | None:
    """The first day of the latest period that this department has a report of."""
    r = report_tables.report.c
    found: date | None = await connection.scalar(
        select(func.max(r.first_day)).where(r.department == department, r.length == length)
    )
    return found


async def kept(
    connection: AsyncConnection,
    *,
    department: str | None,
    limit: int,
    after: tuple[datetime, str] | None,
) -> Sequence[Row[Any]]:
    """Reports that were made, the last first."""
    r = report_tables.report.c
    query = select(report_tables.report)
    if department is not None:
        query = query.where(r.department == department)
    if after is not None:
        query = query.where(or_(r.made_at < after[0], and_(r.made_at == after[0], r.id < after[1])))
    query = query.order_by(r.made_at.desc(), r.id.desc()).limit(limit)
    return (await connection.execute(query)).all()


async def find(connection: AsyncConnection, report_id: str) -> Row[Any] | None:
    query = select(report_tables.report).where(report_tables.report.c.id == report_id)
    return (await connection.execute(query)).one_or_none()
