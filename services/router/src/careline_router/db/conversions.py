"""Calls that agents had, and whether they came to an appointment."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

By = Literal["queue", "agent", "team", "payer", "line", "clinic"]

_KEYS: Mapping[By, str] = {
    "queue": "record.queue",
    "agent": "record.agent",
    "team": "record.team",
    "payer": "record.payer",
    "line": "record.line",
    "clinic": "coalesce(made.clinic, record.booking->>'clinic')",
}
_CONVERSIONS = """
    SELECT {key} AS key,
        coalesce(made.booked, false) OR coalesce(record.booking->>'result' = 'booked', false) AND NOT EXISTS (
            SELECT FROM appointment AS named
            WHERE named.id = record.booking->>'appointment_id' AND named.standing IS NULL) AS booked,
        made.clinic IS NOT NULL OR record.booking IS NOT NULL AS wanted,
        record.booking->>'reason' AS reason,
        count(*) AS calls
    FROM call_record AS record
    LEFT JOIN LATERAL (
        SELECT clinic, standing IS NOT NULL AS booked FROM appointment
        WHERE appointment.call_id = record.id
        ORDER BY booked DESC, made_at LIMIT 1) AS made ON true
    WHERE record.answered_at IS NOT NULL AND record.ended_at >= :since AND record.ended_at < :until
        AND record.control <> 'desk'
        {only}
    GROUP BY 1, 2, 3, 4"""


async def conversions(
    connection: AsyncConnection,
    by: By,
    since: datetime,
    until: datetime,
    *,
    only_teams: Sequence[str] | None = None,
) -> Sequence[Row[*tuple[Any, ...]]]:
    """Calls that were answered and ended in a time, counted by key, whether one was booked, whether one was
    wanted, and the reason why not. An appointment that was cancelled later had been booked; one that the wrap-up
    names, and that the booking system turns out not to have, had not."""
    statement = _CONVERSIONS.format(
        key=_KEYS[by], only="" if only_teams is None else "AND record.team = ANY(:teams)"
    )
    values: dict[str, Any] = {"since": since, "until": until}
    if only_teams is not None:
        values["teams"] = list(only_teams)
    return (await connection.execute(text(statement), values)).all()
