"""How many calls were queued in each half hour, and how they were served: what forecasts are made from."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

_FIRST = text(
    "SELECT min(queued_at) FROM call_record WHERE queue = ANY(:queues) AND control <> 'desk'"
)

_BY_HALF_HOUR = text("""
    SELECT queue, date_bin(interval '30 minutes', queued_at, CAST(:since AS timestamptz)) AS slot,
        count(*) AS calls,
        extract(epoch FROM sum(ended_at - answered_at
            + coalesce(wrapped_up_at - ended_at, interval '0')))::float8 AS handled_s,
        count(ended_at - answered_at) AS handled,
        extract(epoch FROM sum(coalesce(
            answered_at, CASE outcome WHEN 'abandoned' THEN ended_at END) - queued_at))::float8 AS waited_s,
        count(*) FILTER (WHERE outcome = 'abandoned') AS abandoned
    FROM call_record AS record
    WHERE queue = ANY(:queues) AND queued_at >= :since AND queued_at < :until
        AND record.control <> 'desk'
        AND NOT EXISTS (SELECT FROM callback WHERE callback.call_id = record.id)
    GROUP BY 1, 2""")


async def first_queued(connection: AsyncConnection, queues: Sequence[str]) -> datetime | None:
    """When the first call of all was queued that is still known."""
    found: datetime | None = await connection.scalar(_FIRST, {"queues": list(queues)})
    return found


async def by_half_hour(
    connection: AsyncConnection, queues: Sequence[str], since: datetime, until: datetime
) -> list[Row[*tuple[Any, ...]]]:
    """By queue and half hour counted from `since`: `calls`, the seconds in which so many were `handled`,
    and the seconds that answered and abandoned calls have waited. Callbacks count as the call that
    they came from; half hours without a call are left out."""
    parameters = {"queues": list(queues), "since": since, "until": until}
    return list((await connection.execute(_BY_HALF_HOUR, parameters)).all())
