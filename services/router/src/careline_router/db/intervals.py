"""What happened in each interval of a time: calls from their records, agents' time from the journal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

By = Literal["queue", "agent", "team", "payer", "line", "site"]

LONGEST_SHIFT = timedelta(days=1)
"""So long before a time its agents may have been told their states."""
USUAL_TARGET_S = 20.0
"""Of a queue that is configured no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """From `since`, until before `until`, in steps that are counted from `since`."""

    since: datetime
    until: datetime
    step: timedelta

    def parameters(self) -> dict[str, Any]:
        return {"since": self.since, "until": self.until, "step": self.step}


_KEYS: Mapping[By, str] = {
    "queue": "record.queue",
    "agent": "record.agent",
    "team": "record.team",
    "payer": "record.payer",
    "line": "record.line",
    "site": "member.key",
}

_CALLS = """
    SELECT date_bin(CAST(:step AS interval), record.queued_at, CAST(:since AS timestamptz)) AS slot,
        {key} AS key,
        count(*) AS offered,
        count(answered_at) AS answered,
        count(*) FILTER (WHERE outcome = 'abandoned') AS abandoned,
        count(*) FILTER (WHERE answered_at - queued_at <= limits.target) AS in_target,
        count(*) FILTER (
            WHERE outcome = 'abandoned' AND ended_at - queued_at <= limits.target) AS short_abandoned,
        extract(epoch FROM avg(answered_at - queued_at))::float8 AS asa_s,
        extract(epoch FROM avg(ended_at - answered_at
            + coalesce(wrapped_up_at - ended_at, interval '0')))::float8 AS aht_s,
        percentile_cont(0.95) WITHIN GROUP (ORDER BY limits.wait_s) AS p95_s,
        percentile_cont(0.99) WITHIN GROUP (ORDER BY limits.wait_s) AS p99_s
    FROM call_record AS record
    LEFT JOIN unnest(CAST(:queues AS text[]), CAST(:targets AS float8[])) AS target (queue, s)
        ON target.queue = record.queue
    LEFT JOIN unnest(CAST(:agents AS text[]), CAST(:keys AS text[])) AS member (agent, key)
        ON member.agent = record.agent
    CROSS JOIN LATERAL (
        SELECT make_interval(secs => coalesce(record.target_s, target.s, CAST(:usual AS float8))) AS target,
            extract(epoch FROM coalesce(
                answered_at, CASE outcome WHEN 'abandoned' THEN ended_at END) - queued_at)::float8 AS wait_s
    ) AS limits
    WHERE record.queued_at >= :since AND record.queued_at < :until
        AND record.control <> 'desk'
        AND NOT EXISTS (SELECT FROM callback WHERE callback.call_id = record.id)
        {only}
    GROUP BY 1, 2"""

_TIMES = text("""
    WITH told AS (
        SELECT seq, at, data->>'agent_id' AS agent,
            CASE kind
                WHEN 'AgentStateChanged' THEN data->>'state'
                WHEN 'OfferMade' THEN 'reserved'
                ELSE 'talking'
            END AS state
        FROM journal
        WHERE floor = :floor AND at >= :before AND at < :until
            AND kind IN (
                'AgentStateChanged', 'OfferMade', 'CallConnected', 'DialRequested', 'WorkResumed')
    ), span AS (
        SELECT agent, state, greatest(at, CAST(:since AS timestamptz)) AS began,
            least(lead(at) OVER (PARTITION BY agent ORDER BY seq), CAST(:until AS timestamptz)) AS ended
        FROM told
    ), part AS (
        SELECT slot, agent, state,
            extract(epoch FROM least(ended, slot + CAST(:step AS interval)) - greatest(began, slot))::float8 AS s
        FROM span
        CROSS JOIN LATERAL generate_series(
            date_bin(CAST(:step AS interval), began, CAST(:since AS timestamptz)), ended, CAST(:step AS interval)) AS slot
        WHERE state IN ('ready', 'reserved', 'talking', 'wrap_up') AND began < ended
    )
    SELECT slot, member.key,
        sum(s) FILTER (WHERE state IN ('talking', 'wrap_up')) AS busy_s,
        sum(s) AS at_work_s
    FROM part
    JOIN unnest(CAST(:agents AS text[]), CAST(:keys AS text[])) AS member (agent, key) USING (agent)
    WHERE s > 0
    GROUP BY slot, member.key""")


async def calls(
    connection: AsyncConnection,
    by: By,
    span: Span,
    *,
    targets: Mapping[str, float],
    members: Mapping[str, str],
    only_teams: Sequence[str] | None = None,
) -> list[Row[*tuple[Any, ...]]]:
    """Counts and times of the calls queued in each interval, by key; null for calls that have none.

    Callbacks count as the call that they came from. `targets` are seconds by queue; `members` gives
    the site of each agent; `only_teams` leaves out what other teams, or none, have answered.
    """
    statement = _CALLS.format(
        key=_KEYS[by], only="" if only_teams is None else "AND record.team = ANY(:teams)"
    )
    found = await connection.execute(
        text(statement),
        {
            **span.parameters(),
            "queues": list(targets),
            "targets": list(targets.values()),
            "usual": USUAL_TARGET_S,
            "agents": list(members),
            "keys": list(members.values()),
            **({} if only_teams is None else {"teams": list(only_teams)}),
        },
    )
    return list(found.all())


async def times(
    connection: AsyncConnection,
    floor: str,
    span: Span,
    *,
    members: Mapping[str, str],
) -> list[Row[*tuple[Any, ...]]]:
    """Seconds that agents were busy, and at work and not on a break, in each interval by the key that
    `members` gives them. As far back as the journal is kept."""
    found = await connection.execute(
        _TIMES,
        {
            "floor": floor,
            "before": span.since - LONGEST_SHIFT,
            **span.parameters(),
            "agents": list(members),
            "keys": list(members.values()),
        },
    )
    return list(found.all())
