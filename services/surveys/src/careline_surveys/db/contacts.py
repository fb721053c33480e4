"""Calls as contacts: who was talked to, and who had to call again within a week.

Nobody is named. A call has the keyed hash of its number for as long as a late event may still tell
of a call of the same week; then the hash goes, and whether the patient called again stays.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ColumnElement,
    Integer,
    case,
    delete,
    exists,
    func,
    literal,
    null,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_surveys.db.answers import By, Group, Period, begin_of
from careline_surveys.db.tables import contact
from careline_surveys.domain.scoring import Tally

WINDOW = timedelta(days=7)
"""Who calls again within this time had not been helped at first contact."""

KEY_KEPT = timedelta(days=37)
"""The window, and the 30 days for which an event may be parked and come late."""

KEYS: Mapping[str, ColumnElement[Any]] = {
    "agent": contact.c.agent,
    "team": contact.c.team,
    "queue": contact.c.queue,
    "insurer": contact.c.insurer,
    "service": literal("call"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A call that has ended; agent, team and queue as they were at its end."""

    call_id: str
    person_key: bytes | None
    agent: str | None
    team: str | None
    queue: str | None
    insurer: str | None
    handled: bool
    callback: bool
    arrived_at: datetime
    ended_at: datetime
    talked_at: datetime | None = None
    """When the talk began; only needed while the call is heard of."""


async def add(connection: AsyncConnection, calls: Sequence[Contact]) -> None:
    """Writes calls; one that is there already stands."""
    if not calls:
        return
    columns = [column.name for column in contact.c if column.name != "repeated"]
    rows = [
        {name: getattr(call, name) for name in columns}
        for call in sorted(calls, key=lambda each: each.call_id)
    ]
    await connection.execute(insert(contact).on_conflict_do_nothing(), rows)


async def known(connection: AsyncConnection, call_id: str) -> bool:
    """Whether the end of a call has been heard of."""
    found = await connection.execute(select(contact.c.call_id).where(contact.c.call_id == call_id))
    return found.first() is not None


def _called_again() -> ColumnElement[bool]:
    """Whether the same person called us again in the window; that we called him does not count."""
    later = contact.alias("later")
    return exists().where(
        later.c.person_key == contact.c.person_key,
        later.c.call_id != contact.c.call_id,
        ~later.c.callback,
        later.c.arrived_at > contact.c.ended_at,
        later.c.arrived_at <= contact.c.ended_at + WINDOW,
    )


async def groups(
    connection: AsyncConnection,
    *,
    by: By,
    period: Period | None,
    zone: ZoneInfo,
    begin: datetime | None,
    end: datetime | None,
    now: datetime,
    min_n: int,
    key: str | None = None,
) -> Sequence[Group]:
    """Calls that agents handled and that ended in [begin, end), at least a week ago.

    `good` are those after which nobody called again. Callers without a number are not counted.
    """
    column = KEYS.get(by)
    if column is None:
        return []
    again = func.coalesce(contact.c.repeated, _called_again())
    known = contact.c.person_key.is_not(None) | contact.c.repeated.is_not(None)
    calls = select(
        column.label("key"),
        begin_of(period, contact.c.ended_at, zone).label("period"),
        case((again, 0), else_=1).label("good"),
    ).where(contact.c.handled, known, column.is_not(None), contact.c.ended_at <= now - WINDOW)
    if begin is not None:
        calls = calls.where(contact.c.ended_at >= begin)
    if end is not None:
        calls = calls.where(contact.c.ended_at < end)
    if key is not None:
        calls = calls.where(column == key)
    each = calls.subquery()
    statement = (
        select(
            each.c.key,
            each.c.period,
            func.count().label("n"),
            func.sum(each.c.good).cast(Integer).label("good"),
        )
        .group_by(each.c.key, each.c.period)
        .order_by(each.c.key, each.c.period)
    )
    return [
        Group(
            key=row.key,
            period=row.period,
            tally=Tally(n=row.n, good=row.good),
            min_n=min_n,
            delivered=0,
            answered=0,
        )
        for row in await connection.execute(statement)
    ]


def _forgetting(now: datetime) -> Any:
    """Drops the key and keeps what it tells: that he called again, or that he did not in all the time."""
    over = contact.c.ended_at <= now - WINDOW
    kept = case((_called_again(), True), (over, False), else_=null())
    return update(contact).values(repeated=kept, person_key=None)


async def forget_person(connection: AsyncConnection, person_key: bytes, now: datetime) -> int:
    """Drops the key of one person from all his calls; returns how many they were."""
    done = await connection.execute(
        _forgetting(now).where(contact.c.person_key == person_key).returning(contact.c.call_id)
    )
    return len(done.all())


async def forget_old(connection: AsyncConnection, now: datetime, limit: int) -> int:
    """Drops keys that nobody needs any more, the oldest first; returns how many."""
    old = (
        select(contact.c.call_id)
        .where(contact.c.person_key.is_not(None), contact.c.ended_at <= now - KEY_KEPT)
        .order_by(contact.c.ended_at)
        .limit(limit)
    )
    done = await connection.execute(
        _forgetting(now).where(contact.c.call_id.in_(old)).returning(contact.c.call_id)
    )
    return len(done.all())


async def delete_old(connection: AsyncConnection, before: datetime, limit: int) -> int:
    """Deletes calls that ended before; they name nobody by then. Returns how many."""
    old = select(contact.c.call_id).where(contact.c.ended_at < before).limit(limit)
    gone = await connection.execute(delete(contact).where(contact.c.call_id.in_(old)))
    return gone.rowcount
