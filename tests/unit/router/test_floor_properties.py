"""Whatever happens on a floor, in whatever order: these hold.

Each property names the one-line change that makes it fail; all have been tried.
"""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from careline_router.domain import commands as cmd
from careline_router.domain import events as ev
from careline_router.domain.floor import Floor
from careline_router.domain.matching import why_waiting
from careline_router.domain.skills import lacking
from careline_router.domain.specs import AgentSpec, QueueSpec
from careline_router.domain.states import Rejected
from careline_router.domain.words import PRIORITIES
from careline_router.runtime.codec import decode, decode_snapshot, encode, pack, snapshot_parts

pytestmark = pytest.mark.unit

QUEUES = (
    QueueSpec(id="q1", max_wait_s=60, offer_timeout_s=5, ring_timeout_s=7, wrap_up_s=9),
    QueueSpec(id="q2", max_wait_s=20, wrap_up_s=0),
)
AGENTS = tuple(
    AgentSpec(id=f"a{number}", skills=skills, endpoint=f"P/{number}", accept=accept)
    for number, (skills, accept) in enumerate(
        (({"x": 10}, "app"), ({"x": 3, "y": 5}, "ring"), ({"y": 9}, "auto"), ({"x": 10}, "app"))
    )
)
NEEDS: tuple[dict[str, int], ...] = ({}, {"x": 1}, {"x": 5}, {"y": 4}, {"x": 1, "y": 1})
agents = st.sampled_from([spec.id for spec in AGENTS])


class FloorMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.floor = Floor()
        self.journal: list[ev.Event] = []
        self.now = 1000.0
        self.names = 0
        self.send(cmd.ConfigureQueues(queues=QUEUES))
        self.send(cmd.ConfigureAgents(agents=AGENTS))

    def send(self, command: Any) -> list[ev.Event]:
        try:
            events = self.floor.handle(command, self.now)
        except Rejected:
            return []
        self.journal += events
        for event in events:
            if isinstance(event, ev.OfferMade):
                self.offered_in_order(event)
        return events

    def offered_in_order(self, made: ev.OfferMade) -> None:
        """A call past the longest wait of its class goes before every call that has waited less.

        Fails when `match_for_agent` compares with `waiting.max_wait_s + 1`.
        """
        agent, chosen = self.floor.agents[made.agent_id], self.floor.calls[made.call_id]
        for other in self.floor.calls.values():
            if other.state != "queued" or agent.id in other.excluded:
                continue
            if lacking(agent.spec.skills, other.needs) is None:
                late = self.floor.now - other.queued_at >= self.longest_wait(other)
                assert not late or chosen.queued_at <= other.queued_at

    def longest_wait(self, call: Any) -> float:
        return self.floor.queues[call.queue].max_wait_of(call.priority)

    def some_call(self, data: st.DataObject, *states: str) -> str:
        found = [c.id for c in self.floor.calls.values() if not states or c.state in states]
        return data.draw(st.sampled_from([*found, "nobody"]))

    def some_offer(self, data: st.DataObject) -> tuple[str, str]:
        """An open offer mostly, and now and then one that is closed or another agent's."""
        offers = [(offer.id, offer.agent) for offer in self.floor.offers.values()]
        return data.draw(st.sampled_from([*offers, *offers, *offers, ("c1.1", "a0")]))

    @initialize(at_work=st.booleans(), calls=st.integers(0, 6), data=st.data())
    def a_day_begins(self, at_work: bool, calls: int, data: st.DataObject) -> None:
        """Mostly with agents at work or with calls that wait; else little ever happens."""
        for _ in range(calls):
            self.call_comes(
                data.draw(st.sampled_from(("q1", "q2"))),
                data.draw(st.sampled_from(NEEDS)),
                data.draw(st.sampled_from(PRIORITIES)),
            )
            self.now += data.draw(st.sampled_from((1.0, 15.0, 30.0)))
        if at_work:
            for spec in AGENTS:
                self.comes_to_work(spec.id)

    @rule(wait=st.sampled_from((0.0, 0.5, 4.0, 6.0, 30.0, 4000.0)))
    def time_passes(self, wait: float) -> None:
        self.now += wait
        while (due := self.floor.next_timer()) is not None and due <= self.now:
            self.send(cmd.Tick())

    @rule()
    def the_clock_goes_back(self) -> None:
        self.now -= 3.0

    @rule(
        queue=st.sampled_from(("q1", "q2")),
        needs=st.sampled_from(NEEDS),
        priority=st.sampled_from(PRIORITIES),
    )
    def call_comes(self, queue: str, needs: dict[str, int], priority: Any) -> None:
        self.names += 1
        name = f"c{self.names}"
        self.send(cmd.RegisterCall(call_id=name, pbx="p", pbx_call_id=name, line="1"))
        self.send(cmd.QueueCall(call_id=name, queue=queue, skills=needs, priority=priority))

    @rule(data=st.data(), by=st.sampled_from(("caller", "agent", "system")))
    def hangs_up(self, data: st.DataObject, by: Any) -> None:
        self.send(cmd.HangUp(call_id=self.some_call(data), by=by))

    @rule(data=st.data(), queue=st.sampled_from(("q1", "q2")), needs=st.sampled_from(NEEDS))
    def moved(self, data: st.DataObject, queue: str, needs: dict[str, int]) -> None:
        call = self.some_call(data, "queued", "offered")
        self.send(cmd.Move(call_id=call, queue=queue, skills=needs))

    @rule(data=st.data(), priority=st.sampled_from(PRIORITIES))
    def reprioritised(self, data: st.DataObject, priority: Any) -> None:
        self.send(cmd.SetPriority(call_id=self.some_call(data), priority=priority))

    @rule(agent=agents)
    def comes_to_work(self, agent: str) -> None:
        self.send(cmd.LogIn(agent_id=agent))
        self.send(cmd.SetReady(agent_id=agent))

    @rule(agent=agents)
    def gets_ready(self, agent: str) -> None:
        self.send(cmd.SetReady(agent_id=agent))

    @rule(agent=agents)
    def rests(self, agent: str) -> None:
        self.send(cmd.SetNotReady(agent_id=agent, reason="lunch"))

    @rule(agent=agents)
    def goes_home(self, agent: str) -> None:
        self.send(cmd.LogOut(agent_id=agent))

    @precondition(lambda self: self.floor.offers)
    @rule(data=st.data())
    def accepts(self, data: st.DataObject) -> None:
        offer, agent = self.some_offer(data)
        self.send(cmd.AcceptOffer(agent_id=agent, offer_id=offer))

    @precondition(lambda self: self.floor.offers)
    @rule(data=st.data())
    def rejects(self, data: st.DataObject) -> None:
        offer, agent = self.some_offer(data)
        self.send(cmd.RejectOffer(agent_id=agent, offer_id=offer))

    @precondition(lambda self: self.floor.offers)
    @rule(data=st.data())
    def phone_is_answered(self, data: st.DataObject) -> None:
        self.send(cmd.PhoneAnswered(offer_id=self.some_offer(data)[0]))

    @precondition(lambda self: self.floor.offers)
    @rule(data=st.data(), cause=st.sampled_from(("busy", "rejected", "no_answer", "unreachable")))
    def phone_fails(self, data: st.DataObject, cause: Any) -> None:
        self.send(cmd.OfferFailed(offer_id=self.some_offer(data)[0], cause=cause))

    @rule(data=st.data(), agent=agents)
    def wraps_up(self, data: st.DataObject, agent: str) -> None:
        self.send(cmd.CompleteWrapUp(agent_id=agent, call_id=self.some_call(data, "ended")))

    @rule(agent=agents, needs=st.sampled_from(NEEDS))
    def learns(self, agent: str, needs: dict[str, int]) -> None:
        old = self.floor.agents[agent].spec
        spec = AgentSpec(id=agent, skills=needs, endpoint=old.endpoint, accept=old.accept)
        self.send(cmd.ConfigureAgents(agents=(spec,)))

    @rule()
    def the_process_is_killed(self) -> None:
        """A floor out of journal rows, or out of a snapshot, is the floor that was lost.

        Fails when `load` forgets the exclusions.
        """
        replayed = Floor()
        for event in self.journal:
            replayed.apply(decode(*encode(event)))
        restored = Floor.restore(decode_snapshot(pack(tuple(snapshot_parts(self.floor.snapshot())))))
        assert replace(replayed.snapshot(), now=self.now) == replace(
            restored.snapshot(), now=self.now
        )
        self.floor = restored

    @invariant()
    def one_offer_an_agent_and_one_a_call(self) -> None:
        """Fails when `_offer_made` leaves the call `queued` or the agent `ready`."""
        offers = list(self.floor.offers.values())
        assert len({offer.agent for offer in offers}) == len(offers)
        assert len({offer.call for offer in offers}) == len(offers)
        for offer in offers:
            assert self.floor.calls[offer.call].state == "offered"
            assert self.floor.agents[offer.agent].state == "reserved"
        offered = [call for call in self.floor.calls.values() if call.state == "offered"]
        reserved = [agent for agent in self.floor.agents.values() if agent.state == "reserved"]
        assert len(offered) == len(reserved) == len(offers)

    @invariant()
    def one_talk_an_agent_and_one_a_call(self) -> None:
        """Fails when `_call_connected` leaves the agent `reserved`."""
        talks = [call for call in self.floor.calls.values() if call.state == "connected"]
        talking = {agent.id for agent in self.floor.agents.values() if agent.state == "talking"}
        assert sorted(call.agent or "" for call in talks) == sorted(talking)

    @invariant()
    def nobody_waits_while_somebody_idles_for_him(self) -> None:
        """Unless a rule that has a name says so. Fails when `_fail` does not serve the call, or
        `_release` not the agent."""
        for call in self.floor.calls.values():
            if call.state != "queued":
                continue
            for agent in self.floor.agents.values():
                if agent.state == "ready":
                    assert why_waiting(call, agent, self.floor) is not None

    @invariant()
    def every_deadline_has_its_timer(self) -> None:
        """Fails when `_offer_accepted` sets no timer."""
        deadlines = [offer.deadline for offer in self.floor.offers.values()]
        deadlines += [
            agent.wrap_up_until
            for agent in self.floor.agents.values()
            if agent.state == "wrap_up" and agent.wrap_up_until is not None
        ]
        first = self.floor.next_timer()
        assert not deadlines or (first is not None and first <= min(deadlines))

    @invariant()
    def no_call_is_lost(self) -> None:
        """Fails when `_offer_closed` does not put the call back."""
        states = {call.id: call.state for call in self.floor.calls.values()}
        ended = {e.call_id for e in self.journal if isinstance(e, ev.CallEnded)}
        begun = {e.call_id for e in self.journal if isinstance(e, ev.CallQueued)}
        for name in begun - ended:
            assert states[name] in {"queued", "offered", "connected"}
        assert self.floor.waiting_count == sum(
            state in {"queued", "offered"} for state in states.values()
        )


FloorMachine.TestCase.settings = settings(
    max_examples=150,
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestFloor = FloorMachine.TestCase
