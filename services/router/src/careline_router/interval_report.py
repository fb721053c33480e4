"""The floor by intervals: what supervisors compare days with, and workforce managers plan by."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Row

from careline_common.clock import Clock
from careline_common.db.engine import Database
from careline_router.db import intervals, reading
from careline_router.db.intervals import By, Span
from careline_router.floorplan import FloorPlan
from careline_router.runtime.floor_actor import FLOOR
from careline_router.views import Viewer

OF_AGENTS: frozenset[By] = frozenset({"agent", "team", "site"})
"""Keys of which it is known how long their agents were at work."""


class IntervalRow(BaseModel):
    """The calls queued from `from` on, for one step, with one key; null is the key of calls that have
    none (nobody has answered them). Times in seconds.

    `sl_offered_pct` is in target of all offered, `sl_short_abandon_pct` without those who gave up within
    the target; `lcr_pct` abandoned of offered; `p95_s` and `p99_s` of the waits of answered and abandoned
    calls; `occupancy_pct` talk and wrap-up of the time at work without breaks, for agents, teams and
    sites.
    """

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    from_: datetime = Field(alias="from")
    key: str | None
    offered: int = 0
    answered: int = 0
    abandoned: int = 0
    in_target: int = 0
    sl_offered_pct: float | None = None
    sl_short_abandon_pct: float | None = None
    asa_s: float | None = None
    aht_s: float | None = None
    lcr_pct: float | None = None
    p95_s: float | None = None
    p99_s: float | None = None
    occupancy_pct: float | None = None


class IntervalReport:
    """Reads the report; it never writes."""

    def __init__(self, *, database: Database, plan: Callable[[], FloorPlan], clock: Clock) -> None:
        self._database = database
        self._plan = plan
        self._clock = clock

    async def rows(self, viewer: Viewer, by: By, span: Span) -> list[IntervalRow]:
        """By time, then by key. Of agents and teams a supervisor sees his own."""
        plan = self._plan()
        limited = by in {"agent", "team"} and not (viewer.everything or viewer.overview)
        teams = sorted(viewer.teams) if limited else None
        until_now = replace(span, until=min(span.until, self._clock.now()))
        async with self._database.read() as connection:
            sites = {name: row.site for name, row in (await reading.sessions(connection)).items()}
            members = _members(plan, by, sites, teams)
            calls = await intervals.calls(
                connection,
                by,
                span,
                targets={queue.id: queue.target_s for queue in plan.queues.values()},
                members=members,
                only_teams=teams,
            )
            times = (
                await intervals.times(connection, FLOOR, until_now, members=members)
                if by in OF_AGENTS and until_now.since < until_now.until
                else []
            )
        return _joined(calls, times)


def _members(
    plan: FloorPlan, by: By, sites: Mapping[str, str | None], teams: list[str] | None
) -> dict[str, str]:
    """The key of each agent who has one: himself, his team, or the site where he logged in last."""
    members: dict[str, str] = {}
    for agent in plan.agents.values():
        if teams is not None and agent.team not in teams:
            continue
        key = {
            "agent": agent.id,
            "team": agent.team,
            "site": sites.get(agent.id) or agent.site,
        }.get(by)
        if key is not None:
            members[agent.id] = key
    return members


def _joined(
    calls: list[Row[*tuple[Any, ...]]], times: list[Row[*tuple[Any, ...]]]
) -> list[IntervalRow]:
    rows = {(row.slot, row.key): _of_calls(row) for row in calls}
    for spent in times:
        place = (spent.slot, spent.key)
        row = rows.setdefault(place, IntervalRow(from_=spent.slot, key=spent.key))
        rows[place] = row.model_copy(
            update={"occupancy_pct": _percent(spent.busy_s or 0.0, spent.at_work_s)}
        )
    return [rows[place] for place in sorted(rows, key=lambda each: (each[0], each[1] or ""))]


def _of_calls(row: Row[*tuple[Any, ...]]) -> IntervalRow:
    return IntervalRow(
        from_=row.slot,
        key=row.key,
        offered=row.offered,
        answered=row.answered,
        abandoned=row.abandoned,
        in_target=row.in_target,
        sl_offered_pct=_percent(row.in_target, row.offered),
        sl_short_abandon_pct=_percent(row.in_target, row.offered - row.short_abandoned),
        asa_s=_rounded(row.asa_s),
        aht_s=_rounded(row.aht_s),
        lcr_pct=_percent(row.abandoned, row.offered),
        p95_s=_rounded(row.p95_s),
        p99_s=_rounded(row.p99_s),
    )


def _percent(part: float, whole: float) -> float | None:
    return round(100 * part / whole, 2) if whole else None


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 2)
