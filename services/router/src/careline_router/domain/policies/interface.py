"""What a policy decides: which idle agent a call gets, and which waiting call an agent gets.

What holds under every policy stands in `matching`: who can serve what, the longest wait, emergencies
first, callbacks that wait for agents to spare.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from careline_router.domain.floor_state import FloorState
    from careline_router.domain.groups import IdleEntry, SkillGroup
    from careline_router.domain.states import Agent, Call
    from careline_router.domain.waiting import Entry, WaitingClass

Scores = tuple[tuple[int, float], ...]
"""Group index and score; for an agent's choice the lower is the better."""
Considered = tuple[tuple["WaitingClass", float, float], ...]
"""Class, since when its first call waits, and that call's value; the higher is the better."""


Able = tuple["SkillGroup", int, "IdleEntry"]
"""A group with an idle agent for a call: the group, its rank there, the agent whose turn it is."""
Candidate = tuple["WaitingClass", int, "Entry | None", "Entry | None"]
"""A class that an agent can serve, his rank there, and its first fresh and first late call, of which one
is there. Whoever is late came before whoever is fresh."""


class AgentChoice(NamedTuple):
    agent_id: str
    scores: Scores


class CallChoice(NamedTuple):
    call_id: str
    considered: Considered
    tokens: float | None = None
    """What is left for late calls after this choice, under a policy that rations them."""


class Policy(Protocol):
    """One way of choosing. It keeps nothing that the floor's state does not hold."""

    @property
    def name(self) -> str: ...

    @property
    def looks(self) -> Sequence[float]:
        """Waits, in seconds, after which a call that still waits may be given to more agents."""

    def place(self, agent: Agent) -> float:
        """The agent's place among the idle of his group: the least goes first."""

    def refresh(self, state: FloorState) -> None:
        """The load or the agents at work have changed: weighs everything anew."""

    def pick_agent(
        self, call: Call, waiting: WaitingClass, able: Sequence[Able], state: FloorState
    ) -> AgentChoice | None:
        """The agent for a call that has just come; None holds it back, and `holds` says why."""

    def pick_call(
        self, agent: Agent, candidates: Sequence[Candidate], state: FloorState
    ) -> CallChoice | None:
        """The call for an agent who has just become idle; None keeps him free, and `holds` says why."""

    def holds(self, waiting: WaitingClass, waited_s: float, group: SkillGroup) -> str | None:
        """The rule by which a call that has waited so long is not given to idle agents of a group."""
