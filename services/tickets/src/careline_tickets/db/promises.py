"""When citizens are to be told that a promise was not kept."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_tickets.db.notice_tables import promise
from careline_tickets.domain.clocks import Clock


async def follow(
    connection: AsyncConnection, ticket_id: str, clock: Clock, *, told_anew: bool
) -> None:
    """Follows the clock of a promise: its time as it is now, none where it does not run.

    The day that a citizen was told holds until he is `told_anew`: a clock that is due sooner for what happened here,
    by a merge or another policy, leaves it, and what was told to be broken stays told."""
    due_at, told_at = clock.due_at if clock.running else None, None
    if clock.generation > 1 and due_at is not None and not told_anew:
        before = await _latest(connection, ticket_id)
        if before is not None and due_at <= before.due_at:
            due_at, told_at = before.due_at, before.told_at
    values = {"due_at": due_at, "told_at": told_at}
    await connection.execute(
        insert(promise)
        .values(ticket_id=ticket_id, generation=clock.generation, **values)
        .on_conflict_do_update(index_elements=["ticket_id", "generation"], set_={"due_at": due_at})
    )
    if clock.generation > 1:
        await connection.execute(
            update(promise)
            .where(
                promise.c.ticket_id == ticket_id,
                promise.c.generation < clock.generation,
                promise.c.told_at.is_(None),
            )
            .values(due_at=None)
        )


async def _latest(connection: AsyncConnection, ticket_id: str) -> Row[Any, Any] | None:
    """The last day that was promised, and when it was told to be broken."""
    found = await connection.execute(
        select(promise.c.due_at, promise.c.told_at)
        .where(promise.c.ticket_id == ticket_id, promise.c.due_at.is_not(None))
        .order_by(promise.c.due_at.desc())
        .limit(1)
    )
    return found.one_or_none()


async def join(connection: AsyncConnection, merged_id: str, into_id: str) -> None:
    """One citizen's two promises become one, by the earlier day; where the other appeal has none, this one stays."""
    live = (promise.c.told_at.is_(None), promise.c.due_at.is_not(None))
    mine = promise.alias("mine")
    his_day = (
        select(func.min(mine.c.due_at))
        .where(mine.c.ticket_id == merged_id, mine.c.told_at.is_(None))
        .scalar_subquery()
    )
    joined = await connection.execute(
        update(promise)
        .where(promise.c.ticket_id == into_id, *live)
        .values(due_at=func.least(promise.c.due_at, his_day))
    )
    if joined.rowcount:
        await connection.execute(
            update(promise)
            .where(promise.c.ticket_id == merged_id, promise.c.told_at.is_(None))
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
