"""Lists of appeals: by conditions, by person and by words, and counted for the journal."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    CompoundSelect,
    Row,
    RowMapping,
    and_,
    bindparam,
    case,
    func,
    literal,
    literal_column,
    or_,
    select,
    tuple_,
    union,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_tickets.db import tables
from careline_tickets.db.wording import page_with_words
from careline_tickets.domain.vocabulary import Status
from careline_tickets.domain.words import Sought

t, p = tables.ticket.c, tables.person.c

OPEN = t.status.not_in(
    bindparam("ended", ["closed", "merged"], expanding=True, literal_execute=True)
)
"""Written out in the statement, so that PostgreSQL sees the partial indexes fit."""


_HAS_EXPERTS = literal_column("ticket.experts <> '{}'", Boolean)
"""Said too, so that PostgreSQL sees the partial index fit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """An appeal's number, or a number of a person: what somebody may type into the search instead of words."""

    number: str | None = None
    phone_key: bytes | None = field(default=None, repr=False)
    policy_key: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """They narrow together; None narrows nothing."""

    status: str | None = None
    level: int | None = None
    channel: str | None = None
    kind: str | None = None
    subject: str | None = None
    territory: str | None = None
    organisation: str | None = None
    insurer: str | None = None
    owner: str | None = None
    group_id: str | None = None
    call_id: str | None = None
    overdue: bool | None = None
    expert: str | None = None
    """Only appeals to which this expert was invited."""
    only_insurer: str | None = None
    """Only this insurer's, whatever `insurer` asks for."""
    phone_key: bytes | None = field(default=None, repr=False)
    policy_key: bytes | None = field(default=None, repr=False)
    words: Sought | None = field(default=None, repr=False)
    """Words that all stand in the text."""
    named: Named | None = field(default=None, repr=False)


_APART = {"overdue", "expert", "only_insurer", "phone_key", "policy_key", "words", "named"}
_PLAIN = tuple(item.name for item in fields(Conditions) if item.name not in _APART)


def _clauses(conditions: Conditions, now: datetime) -> list[ColumnElement[bool]]:
    clauses = [
        t[name] == getattr(conditions, name)
        for name in _PLAIN
        if getattr(conditions, name) is not None
    ]
    if conditions.overdue is not None:
        overdue = and_(OPEN, t.due_at < now)
        clauses.append(overdue if conditions.overdue else or_(t.due_at.is_(None), ~overdue))
    if conditions.expert is not None:
        clauses += [t.experts.contains([conditions.expert]), _HAS_EXPERTS]
    if conditions.only_insurer is not None:
        clauses.append(t.insurer == conditions.only_insurer)
    if conditions.phone_key is not None:
        clauses.append(t.id.in_(select(p.ticket_id).where(p.phone_key == conditions.phone_key)))
    if conditions.policy_key is not None:
        clauses.append(t.id.in_(select(p.ticket_id).where(p.policy_key == conditions.policy_key)))
    if conditions.named is not None:
        clauses.append(t.id.in_(_named(conditions.named)))
    return clauses


def _named(named: Named) -> CompoundSelect[Any]:
    queries = [select(t.id).where(t.number == named.number)]
    if named.phone_key is not None:
        queries.append(select(p.ticket_id).where(p.phone_key == named.phone_key))
    if named.policy_key is not None:
        queries.append(select(p.ticket_id).where(p.policy_key == named.policy_key))
    return union(*queries)


async def page_of(
    connection: AsyncConnection,
    conditions: Conditions,
    *,
    now: datetime,
    limit: int,
    after: tuple[datetime, str] | None,
) -> Sequence[RowMapping]:
    """Rows of the ticket table, those registered last first."""
    clauses = _clauses(conditions, now)
    if conditions.words is not None:
        return await page_with_words(
            connection, conditions.words, clauses, limit=limit, after=after
        )
    query = select(tables.ticket).where(*clauses)
    if after is not None:
        query = query.where(tuple_(t.registered_at, t.id) < tuple_(*map(literal, after)))
    query = query.order_by(t.registered_at.desc(), t.id.desc()).limit(limit)
    return (await connection.execute(query)).mappings().all()


async def waiting_for(
    connection: AsyncConnection, insurer: str, *, limit: int
) -> Sequence[RowMapping]:
    """Rows of the appeals that an insurer has to answer, the most urgent first."""
    query = (
        select(tables.ticket)
        .where(t.insurer == insurer, t.status == Status.WITH_INSURER)
        .order_by(t.priority, t.due_at.nulls_last(), t.id)
        .limit(limit)
    )
    return (await connection.execute(query)).mappings().all()


async def history_of(
    connection: AsyncConnection, ticket_id: str, *, after: int = 0, limit: int | None = None
) -> Sequence[Row[Any]]:
    """The history of an appeal, oldest first: what came after a version, all of it or so many changes."""
    columns = tables.history.c
    query = (
        select(tables.history)
        .where(columns.ticket_id == ticket_id, columns.version > after)
        .order_by(columns.version)
        .limit(limit)
    )
    return (await connection.execute(query)).all()


async def open_by_status(connection: AsyncConnection, now: datetime) -> dict[str, tuple[int, int]]:
    """How many open appeals there are in each status, and how many of them are overdue."""
    found = await connection.execute(
        select(t.status, func.count(), func.count(case((t.due_at < now, 1))))
        .where(OPEN)
        .group_by(t.status)
    )
    return {row[0]: (row[1], row[2]) for row in found}
