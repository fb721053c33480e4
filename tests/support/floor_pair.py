"""The two floors that Hypothesis plays on, side by side, and how they are told something.

`floor` is the engine under test, `twin` another that is told the same.
"""

from collections import Counter
from dataclasses import replace
from typing import Any, ClassVar

import floor_worlds as worlds
from floor_watch import WatchedFloor, asked, told
from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine

from careline_router.domain import commands as cmd
from careline_router.domain import events as ev
from careline_router.domain import presence_events as pev
from careline_router.domain.floor import Floor


class FloorPair(RuleBasedStateMachine):
    """Two engines that are told the same, and what was told and drawn."""

    sent: ClassVar[Counter[str]] = Counter()
    runs = 0

    def __init__(self) -> None:
        super().__init__()
        FloorPair.runs += 1
        self.floor, self.twin = WatchedFloor(), Floor()
        self.journal: list[ev.Event] = []
        self.now = 1_000_000.0
        self.names = 0
        self.begun: Counter[str] = Counter()
        self.ended: Counter[str] = Counter()
        self.send(cmd.ConfigureQueues(queues=worlds.QUEUES))
        self.send(cmd.ConfigureAgents(agents=worlds.AGENTS))

    def send(self, command: Any) -> None:
        """Two engines that are told the same do the same, and who refuses has done nothing.

        Fails when `_move` withdraws the offer before it looks for the queue.
        """
        FloorPair.sent[type(command).__name__] += 1
        before = self.floor.snapshot()
        events, refused = asked(self.floor, command, self.now)
        note(f"{self.now:.0f}: {command} -> {refused or events}")
        its_events, its_refusal = asked(self.twin, command, self.now)
        assert (its_refusal, its_events) == (refused, events), "two engines, two answers"
        mine, its = self.floor.take_decisions(), self.twin.take_decisions()
        assert [told(each) for each in mine] == [told(each) for each in its]
        if refused:
            assert replace(self.floor.snapshot(), now=0.0) == replace(before, now=0.0)
        assert self.twin.next_timer() == self.floor.next_timer()
        self.journal += events
        for event in events:
            if isinstance(event, ev.CallRegistered | ev.CallbackMade):
                self.begun[event.call_id] += 1
            elif isinstance(event, ev.CallEnded):
                self.ended[event.call_id] += 1
            elif isinstance(event, pev.DeskGivenUp) and isinstance(command, cmd.Tick):
                self.is_gone(event.agent_id)

    def is_gone(self, agent_id: str) -> None:
        """Whose desk has not come back in time is offered nothing any more, and has no offer that waits for him.

        Fails when `_give_desk_up` does not withdraw the offer, and when it makes nobody not ready.
        """
        agent = self.floor.agents[agent_id]
        assert agent.state != "ready"
        assert agent.offer is None or self.floor.offers[agent.offer].state == "ringing"
        assert agent.state in {"logged_out", "not_ready"} or agent.rests_after is not None

    def name(self) -> str:
        self.names += 1
        return f"c{self.names}"

    def known(self) -> str:
        """An id that is taken already, if there is one."""
        return next(iter(self.floor.calls), None) or self.name()

    def some_call(self, data: st.DataObject, *states: str, callback: bool | None = None) -> str:
        found = [
            call.id
            for call in self.floor.calls.values()
            if (not states or call.state in states)
            and (callback is None or callback == (call.callback is not None))
        ]
        return data.draw(st.sampled_from([*found, *found, "nobody"]))

    def some_offer(self, data: st.DataObject) -> tuple[str, str]:
        """An open offer mostly, and now and then one that is closed or another agent's."""
        offers = [(offer.id, offer.agent) for offer in self.floor.offers.values()]
        return data.draw(st.sampled_from([*offers, *offers, *offers, ("c1.1", "a0")]))
