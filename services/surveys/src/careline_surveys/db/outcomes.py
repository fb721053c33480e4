"""What became of messages: how many are delivered, waiting or unknown, and whom to ask about these."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Double, and_, exists, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_surveys.db.messages import COLUMNS, Message, read_message
from careline_surveys.db.tables import message, part, person
from careline_surveys.domain.health import MEASURED, Deliveries


async def to_look_up(
    connection: AsyncConnection,
    providers: Collection[str],
    now: datetime,
    *,
    pauses_s: Sequence[float],
    limit: int,
) -> Sequence[Message]:
    """Messages of unknown outcome that a provider is to be asked for now; each look counts.

    `pauses_s` are counted from the outcome to the first look, the second, and so on.
    """
    pause = array([literal(each, Double) for each in pauses_s])[message.c.look_ups + 1]
    due = (
        select(message.c.id)
        .where(
            message.c.state == "unknown",
            message.c.created_at > now - timedelta(days=2),
            message.c.provider.in_(providers),
            message.c.look_ups < len(pauses_s),
            message.c.done_at + pause * timedelta(seconds=1) <= now,
        )
        .order_by(message.c.created_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    counted = (
        update(message)
        .where(message.c.id.in_(due), person.c.id == message.c.person_id)
        .values(look_ups=message.c.look_ups + 1)
        .returning(*COLUMNS, person.c.number)
    )
    return [read_message(row) for row in await connection.execute(counted)]


async def deliveries(
    connection: AsyncConnection, provider: str, *, since: float | None, before: datetime
) -> Deliveries:
    """What became of the last messages that a provider took.

    One without a receipt counts once it was handed over before `before`. What the provider refused
    for good says nothing of its deliveries.
    """
    taken = or_(
        message.c.provider_message_id.is_not(None),
        exists().where(part.c.message_id == message.c.id),
    )
    last = (
        select(message.c.state)
        .where(
            message.c.provider == provider,
            or_(
                message.c.state == "delivered",
                and_(message.c.state == "failed", taken),
                and_(message.c.state.in_(("accepted", "unknown")), message.c.done_at <= before),
            ),
            message.c.done_at >= func.to_timestamp(since or 0.0),
        )
        .order_by(message.c.done_at.desc())
        .limit(MEASURED)
        .subquery()
    )
    counts = await connection.execute(
        select(
            func.count().filter(last.c.state == "delivered"),
            func.count().filter(last.c.state.in_(("delivered", "failed"))),
            func.count(),
        ).select_from(last)
    )
    return Deliveries(*counts.one())


async def figures(connection: AsyncConnection, now: datetime) -> tuple[int, int]:
    """(messages due and waiting, messages of the last day with an unknown outcome)."""
    waiting = await connection.execute(
        select(func.count()).where(message.c.state == "queued", message.c.due_at <= now)
    )
    unknown = await connection.execute(
        select(func.count()).where(
            message.c.state == "unknown", message.c.created_at > now - timedelta(days=1)
        )
    )
    return int(waiting.scalar_one()), int(unknown.scalar_one())
