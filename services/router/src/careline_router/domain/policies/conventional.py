"""What centres know: the strategies of Asterisk's app_queue, FreeSWITCH's mod_callcenter and others.

Each is one way of ordering agents, one of ordering calls, and limits for agents of lesser rank.
Names and semantics are those of the published comparison (see docs/simulator.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from zlib import crc32

from careline_router.domain.policies.interface import Able, AgentChoice, CallChoice, Candidate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from careline_router.domain.floor_state import FloorState
    from careline_router.domain.groups import IdleEntry, SkillGroup
    from careline_router.domain.states import Agent, Call
    from careline_router.domain.waiting import WaitingClass

AgentOrder = Literal[
    "round_robin", "random", "fewest_calls", "least_recent", "linear", "longest_idle"
]
CallOrder = Literal["wait", "priority", "level_priority", "score"]

SCORE_BASE_S = {
    "emergency": 120.0, "vip": 90.0, "cash": 60.0, "insured": 30.0, "deferrable": -600.0,
}  # fmt: skip
"""What a call's class adds to its wait, in seconds (mod_callcenter's base score)."""
NEVER = float("inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Conventional:
    """`rank_after_s` is after which wait agents of rank 1, 2, 3 and lower take a call."""

    name: str
    agents: AgentOrder
    calls: CallOrder
    level_first: bool = False
    rank_after_s: tuple[float, ...] = (0.0,)
    seed: int = 0

    @property
    def looks(self) -> Sequence[float]:
        return tuple(after for after in self.rank_after_s if after > 0)

    def place(self, agent: Agent) -> float:
        match self.agents:
            case "fewest_calls":
                return agent.calls_taken
            case "least_recent":
                return agent.last_call_ended or agent.idle_since
            case "linear":
                return agent.order
            case _:
                return agent.idle_since

    def refresh(self, state: FloorState) -> None:
        """Nothing here depends on the load."""

    # -- a call has come -----------------------------------------------------------------------

    def pick_agent(
        self, call: Call, waiting: WaitingClass, able: Sequence[Able], state: FloorState
    ) -> AgentChoice | None:
        waited = state.now - waiting.members[call.id][0]
        free = [found for found in able if self._after(found[1]) <= waited]
        if not free:
            return None
        if self.level_first:
            best = min(found[1] for found in free)
            free = [found for found in free if found[1] == best]
        chosen = self._in_turn(call, waiting, free, state)
        return AgentChoice(chosen[2], tuple((each[0].index, each[2][0]) for each in free))

    def _in_turn(
        self, call: Call, waiting: WaitingClass, free: Sequence[Able], state: FloorState
    ) -> IdleEntry:
        if self.agents not in {"round_robin", "random"}:
            return min(found[2] for found in free)
        room = state.has_nothing_else if waiting.interruptible else state.has_room
        everybody = [
            entry
            for found in free
            for entry in found[0].idle.values()
            if entry == found[2] or (entry[2] not in call.excluded and room(entry[2], call.units))
        ]
        if self.agents == "random":
            drawn = crc32(f"{self.seed}:{call.id}:{call.offers_made}".encode())
            return sorted(everybody, key=lambda entry: entry[1])[drawn % len(everybody)]
        last = state.last_offered.get(call.queue or "", -1)
        count = len(state.agents)
        return min(everybody, key=lambda entry: (entry[1] - last - 1) % count)

    def _after(self, rank: int) -> float:
        limits = self.rank_after_s
        return limits[min(rank, len(limits)) - 1]

    def holds(self, waiting: WaitingClass, waited_s: float, group: SkillGroup) -> str | None:
        rank = waiting.requirement.ranks[group.index]
        return "tier" if waited_s < self._after(rank) else None

    # -- an agent has become idle --------------------------------------------------------------

    def pick_call(
        self, agent: Agent, candidates: Sequence[Candidate], state: FloorState
    ) -> CallChoice | None:
        now = state.now
        best: str | None = None
        best_order: tuple[float | str, ...] = ()
        considered = []
        for waiting, rank, fresh, late in candidates:
            first = late or fresh
            assert first is not None
            queued_at, call_id = first
            if now - queued_at < self._after(rank):
                continue
            order = self._order(waiting, rank, queued_at, now)
            considered.append((waiting, queued_at, -float(order[0])))
            if best is None or (*order, call_id) < best_order:
                best, best_order = call_id, (*order, call_id)
        return None if best is None else CallChoice(best, tuple(considered))

    def _order(
        self, waiting: WaitingClass, rank: int, queued_at: float, now: float
    ) -> tuple[float, ...]:
        """The least goes first."""
        match self.calls:
            case "wait":
                return (queued_at,)
            case "priority":
                return (waiting.rank, queued_at)
            case "level_priority":
                return (rank, waiting.rank, queued_at)
            case _:
                return (queued_at - now - SCORE_BASE_S[waiting.priority],)
