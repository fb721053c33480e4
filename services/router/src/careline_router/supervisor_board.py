"""The floor as supervisors see it live: read from memory once a second, however many of them look.

What stands here may be a batch ahead of what is committed; it is for looking at, and nothing follows from it.
Nobody's number or name is in it.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from careline_common.clock import Clock
from careline_router.domain.floor import Floor
from careline_router.domain.states import Agent, Call
from careline_router.floorplan import FloorPlan
from careline_router.runtime.codec import stamp
from careline_router.views import Viewer

EVERY_S = 1.0
Rows = Mapping[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Board:
    """One look at the floor: rows by id; `teams_of` are the teams that may see a call."""

    queues: Rows = field(default_factory=dict)
    pbxs: Rows = field(default_factory=dict)
    agents: Rows = field(default_factory=dict)
    calls: Rows = field(default_factory=dict)
    teams_of: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def for_viewer(self, viewer: Viewer) -> "Board":
        """What this supervisor sees: all queues and PBXs, the agents of his teams, and their calls."""
        if viewer.everything or viewer.overview:
            return self
        agents = {name: row for name, row in self.agents.items() if row["team"] in viewer.teams}
        calls = {
            name: row for name, row in self.calls.items() if self.teams_of[name] & viewer.teams
        }
        return replace(self, agents=agents, calls=calls)

    def document(self) -> dict[str, Any]:
        return {name: list(getattr(self, name).values()) for name in PARTS}

    def since(self, before: "Board") -> dict[str, Any]:
        """What is different from an earlier look: changed rows whole, and the ids of those that are gone."""
        changed: dict[str, Any] = {}
        for name in PARTS:
            old, new = getattr(before, name), getattr(self, name)
            rows = [row for key, row in new.items() if old.get(key) != row]
            gone = [key for key in old if key not in new]
            if rows:
                changed[name] = rows
            if gone:
                changed.setdefault("gone", {})[name] = gone
        return changed


PARTS = ("queues", "pbxs", "agents", "calls")


class Boards:
    """The newest look, at most a second old."""

    def __init__(
        self, *, floor: Callable[[], Floor], plan: Callable[[], FloorPlan], clock: Clock
    ) -> None:
        self._floor = floor
        self._plan = plan
        self._clock = clock
        self._board = Board()
        self._until = float("-inf")

    def now(self) -> Board:
        if self._clock.monotonic() >= self._until:
            self._board = board_of(self._floor(), self._plan())
            self._until = self._clock.monotonic() + EVERY_S / 2
        return self._board


def board_of(floor: Floor, plan: FloorPlan) -> Board:
    live = [call for call in floor.calls.values() if call.state != "ended"]
    able: dict[tuple[tuple[str, int], ...], frozenset[str]] = {}
    return Board(
        queues={name: _queue(name, floor, live, plan) for name in plan.queues},
        pbxs={name: _pbx(name, floor, plan) for name in plan.pbxs},
        agents={
            name: _agent(agent, plan.agents[name].name)
            for name, agent in floor.agents.items()
            if name in plan.agents
        },
        calls={call.id: _call(call) for call in live},
        teams_of={call.id: _teams(call, floor, plan, able) for call in live},
    )


def _queue(name: str, floor: Floor, live: list[Call], plan: FloorPlan) -> dict[str, Any]:
    waits = [each for each in live if each.queue == name and each.state in {"queued", "offered"}]
    since = [each.queued_at for each in waits if each.queued_at is not None]
    states = Counter(
        floor.agents[each].state if each in floor.agents else "logged_out"
        for each in plan.serving(name)
    )
    return {
        "id": name,
        "waiting": len(waits),
        "oldest_since": stamp(min(since)) if since else None,
        "agents": dict(states),
    }


def _pbx(name: str, floor: Floor, plan: FloorPlan) -> dict[str, Any]:
    since = floor.pbxs_down.get(name)
    return {
        "id": name,
        "site": plan.site_of(name),
        "state": plan.state_of(name, floor.pbxs_down),
        "since": None if since is None else stamp(since),
    }


def _agent(agent: Agent, name: str) -> dict[str, Any]:
    return {
        "id": agent.id,
        "name": name or None,
        "team": agent.spec.team,
        "site": agent.site,
        "state": agent.state,
        "reason": agent.reason,
        "since": stamp(agent.since) if agent.since else None,
        "offer": agent.offer,
        "call": agent.call,
    }


def _call(call: Call) -> dict[str, Any]:
    return {
        "id": call.id,
        "line": call.line,
        "queue": call.queue,
        "priority": call.priority,
        "payer": call.payer,
        "language": call.language,
        "state": call.state,
        "arrived_at": stamp(call.arrived_at),
        "queued_at": None if call.queued_at is None else stamp(call.queued_at),
        "answered_at": None if call.answered_at is None else stamp(call.answered_at),
        "agent": call.agent,
    }


def _teams(
    call: Call,
    floor: Floor,
    plan: FloorPlan,
    able: dict[tuple[tuple[str, int], ...], frozenset[str]],
) -> frozenset[str]:
    """The teams that may see a call: its agent's; while it waits, all of which somebody could serve it."""
    agent = floor.agents.get(call.agent or "")
    if agent is not None:
        return frozenset(() if agent.spec.team is None else (agent.spec.team,))
    needs = tuple(sorted(call.needs.items()))
    if needs not in able:
        able[needs] = frozenset(
            each.team
            for each in plan.agents.values()
            if each.team is not None and plan.can_take(each, call.needs)
        )
    return able[needs]
