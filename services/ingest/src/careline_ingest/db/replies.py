"""Answers that are to be put where their senders find them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_ingest.db.tables import answer, run


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A run whose sender does not know its outcome yet; `failures` tries went wrong."""

    run_id: str
    attempt: int
    failures: int
    revision: int


async def expect(connection: AsyncConnection, source: str, run_id: str) -> None:
    """The sender of this run's file is to be answered when it ends."""
    await connection.execute(
        insert(answer).values(run_id=run_id, source=source).on_conflict_do_nothing()
    )


async def due(connection: AsyncConnection, source: str, limit: int) -> Sequence[Due]:
    """Oldest first. A run that was read again has another outcome, which is told too."""
    statement = (
        select(answer.c.run_id, run.c.attempt, answer.c.failures, answer.c.revision)
        .join(run, run.c.id == answer.c.run_id)
        .where(
            answer.c.source == source,
            run.c.status != "running",
            or_(answer.c.delivered < run.c.attempt, answer.c.told < answer.c.revision),
            or_(answer.c.next_at.is_(None), answer.c.next_at <= func.now()),
        )
        .order_by(answer.c.run_id)
        .limit(limit)
    )
    rows = await connection.execute(statement)
    return [Due(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name


async def sources_due(connection: AsyncConnection) -> set[str]:
    """Sources that have an answer to be told now."""
    statement = (
        select(answer.c.source)
        .join(run, run.c.id == answer.c.run_id)
        .where(
            run.c.status != "running",
            or_(answer.c.delivered < run.c.attempt, answer.c.told < answer.c.revision),
            or_(answer.c.next_at.is_(None), answer.c.next_at <= func.now()),
        )
        .distinct()
    )
    return set((await connection.execute(statement)).scalars())


async def changed(connection: AsyncConnection, run_id: str) -> None:
    """A replay has changed what the sender was told."""
    await connection.execute(
        update(answer)
        .where(answer.c.run_id == run_id)
        .values(revision=answer.c.revision + 1, next_at=None)
    )


async def delivered(connection: AsyncConnection, told: Due) -> None:
    """What is due now and was not yet when it was delivered stays due."""
    await connection.execute(
        update(answer)
        .where(answer.c.run_id == told.run_id)
        .values(
            delivered=told.attempt,
            told=told.revision,
            delivered_at=func.now(),
            failures=0,
            next_at=None,
            error=None,
        )
    )


async def failed(connection: AsyncConnection, run_id: str, reason: str, again: timedelta) -> None:
    await connection.execute(
        update(answer)
        .where(answer.c.run_id == run_id)
        .values(failures=answer.c.failures + 1, next_at=func.now() + again, error=reason)
    )
