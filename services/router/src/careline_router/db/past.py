"""Reads days that are over out of the journal.

A journal is in the order of its numbers and of its times alike, and only numbers have an index: a
moment is found by halving the numbers.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from sqlalchemy import Date, Text, and_, cast, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_router.db.repository import read_journal
from careline_router.db.tables import journal

PAGE = 5000
CONFIGURES = ("FloorConfigured", "QueuesConfigured", "AgentsConfigured")

Row = tuple[str, str]
"""Kind and data of a journal row."""


@dataclass(frozen=True, slots=True)
class DayOfJournal:
    """A local day, and how many calls and other work were queued on it."""

    day: date
    calls: int


async def days(connection: AsyncConnection, floor: str, zone: str) -> Sequence[DayOfJournal]:
    """The days on which somebody called, in order."""
    day = cast(func.timezone(zone, journal.c.at), Date).label("day")
    found = await connection.execute(
        select(day, func.count().label("calls"))
        .where(journal.c.floor == floor, journal.c.kind == "CallQueued")
        .group_by(day)
        .order_by(day)
    )
    return [DayOfJournal(row.day, row.calls) for row in found]


async def read_past(
    connection: AsyncConnection, floor: str, *, since: float, until: float
) -> AsyncIterator[Row]:
    """The rows from one moment to another (seconds since the epoch), in order; before them, whatever
    has configured the floor earlier."""
    begins = await _first_at(connection, floor, datetime.fromtimestamp(since, UTC))
    ends = await _first_at(connection, floor, datetime.fromtimestamp(until, UTC))
    found = await connection.execute(
        select(journal.c.kind, cast(journal.c.data, Text).label("data"))
        .where(journal.c.floor == floor, journal.c.kind.in_(CONFIGURES), journal.c.seq < begins)
        .order_by(journal.c.seq)
    )
    for row in found:
        yield row.kind, row.data
    after = begins - 1
    while after < ends - 1:
        limit = min(PAGE, ends - 1 - after)
        rows = await read_journal(connection, floor, after=after, limit=limit)
        for _, kind, data in rows:
            yield kind, data
        after = rows[-1][0] if rows else ends


async def read_kinds(
    connection: AsyncConnection,
    floor: str,
    kinds: Sequence[str],
    *,
    since: datetime,
    until: datetime,
) -> AsyncIterator[Row]:
    """The rows of some kinds from one moment to another, in order; those that configure also before."""
    begins = await _first_at(connection, floor, since)
    ends = await _first_at(connection, floor, until)
    earlier = and_(journal.c.seq < begins, journal.c.kind.in_(CONFIGURES))
    found = await connection.stream(
        select(journal.c.kind, cast(journal.c.data, Text).label("data"))
        .where(
            journal.c.floor == floor,
            journal.c.seq < ends,
            journal.c.kind.in_(kinds),
            or_(journal.c.seq >= begins, earlier),
        )
        .order_by(journal.c.seq)
    )
    async for row in found:
        yield row.kind, row.data


async def _first_at(connection: AsyncConnection, floor: str, at: datetime) -> int:
    """The number of the first row that is not earlier; one beyond the last when all are."""
    bounds = select(func.min(journal.c.seq), func.max(journal.c.seq)).where(
        journal.c.floor == floor
    )
    low, last = (await connection.execute(bounds)).one()
    if low is None:
        return 1
    high = last + 1
    while low < high:
        middle = (low + high) // 2
        probe = (
            select(journal.c.seq, journal.c.at)
            .where(journal.c.floor == floor, journal.c.seq >= middle)
            .order_by(journal.c.seq)
            .limit(1)
        )
        row = (await connection.execute(probe)).one()
        if row.at < at:
            low = row.seq + 1
        else:
            high = middle
    return int(low)
