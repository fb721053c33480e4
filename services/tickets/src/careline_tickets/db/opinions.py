"""Opinions and suggestions of a time, as their words."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_tickets.db import tables
from careline_tickets.domain.opinions import Opinion
from careline_tickets.domain.vocabulary import Kind, Status
from careline_tickets.domain.words import words_of

t, p, w, c = tables.ticket.c, tables.person.c, tables.wording.c, tables.content.c


async def registered(
    connection: AsyncConnection, *, start: datetime, end: datetime, subjects: Sequence[str] = ()
) -> list[Opinion]:
    """The suggestions registered from `start` up to `end`; merged ones count where they were merged into."""
    query = (
        select(
            t.id,
            t.subject,
            func.coalesce(
                func.encode(p.phone_key, "hex"), func.encode(p.policy_key, "hex"), t.id
            ).label("person"),
            func.tsvector_to_array(w.words).label("words"),
            c.body,
        )
        .outerjoin(tables.person, p.ticket_id == t.id)
        .outerjoin(tables.wording, w.ticket_id == t.id)
        .outerjoin(tables.content, c.id == w.content_id)
        .where(*_of(start, end, subjects))
        .order_by(t.id)
    )
    return [
        Opinion(
            id=row.id,
            subject=row.subject,
            person=row.person,
            words=frozenset(word for word in row.words or () if _tells(word)),
            spoken=frozenset(words_of(row.body or "").stemmed),
        )
        for row in await connection.execute(query)
    ]


async def number(
    connection: AsyncConnection, *, start: datetime, end: datetime, subjects: Sequence[str] = ()
) -> int:
    """How many there are of them."""
    query = select(func.count()).select_from(tables.ticket).where(*_of(start, end, subjects))
    return (await connection.execute(query)).scalar_one()


def _of(start: datetime, end: datetime, subjects: Sequence[str]) -> list[ColumnElement[bool]]:
    conditions = [
        t.kind == Kind.SUGGESTION,
        t.status != Status.MERGED,
        t.registered_at >= start,
        t.registered_at < end,
    ]
    return [*conditions, t.subject.in_(subjects)] if subjects else conditions


def _tells(word: str) -> bool:
    """Neither the time of the appeal nor a single Chinese sign."""
    return not word.startswith("@") and (len(word) > 1 or word.isascii())
