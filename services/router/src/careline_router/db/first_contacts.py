"""Calls that were resolved, by their agents' word and by what the callers did afterwards."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

By = Literal["queue", "agent", "team", "payer", "line"]
_KEYS: Mapping[By, str] = {
    "queue": "record.queue",
    "agent": "record.agent",
    "team": "record.team",
    "payer": "record.payer",
    "line": "record.line",
}
_FIRST_CONTACTS = """
    WITH talk AS (
        SELECT {key} AS key, record.resolved, contact.lookup_hmac IS NOT NULL AND NOT EXISTS (
                SELECT FROM call_contact AS other JOIN call_record AS before ON before.id = other.call_id
                WHERE other.lookup_hmac = contact.lookup_hmac AND before.id <> record.id
                    AND before.answered_at IS NOT NULL AND before.arrived_at < record.arrived_at
                    AND before.arrived_at >= record.arrived_at - CAST(:within AS interval)) AS first,
            EXISTS (
                SELECT FROM call_contact AS other JOIN call_record AS after ON after.id = other.call_id
                WHERE other.lookup_hmac = contact.lookup_hmac AND after.id <> record.id
                    AND after.arrived_at > record.arrived_at
                    AND after.arrived_at <= record.ended_at + CAST(:within AS interval)) AS again
        FROM call_record AS record LEFT JOIN call_contact AS contact ON contact.call_id = record.id
        WHERE record.wrapped_up_at IS NOT NULL AND record.answered_at IS NOT NULL
            AND record.ended_at >= :since AND record.ended_at < :until
            {only}
    )
    SELECT key, count(*) AS wrapped_up, count(*) FILTER (WHERE resolved) AS resolved,
        count(*) FILTER (WHERE first) AS first_contacts,
        count(*) FILTER (WHERE first AND resolved AND NOT again) AS resolved_at_first
    FROM talk GROUP BY key ORDER BY key NULLS LAST"""


async def first_contacts(
    connection: AsyncConnection,
    by: By,
    since: datetime,
    until: datetime,
    *,
    within: timedelta,
    only_teams: Sequence[str] | None = None,
) -> Sequence[Row[*tuple[Any, ...]]]:
    """Calls that were wrapped up and ended in a time. A first contact is a call whose number had no talk for
    `within` before it; it is resolved at first when its agent says so and the number has not called again for
    as long after it."""
    statement = _FIRST_CONTACTS.format(
        key=_KEYS[by], only="" if only_teams is None else "AND record.team = ANY(:teams)"
    )
    values: dict[str, Any] = {"since": since, "until": until, "within": within}
    if only_teams is not None:
        values["teams"] = list(only_teams)
    return (await connection.execute(text(statement), values)).all()
