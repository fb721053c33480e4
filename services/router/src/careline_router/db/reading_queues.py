"""What is read back of queues: who waits in them, and how their calls have fared."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_router.db.tables import call_record

_INTERVALS = text("""
    SELECT queue,
        count(*) AS offered,
        count(answered_at) AS answered,
        count(*) FILTER (WHERE outcome = 'abandoned') AS abandoned,
        count(*) FILTER (WHERE answered_at - queued_at <= make_interval(secs => coalesce(target_s, target.s))) AS in_target,
        count(*) FILTER (WHERE outcome = 'abandoned'
            AND ended_at - queued_at <= make_interval(secs => coalesce(target_s, target.s))) AS short_abandoned,
        extract(epoch FROM avg(answered_at - queued_at))::float8 AS asa_s,
        extract(epoch FROM avg(ended_at - answered_at
            + coalesce(wrapped_up_at - ended_at, interval '0')))::float8 AS aht_s,
        percentile_cont(0.95) WITHIN GROUP (
            ORDER BY extract(epoch FROM answered_at - queued_at)::float8) AS p95_s,
        percentile_cont(0.99) WITHIN GROUP (
            ORDER BY extract(epoch FROM answered_at - queued_at)::float8) AS p99_s
    FROM call_record
    JOIN unnest(CAST(:queues AS text[]), CAST(:targets AS float8[])) AS target (q, s)
        ON target.q = queue
    WHERE queued_at >= :since
        AND control <> 'desk'
        AND NOT EXISTS (SELECT FROM callback WHERE callback.call_id = call_record.id)
    GROUP BY queue""")


async def intervals(
    connection: AsyncConnection, targets: dict[str, float], since: datetime
) -> dict[str, Row[*tuple[Any, ...]]]:
    """Counts and times by queue, of the calls queued since a moment."""
    found = await connection.execute(
        _INTERVALS,
        {"queues": list(targets), "targets": list(targets.values()), "since": since},
    )
    return {row.queue: row for row in found}


_WAITING = (
    select(
        call_record.c.queue,
        func.count().label("waiting"),
        func.min(call_record.c.queued_at).label("oldest"),
    )
    .where(call_record.c.ended_at.is_(None), call_record.c.state.in_(("queued", "offered")))
    .group_by(call_record.c.queue)
)


async def waiting(connection: AsyncConnection) -> dict[str, Row[*tuple[Any, ...]]]:
    """How many wait in each queue, and since when the first of them."""
    return {row.queue: row for row in await connection.execute(_WAITING)}
