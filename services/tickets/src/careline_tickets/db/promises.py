"""When citizens are to be told that a promise was not kept."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_tickets.db.notice_tables import promise
from careline_tickets.domain.clocks import Clock


async def follow(connection: AsyncConnection, ticket_id: str, clock: Clock) -> None:
    """Follows the clock of a promise: its time as it is now, none where it does not run."""
    due_at = clock.due_at if clock.running else None
    await connection.execute(
        insert(promise)
        .values(ticket_id=ticket_id, generation=clock.generation, due_at=due_at)
        .on_conflict_do_update(index_elements=["ticket_id", "generation"], set_={"due_at": due_at})
    )
    await connection.execute(
        update(promise)
        .where(
            promise.c.ticket_id == ticket_id,
            promise.c.generation < clock.generation,
            promise.c.told_at.is_(None),
        )
        .values(due_at=None)
    )


async def move(
    connection: AsyncConnection, ticket_ids: Sequence[str], due_at: datetime | None
) -> None:
    """What was promised on these appeals is promised for another time now, also where it was told to be broken;
    with None they are answered."""
    told = {} if due_at is None else {"told_at": None}
    await connection.execute(
        update(promise)
        .where(promise.c.ticket_id.in_(ticket_ids), promise.c.due_at.is_not(None))
        .values(due_at=due_at, **told)
    )


async def due(connection: AsyncConnection, now: datetime, most: int) -> Sequence[str]:
    """Appeals with a promise whose time is over, but for those that were put off."""
    found = await connection.execute(
        select(promise.c.ticket_id)
        .where(
            promise.c.told_at.is_(None),
            promise.c.due_at.is_not(None),
            promise.c.due_at <= now,
            or_(promise.c.again_at.is_(None), promise.c.again_at <= now),
        )
        .order_by(promise.c.due_at)
        .limit(most)
    )
    return list(found.scalars())


async def put_off(connection: AsyncConnection, ticket_id: str, again_at: datetime) -> None:
    """An appeal's promise could not be told: the others pass it until then."""
    await connection.execute(
        update(promise)
        .where(promise.c.ticket_id == ticket_id, promise.c.told_at.is_(None))
        .values(again_at=again_at)
    )


async def tell(connection: AsyncConnection, ticket_id: str, now: datetime) -> datetime | None:
    """Marks that an appeal's promise is told to be broken; returns when it was due, None where it is
    told, or not due any more. The caller has locked the appeal."""
    told = await connection.execute(
        update(promise)
        .where(
            promise.c.ticket_id == ticket_id,
            promise.c.told_at.is_(None),
            promise.c.due_at.is_not(None),
            promise.c.due_at <= now,
        )
        .values(told_at=now)
        .returning(promise.c.due_at)
    )
    return max(told.scalars(), default=None)
