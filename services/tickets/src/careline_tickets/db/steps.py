"""Rows of steps: one for each step of each generation of each clock, for ever."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_tickets.db import tables
from careline_tickets.db.writing import Delete, Insert
from careline_tickets.domain.clocks import ClockKind
from careline_tickets.domain.steps import Planned, planned
from careline_tickets.domain.ticket import Ticket

s = tables.step.c
KEY = (s.ticket_id, s.clock, s.generation, s.step)
PENDING = s.fired_at.is_(None)
_PENDING = "coalesce(step.fired_at, 'infinity') = 'infinity'"
"""The same for rows whose key is known, said so that PostgreSQL goes by the key. The index on `fires_at` holds just
the pending ones, and while its statistics are of a time when none were, it would read all of that: a million."""

NOW = func.statement_timestamp()
"""The database's clock decides what is due: those of the processes may be wrong. It stands still
within a statement, so that the index on `fires_at` serves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DueStep:
    """A step whose time has come."""

    ticket_id: str
    clock: ClockKind
    generation: int
    step: str
    fires_at: datetime


def moved(before: Ticket | None, after: Ticket) -> tuple[Delete | Insert, ...]:
    """What brings the rows to what is planned now; what has fired stays as it is."""
    if before and (before.policy, before.clocks) == (after.policy, after.clocks):
        return ()  # as by most actions: to plan takes longer than all the rest
    known = set(planned(before)) if before is not None else set[Planned]()
    wanted = set(planned(after))
    gone = {one.key for one in known} - {one.key for one in wanted}
    return (
        Delete(tables.step, [_key(after.id, *key) for key in sorted(gone)], _PENDING),
        Insert(
            tables.step,
            [
                _key(after.id, *one.key) | {"fires_at": one.fires_at, "attempts": 0}
                for one in sorted(wanted - known)
            ],
            conflict=("ticket_id", "clock", "generation", "step"),
            changing=("fires_at", "attempts"),
            only=_PENDING,
        ),
    )


def _key(ticket_id: str, clock: ClockKind, generation: int, step: str) -> dict[str, Any]:
    return {
        "ticket_id": ticket_id,
        "clock": str(clock),
        "generation": generation,
        "step": step,
    }


async def claim(connection: AsyncConnection, limit: int) -> list[str]:
    """Locks up to so many appeals with due steps and returns their ids.

    Appeals are locked and never steps, in the order in which everybody else locks them; those that
    somebody works on are left for the next time, so that any number of processes share the work.
    """
    due = (
        select(s.ticket_id).where(PENDING, s.fires_at <= NOW).order_by(s.fires_at).limit(8 * limit)
    )
    t = tables.ticket.c
    found = await connection.execute(
        select(t.id)
        .where(t.id.in_(due.scalar_subquery()))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return list(found.scalars())


async def due_of(connection: AsyncConnection, ticket_ids: Sequence[str]) -> list[DueStep]:
    """The due steps of appeals that are locked, those due first first."""
    found = await connection.execute(
        select(*KEY, s.fires_at)
        .where(s.ticket_id.in_(ticket_ids), PENDING, s.fires_at <= NOW)
        .order_by(s.fires_at, *KEY)
    )
    return [
        DueStep(
            ticket_id=row.ticket_id,
            clock=ClockKind(row.clock),
            generation=row.generation,
            step=row.step,
            fires_at=row.fires_at,
        )
        for row in found
    ]


async def mark_fired(connection: AsyncConnection, step: DueStep, result: str) -> datetime | None:
    """Notes that it fired; when, or None when it is not to fire any more."""
    moment: datetime | None = await connection.scalar(
        update(tables.step)
        .where(*_is(step), text(_PENDING))
        .values(fired_at=NOW, result=result)
        .returning(s.fired_at)
    )
    return moment


async def postpone(connection: AsyncConnection, ticket_id: str) -> None:
    """Has the due steps of an appeal tried again, ever later: one that cannot be done must not keep
    the others from theirs."""
    await connection.execute(
        update(tables.step)
        .where(s.ticket_id == ticket_id, PENDING, s.fires_at <= NOW)
        .values(
            attempts=s.attempts + 1,
            fires_at=NOW + text("least(60 * 2 ^ least(attempts, 10), 3600) * interval '1 s'"),
        )
    )


async def lag_s(connection: AsyncConnection) -> float:
    """For so many seconds the step has been due that has waited longest; 0 when none is."""
    oldest = select(func.min(s.fires_at)).where(PENDING).scalar_subquery()
    lag = await connection.scalar(select(func.extract("epoch", NOW - oldest)))
    return max(0.0, float(lag or 0.0))


def _is(step: DueStep) -> tuple[ColumnElement[bool], ...]:
    return (
        s.ticket_id == step.ticket_id,
        s.clock == str(step.clock),
        s.generation == step.generation,
        s.step == step.step,
    )
