"""The way of callers through self-service, and how many needed nobody."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Row, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_router.db.tables import self_service_step

By = Literal["flow", "line"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainmentRow:
    """How the calls ended that were served by a machine first; percent of those that are over."""

    key: str
    entered: int
    self_served: int
    voicemail: int
    overflow: int
    to_agents: int
    abandoned: int
    containment_pct: float | None


async def add_steps(
    connection: AsyncConnection,
    call_id: str,
    steps: Sequence[tuple[str, str]],
    *,
    flow: str,
    version: int | None,
    at: datetime,
) -> None:
    """Nodes that a caller came through, and what he did there; digits that he entered are not kept."""
    rows = [
        {
            "call_id": call_id, "flow": flow, "flow_version": version,
            "node": node, "input": what, "at": at,
        }
        for node, what in steps
    ]  # fmt: skip
    if rows:
        await connection.execute(insert(self_service_step), rows)


async def steps_of(connection: AsyncConnection, call_id: str) -> Sequence[Row[*tuple[Any, ...]]]:
    """The way of one caller, in order."""
    step = self_service_step.c
    found = await connection.execute(
        select(step.at, step.flow, step.flow_version, step.node, step.input)
        .where(step.call_id == call_id)
        .order_by(step.id)
    )
    return found.all()


_CONTAINMENT = """
    WITH served AS (
        SELECT DISTINCT ON (call_id) call_id, flow FROM self_service_step
        WHERE at >= :since AND at < CAST(:until AS timestamptz) + interval '1 day'
        ORDER BY call_id, id)
    SELECT {key} AS key,
        count(*) AS entered,
        count(*) FILTER (WHERE record.outcome = 'self_served') AS self_served,
        count(*) FILTER (WHERE record.outcome = 'voicemail') AS voicemail,
        count(*) FILTER (WHERE record.outcome = 'overflow') AS overflow,
        count(record.queued_at) AS to_agents,
        count(*) FILTER (WHERE record.outcome = 'abandoned' AND record.queued_at IS NULL) AS abandoned,
        count(record.ended_at) AS ended
    FROM served JOIN call_record AS record ON record.id = served.call_id
    WHERE record.arrived_at >= :since AND record.arrived_at < :until
    GROUP BY 1 ORDER BY 1"""
_KEYS = {"flow": "served.flow", "line": "record.line"}


async def containment(
    connection: AsyncConnection, by: By, since: datetime, until: datetime
) -> list[ContainmentRow]:
    """Of the calls that arrived from `since` until before `until`."""
    found = await connection.execute(
        text(_CONTAINMENT.format(key=_KEYS[by])), {"since": since, "until": until}
    )
    return [
        ContainmentRow(
            key=row.key,
            entered=row.entered,
            self_served=row.self_served,
            voicemail=row.voicemail,
            overflow=row.overflow,
            to_agents=row.to_agents,
            abandoned=row.abandoned,
            containment_pct=round(100 * row.self_served / row.ended, 2) if row.ended else None,
        )
        for row in found
    ]
