"""Marks of changes, and the counts that are compared with them."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Date, Row, cast, func, insert, literal, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_tickets.db import report_tables, tables
from careline_tickets.db.surges import SOURCE

t, m = tables.ticket.c, report_tables.mark.c
_NO_CASE = or_(t.external_source.is_(None), t.external_source != SOURCE)


async def by_week(
    connection: AsyncConnection, *, by: str, monday: date, weeks: int, zone: ZoneInfo
) -> dict[str | None, list[int]]:
    """Appeals registered in each of the last whole weeks before `monday`, by one detail."""
    first = monday - timedelta(weeks=weeks)
    week = cast(func.date_trunc("week", func.timezone(str(zone), t.registered_at)), Date)
    query = (
        select(t[by].label("key"), week.label("week"), func.count().label("number"))
        .where(
            t.registered_at >= datetime.combine(first, time(0), zone),
            t.registered_at < datetime.combine(monday, time(0), zone),
            _NO_CASE,
        )
        .group_by(t[by], week)
    )
    found: dict[str | None, list[int]] = {}
    for row in await connection.execute(query):
        counts = found.setdefault(row.key, [0] * weeks)
        counts[(row.week - first).days // 7] = row.number
    return found


async def count(
    connection: AsyncConnection, *, start: datetime, end: datetime, subject: object
) -> int:
    """Appeals registered from `start` up to `end`, about a subject or about all."""
    query = select(func.count()).where(t.registered_at >= start, t.registered_at < end, _NO_CASE)
    if subject is not None:
        query = query.where(t.subject == subject)
    return (await connection.execute(query)).scalar_one()


async def add(connection: AsyncConnection, values: Mapping[str, Any]) -> None:
    await connection.execute(insert(report_tables.mark).values(**values))


async def find(connection: AsyncConnection, mark_id: str) -> Row[Any] | None:
    return (
        await connection.execute(select(report_tables.mark).where(m.id == mark_id))
    ).one_or_none()


async def page_of(
    connection: AsyncConnection, *, limit: int, after: tuple[datetime, str] | None
) -> Sequence[Row[Any]]:
    query = select(report_tables.mark)
    if after is not None:
        query = query.where(tuple_(m.at, m.id) < tuple_(*map(literal, after)))
    return (await connection.execute(query.order_by(m.at.desc(), m.id.desc()).limit(limit))).all()
