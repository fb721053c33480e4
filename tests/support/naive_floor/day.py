"""One day of a conventional policy, played without the engine. Zero ring time, zero lag."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from careline_router.simulation.calls import Call
from careline_router.simulation.roster import RosterAgent
from careline_router.simulation.scenario import Scenario
from naive_floor.policies import POLICIES, Waiter, Worker


@dataclass
class NaiveDay:
    """What became of each call, by its place in the list of calls.

    `waits`: seconds to the answer or to giving up; `agents`: who answered, -1 when nobody did.
    """

    waits: list[float]
    agents: list[int]


def play(
    scenario: Scenario, calls: Sequence[Call], roster: Sequence[RosterAgent], policy: str
) -> NaiveDay:
    """The day of these calls and agents, under a policy of `POLICIES`."""
    floor = _Floor(scenario, calls, roster, policy)
    while floor.step():
        pass
    for call in floor.waiting:
        floor.day.waits[call.number] = scenario.horizon_s - call.arrived
    return floor.day


class _Floor:
    def __init__(
        self, scenario: Scenario, calls: Sequence[Call], roster: Sequence[RosterAgent], policy: str
    ) -> None:
        self.scenario, self.calls, self.policy = scenario, calls, POLICIES[policy]
        self.now = 0.0
        self.agents = [Worker(n, dict(one.ranks), one.speed) for n, one in enumerate(roster)]
        self.waiting: list[Waiter] = []
        self.turn: dict[str, int] = {}
        self.bounds = sorted(
            (at, leaves, number)
            for number, one in enumerate(roster)
            for interval in one.intervals
            for leaves, at in enumerate(interval)
        )
        self.arrived = 0
        self.day = NaiveDay(waits=[math.nan] * len(calls), agents=[-1] * len(calls))

    # -- what comes next -----------------------------------------------------------------------

    def step(self) -> bool:
        """Lets the earliest of everything that may come happen; False when the day is over."""
        coming = [
            *((at, self.come_or_go) for at, _, _ in self.bounds[:1]),
            *((a.busy_until, self.talk_ends) for a in self.agents if a.busy_until is not None),
            *((self.gives_up_at(call), self.give_up) for call in self.waiting),
            *((at, self.tier_opens) for call in self.waiting for at in self.tiers(call)),
            *((call[0], self.arrive) for call in self.calls[self.arrived : self.arrived + 1]),
        ]
        at, happens = min(coming, key=lambda one: one[0], default=(math.inf, self.arrive))
        if at >= self.scenario.horizon_s:
            return False
        self.now = at
        happens()
        return True

    def gives_up_at(self, call: Waiter) -> float:
        return call.arrived + self.calls[call.number][3]

    def tiers(self, call: Waiter) -> list[float]:
        opens = [call.arrived + self.policy.tier_s * below for below in (1, 2)]
        return [at for at in opens if at > self.now]

    # -- what happens --------------------------------------------------------------------------

    def come_or_go(self) -> None:
        _, leaves, number = self.bounds.pop(0)
        agent = self.agents[number]
        agent.present = not leaves
        if agent.present and agent.busy_until is None:
            agent.ready_since = self.now
            self.take_next(agent)

    def talk_ends(self) -> None:
        agent = min(
            (one for one in self.agents if one.busy_until is not None),
            key=lambda one: (one.busy_until, one.number),
        )
        agent.busy_until, agent.last, agent.ready_since = None, self.now, self.now
        if agent.present:
            self.take_next(agent)

    def give_up(self) -> None:
        call = min(self.waiting, key=self.gives_up_at)
        self.waiting.remove(call)
        self.day.waits[call.number] = self.calls[call.number][3]

    def tier_opens(self) -> None:
        for call in list(self.waiting):
            self.find_agent(call)

    def arrive(self) -> None:
        number, (at, index, *_) = self.arrived, self.calls[self.arrived]
        self.arrived += 1
        one = self.scenario.classes[index]
        urgency = 2 if one.queue.deferrable else 0 if one.urgent else 1
        call = Waiter(number, one.queue.name, urgency, at)
        self.waiting.append(call)
        self.find_agent(call)

    # -- who gets whom -------------------------------------------------------------------------

    def may_have(self, agent: Worker, call: Waiter) -> bool:
        rank = agent.ranks.get(call.queue)
        return rank is not None and self.now >= call.arrived + self.policy.tier_s * (rank - 1)

    def find_agent(self, call: Waiter) -> None:
        turn = self.turn.get(call.queue, -1)
        agent = min(
            (
                one
                for one in self.agents
                if one.present and one.busy_until is None and self.may_have(one, call)
            ),
            key=lambda one: self.policy.agents(one, call, turn),
            default=None,
        )
        if agent is not None:
            self.connect(agent, call)

    def take_next(self, agent: Worker) -> None:
        call = min(
            (one for one in self.waiting if self.may_have(agent, one)),
            key=lambda one: self.policy.calls(agent, one),
            default=None,
        )
        if call is not None:
            self.connect(agent, call)

    def connect(self, agent: Worker, call: Waiter) -> None:
        self.waiting.remove(call)
        factor = self.scenario.level_factor[agent.ranks[call.queue]] * agent.speed
        agent.busy_until = self.now + self.calls[call.number][2] * factor
        self.turn[call.queue] = agent.number
        self.day.waits[call.number] = self.now - call.arrived
        self.day.agents[call.number] = agent.number
