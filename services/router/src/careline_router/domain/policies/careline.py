"""The floor's own policy: time to target first, with a share kept for those who are late.

R1T of the research behind Careline: calls that can still be answered in time go by how near their
target is; calls that are late already go by how late, and are let in by tokens, so that neither
rots. An agent is chosen by what he would be worth to the other calls he can serve (his shadow price,
after Mandelbaum & Stolyar's index rules and the weight-based routing of Chan, Koole & L'Ecuyer 2014).
The last idle agent of the scarcest skill is kept for it, for a while.
"""

from __future__ import annotations

from math import exp, sqrt
from typing import TYPE_CHECKING

from careline_router.domain.policies.interface import Able, AgentChoice, CallChoice, Candidate
from careline_router.domain.skills import BEST_LEVEL, slowness

if TYPE_CHECKING:
    from collections.abc import Sequence

    from careline_router.domain.floor_state import FloorState
    from careline_router.domain.groups import IdleEntry, Requirement, SkillGroup
    from careline_router.domain.states import Agent, Call
    from careline_router.domain.waiting import Entry, WaitingClass
    from careline_router.domain.words import Priority

WEIGHTS: dict[Priority, float] = {
    "emergency": 16.0, "vip": 8.0, "cash": 4.0, "insured": 1.0, "deferrable": 0.3,
}  # fmt: skip
SCARCE_FACTOR = 1.2
URGENT_FACTOR = 2.0
NEARNESS = 12.0
"""How much more a call is worth when its target is reached than when it has just come."""
LATENESS = 0.25
"""How fast the value of a late call grows with the square of its lateness, in targets."""
OWN_SKILL = 8
"""The power of slowness by which a call loses value for an agent who is slow at it."""
TOKENS_A_CHOICE = 0.3
MOST_TOKENS = 30.0
SPARE_AGENTS = 6.0
"""With so many more idle agents the price of one falls to 1/e."""
RESERVE_S = 20.0
"""The last idle agent of a scarce skill is kept for it from calls that have waited less."""
USUAL_OCCUPANCY = 0.85
"""Of the agents at work, when what they are offered is only known in shares."""
PRICED_IDLE = 64
"""With more idle agents than this, one is worth nothing."""
_QUICK = [0.0, *(slowness(rank) ** -OWN_SKILL for rank in range(1, BEST_LEVEL + 1))]
_SLOWER = [0.0, *(slowness(rank) - 1.0 for rank in range(1, BEST_LEVEL + 1))]
_FALLS = [0.0, *(exp(-(idle - 1) / SPARE_AGENTS) for idle in range(1, PRICED_IDLE + 1))]


class CarelinePolicy:
    name = "careline"
    looks: Sequence[float] = (RESERVE_S,)

    def __init__(self, *, fair: bool = False) -> None:
        self._fair = fair
        self._scarce: frozenset[Requirement] = frozenset()
        self._guards: dict[int, tuple[Requirement, ...]] = {}
        """By group index, the scarce requirements that its agents can serve."""

    def place(self, agent: Agent) -> float:
        return agent.idle_since

    def refresh(self, state: FloorState) -> None:
        loads = state.demand.shares(state.waiting.classes)
        at_work = sum(len(group.members) for group in state.groups.groups)
        self._scarce = scarce = _scarcest(loads, at_work)
        for waiting in state.waiting.classes.values():
            weight = WEIGHTS[waiting.priority]
            if waiting.urgent:
                weight *= URGENT_FACTOR
            if waiting.requirement in scarce and waiting.priority != "deferrable":
                weight *= SCARCE_FACTOR
            waiting.weight = weight
        worth: dict[Requirement, float] = {}
        for waiting, share in loads.items():
            needs = waiting.requirement
            worth[needs] = worth.get(needs, 0.0) + share * waiting.weight
        for requirement in state.groups.requirements.values():
            asked = worth.get(requirement, 0.0)
            requirement.prices = [asked * fall for fall in _FALLS]
            requirement.count(0)
        self._guards = {
            group.index: kept
            for group in state.groups.groups
            if (kept := tuple(needs for needs in group.requirements if needs in scarce))
        }

    # -- a call has come -----------------------------------------------------------------------

    def pick_agent(
        self, call: Call, waiting: WaitingClass, able: Sequence[Able], state: FloorState
    ) -> AgentChoice | None:
        keeps = self._keeps_last(waiting, state.now - waiting.members[call.id][0])
        if keeps:
            able = [found for found in able if not self._is_last(found[0].index)]
        if self._fair:
            return _fairest(able)
        own = waiting.requirement
        best: IdleEntry | None = None
        least = 0.0
        scores: list[tuple[int, float]] = []
        for group, rank, first in able:
            cost = _SLOWER[rank]
            for requirement in group.requirements:
                if requirement is not own:
                    cost += requirement.price
            scores.append((group.index, cost))
            if best is None or cost < least or (cost == least and first < best):
                best, least = first, cost
        return None if best is None else AgentChoice(best[2], tuple(scores))

    def _keeps_last(self, waiting: WaitingClass, waited_s: float) -> bool:
        """Whether the last idle agent of a scarce skill is kept from such calls."""
        return waited_s < RESERVE_S and waiting.requirement not in self._scarce

    def _is_last(self, group_index: int) -> bool:
        """Whether a group's idle agents are the last of a scarce skill."""
        guards = self._guards.get(group_index)
        return guards is not None and any(needs.idle <= 1 for needs in guards)

    def holds(self, waiting: WaitingClass, waited_s: float, group: SkillGroup) -> str | None:
        kept = self._keeps_last(waiting, waited_s) and self._is_last(group.index)
        return "reserve" if kept else None

    # -- an agent has become idle --------------------------------------------------------------

    def pick_call(
        self, agent: Agent, candidates: Sequence[Candidate], state: FloorState
    ) -> CallChoice | None:
        group = state.groups.group_of(agent.id)
        is_last = group is not None and self._is_last(group.index)
        now = state.now
        first_fresh: Entry | None = None
        first_late: Entry | None = None
        fresh_value = late_value = 0.0
        considered = []
        for waiting, rank, fresh, late in candidates:
            target = waiting.target_s
            worth = waiting.weight * _QUICK[rank]
            if fresh is not None:
                since = fresh[0]
                if not (is_last and self._keeps_last(waiting, now - since)):
                    value = worth * (1.0 + NEARNESS) * (now - since) / target - rank + 1
                    considered.append((waiting, since, value))
                    if (
                        first_fresh is None
                        or value > fresh_value
                        or (value == fresh_value and fresh < first_fresh)
                    ):
                        first_fresh, fresh_value = fresh, value
            if late is not None:
                since = late[0]
                over = (now - since - target) / target
                value = worth * (1.0 + LATENESS * over * over) - rank + 1
                considered.append((waiting, since, value))
                if (
                    first_late is None
                    or value > late_value
                    or (value == late_value and late < first_late)
                ):
                    first_late, late_value = late, value
        if first_late is None:
            return CallChoice(first_fresh[1], tuple(considered)) if first_fresh else None
        if first_fresh is None:
            return CallChoice(first_late[1], tuple(considered))
        tokens = min(MOST_TOKENS, state.tokens + TOKENS_A_CHOICE)
        if late_value > fresh_value and tokens >= 1.0:
            return CallChoice(first_late[1], tuple(considered), tokens - 1.0)
        return CallChoice(first_fresh[1], tuple(considered), tokens)


def _scarcest(loads: dict[WaitingClass, float], at_work: int) -> frozenset[Requirement]:
    """The requirement with the least headroom: able agents above the load, in square roots of the
    load (the square-root rule of staffing); deferrable work aside."""
    load_of: dict[Requirement, float] = {}
    for waiting, share in loads.items():
        if waiting.priority != "deferrable":
            needs = waiting.requirement
            load_of[needs] = load_of.get(needs, 0.0) + share * USUAL_OCCUPANCY * at_work
    headroom = {
        needs: (needs.members - load) / sqrt(load)
        for needs, load in load_of.items()
        if load > 0 and needs.members
    }
    if len(headroom) < 2:
        return frozenset()
    return frozenset((min(headroom, key=lambda needs: (headroom[needs], needs.key)),))


def _fairest(able: Sequence[Able]) -> AgentChoice | None:
    """The longest idle of those with the best level."""
    if not able:
        return None
    best = min(able, key=lambda found: (found[1], found[2]))
    return AgentChoice(best[2][2], tuple((group.index, float(rank)) for group, rank, _ in able))
