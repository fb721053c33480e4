"""Arrivals by day and series, and the surges that were found among them."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, TypedDict, Unpack
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ColumnElement,
    Date,
    Row,
    RowMapping,
    and_,
    cast,
    func,
    insert,
    literal,
    or_,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_tickets.db import tables
from careline_tickets.domain.surges.series import Arrivals, Key

t, s = tables.ticket.c, tables.surge.c
SOURCE = "surge"
"""The external source of the cases that surges open; they are no arrivals themselves."""
_TURN = text("SELECT pg_advisory_xact_lock(hashtextextended('tickets surges', 0))")


class Span(TypedDict):
    """Days in a zone, `last` included."""

    first: date
    last: date
    zone: ZoneInfo


async def take_turn(connection: AsyncConnection) -> None:
    """Lets one transaction at a time decide about surges."""
    await connection.execute(_TURN)


async def newest(connection: AsyncConnection) -> str | None:
    """The appeal that was registered last; ids grow with time."""
    found: str | None = await connection.scalar(
        select(tables.ticket.c.id).order_by(tables.ticket.c.id.desc()).limit(1)
    )
    return found


def _arrived(span: Span) -> ColumnElement[bool]:
    """What counts as an arrival of these days."""
    first, last, zone = span["first"], span["last"], span["zone"]
    return and_(
        t.registered_at >= datetime.combine(first, time(0), zone),
        t.registered_at < datetime.combine(last + timedelta(days=1), time(0), zone),
        or_(t.external_source.is_(None), t.external_source != SOURCE),
    )


async def more_than(connection: AsyncConnection, most: int, **span: Unpack[Span]) -> bool:
    """Whether more appeals than this have arrived."""
    beyond = select(t.id).where(_arrived(span)).offset(most).limit(1)
    return (await connection.execute(beyond)).first() is not None


async def arrivals(connection: AsyncConnection, **span: Unpack[Span]) -> Arrivals:
    """Appeals by day of registration in the zone and by cell."""
    day = cast(func.timezone(str(span["zone"]), t.registered_at), Date).label("day")
    query = (
        select(day, t.organisation, t.subject, t.territory, func.count().label("number"))
        .where(_arrived(span))
        .group_by(day, t.organisation, t.subject, t.territory)
    )
    found: dict[date, dict[Key, int]] = {}
    for row in await connection.execute(query):
        key = Key(row.organisation, row.subject, row.territory)
        found.setdefault(row.day, {})[key] = row.number
    return found


async def insurers_of(
    connection: AsyncConnection, key: Key, *, first: date, last: date, zone: ZoneInfo
) -> list[str]:
    """Whose appeals a surge is made of."""
    query = (
        select(t.insurer)
        .distinct()
        .where(
            t.registered_at >= datetime.combine(first, time(0), zone),
            t.registered_at < datetime.combine(last + timedelta(days=1), time(0), zone),
            t.insurer.is_not(None),
        )
    )
    for name, value in key._asdict().items():
        if value is not None:
            query = query.where(t[name] == value)
    return sorted((await connection.execute(query)).scalars())


async def open_surges(connection: AsyncConnection) -> Sequence[Row[Any]]:
    return (
        await connection.execute(select(tables.surge).where(s.closed_at.is_(None)).order_by(s.id))
    ).all()


async def since(connection: AsyncConnection, first: datetime) -> Sequence[Row[Any]]:
    """Surges that were open at this moment or later."""
    query = select(tables.surge).where(or_(s.closed_at.is_(None), s.closed_at >= first))
    return (await connection.execute(query.order_by(s.opened_at, s.id))).all()


async def page_of(
    connection: AsyncConnection,
    *,
    status: str,
    first: datetime | None,
    end: datetime | None,
    insurer: str | None,
    limit: int,
    after: tuple[datetime, str] | None,
) -> Sequence[Row[Any]]:
    """Surges by the moment of opening, the last first; `end` is not included."""
    query = select(tables.surge)
    if status != "all":
        is_open = s.closed_at.is_(None)
        query = query.where(is_open if status == "open" else ~is_open)
    if first is not None:
        query = query.where(s.opened_at >= first)
    if end is not None:
        query = query.where(s.opened_at < end)
    if insurer is not None:
        query = query.where(s.insurers.contains([insurer]))
    if after is not None:
        query = query.where(tuple_(s.opened_at, s.id) < tuple_(*map(literal, after)))
    query = query.order_by(s.opened_at.desc(), s.id.desc()).limit(limit)
    return (await connection.execute(query)).all()


async def find(connection: AsyncConnection, surge_id: str) -> Row[Any] | None:
    query = select(tables.surge).where(s.id == surge_id)
    return (await connection.execute(query)).one_or_none()


async def appeals_of(
    connection: AsyncConnection,
    surge: Row[Any],
    *,
    zone: ZoneInfo,
    insurer: str | None,
    limit: int,
    after: tuple[datetime, str] | None,
) -> Sequence[RowMapping]:
    """Rows of the appeals that a surge is made of, those registered last first: what came about the same from the first
    day that was counted until it closed. An insurer has his own alone."""
    first = surge.opened_on - timedelta(days=surge.days - 1)
    query = select(tables.ticket).where(
        t.registered_at >= datetime.combine(first, time(0), zone),
        or_(t.external_source.is_(None), t.external_source != SOURCE),
        *(t[name] == surge._mapping[name] for name in Key._fields if surge._mapping[name]),  # noqa: SLF001 - its public names
    )
    if surge.closed_at is not None:
        query = query.where(t.registered_at <= surge.closed_at)
    if insurer is not None:
        query = query.where(t.insurer == insurer)
    if after is not None:
        query = query.where(tuple_(t.registered_at, t.id) < tuple_(*map(literal, after)))
    query = query.order_by(t.registered_at.desc(), t.id.desc()).limit(limit)
    return (await connection.execute(query)).mappings().all()


async def add(connection: AsyncConnection, values: Mapping[str, Any]) -> None:
    await connection.execute(insert(tables.surge).values(**values))


async def change(connection: AsyncConnection, surge_id: str, values: Mapping[str, Any]) -> None:
    await connection.execute(update(tables.surge).where(s.id == surge_id).values(**values))
