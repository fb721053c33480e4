"""A floor for tests, with a clock that the test moves."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar

import pytest

from careline_router.domain import commands as cmd
from careline_router.domain import events as ev
from careline_router.domain.decisions import Decision
from careline_router.domain.floor import Floor
from careline_router.domain.specs import AgentSpec, FloorSpec, QueueSpec
from careline_router.domain.states import Call, Rejected

E = TypeVar("E", bound=ev.Event)
QUEUE = QueueSpec(id="q", max_wait_s=100, offer_timeout_s=15, ring_timeout_s=20, wrap_up_s=30)


def agent(name: str, **fields: Any) -> AgentSpec:
    """An agent with skill x at level 5, unless something else is said."""
    return AgentSpec(**{"id": name, "skills": {"x": 5}, "endpoint": f"P/{name}", **fields})


class Scene:
    """One floor. Agents are named with how they accept, or given whole."""

    def __init__(
        self,
        *agents: AgentSpec,
        queues: Sequence[QueueSpec] = (QUEUE,),
        floor: FloorSpec | None = None,
        **accepts: Any,
    ) -> None:
        self.floor = Floor()
        self.now = 0.0
        if floor is not None:
            self.do(cmd.ConfigureFloor(floor=floor))
        self.do(cmd.ConfigureQueues(queues=tuple(queues)))
        named = tuple(agent(name, accept=accept) for name, accept in accepts.items())
        self.do(cmd.ConfigureAgents(agents=(*agents, *named)))

    def do(self, command: Any) -> list[ev.Event]:
        return self.floor.handle(command, self.now)

    def call(self, name: str, *, kind: Any = "call", **fields: Any) -> list[ev.Event]:
        """A call comes and is queued; or other work, by `kind`."""
        self.do(cmd.RegisterCall(call_id=name, pbx="p", pbx_call_id=name, line="1", kind=kind))
        fields = {"queue": "q", "skills": {"x": 1}, "priority": "insured", **fields}
        return self.do(cmd.QueueCall(call_id=name, **fields))

    def callback(self, name: str, **fields: Any) -> list[ev.Event]:
        """Somebody is to be called back."""
        fields = {"queue": "q", "skills": {"x": 1}, "priority": "insured", **fields}
        fields = {"pbx": "p", "line": "1", "person": f"person of {name}", **fields}
        return self.do(cmd.RequestCallback(call_id=name, **fields))

    def ready(self, *names: str) -> None:
        """Agents log in and are ready, a second after one another."""
        for name in names:
            self.do(cmd.LogIn(agent_id=name))
            self.do(cmd.SetReady(agent_id=name))
            self.now += 1

    def after(self, seconds: float) -> list[ev.Event]:
        """So much later whatever is due happens."""
        return self.at(self.now + seconds)

    def at(self, now: float) -> list[ev.Event]:
        """Time passes until `now`, and what becomes due on the way happens at its moment."""
        happened: list[ev.Event] = []
        while (due := self.floor.next_timer()) is not None and due <= now:
            self.now = max(self.now, due)
            happened += self.do(cmd.Tick())
        self.now = now
        return happened

    def state(self, agent_id: str) -> tuple[str, str | None]:
        found = self.floor.agents[agent_id]
        return found.state, found.reason

    def of(self, call_id: str) -> Call:
        return self.floor.calls[call_id]

    def offered(self) -> dict[str, str]:
        """By agent, the call that he is offered."""
        return {offer.agent: offer.call for offer in self.floor.offers.values()}

    def answer(self, agent_id: str) -> list[ev.Event]:
        """His phone is answered: he has what he was offered."""
        return self.do(cmd.PhoneAnswered(offer_id=self.floor.agents[agent_id].offer or ""))

    def connect(self, call: str, agent_id: str) -> list[ev.Event]:
        assert self.offered()[agent_id] == call
        return self.answer(agent_id)

    def miss(self, agent_id: str) -> list[ev.Event]:
        """He rejects what he is offered."""
        offer = self.floor.agents[agent_id].offer or ""
        return self.do(cmd.RejectOffer(agent_id=agent_id, offer_id=offer))

    def hang_up(self, call: str, by: Any = "caller", **fields: Any) -> list[ev.Event]:
        return self.do(cmd.HangUp(call_id=call, by=by, **fields))

    def refused(self, command: Any) -> Rejected:
        """Why a command is refused; and then nothing has changed."""
        before = replace(self.floor.snapshot(), now=self.now)
        with pytest.raises(Rejected) as caught:
            self.do(command)
        assert replace(self.floor.snapshot(), now=self.now) == before
        return caught.value

    def decision(self) -> Decision:
        """The last decision."""
        return self.floor.take_decisions()[-1]


def only(events: Sequence[ev.Event], kind: type[E]) -> E:
    """The one event of its kind."""
    (found,) = [event for event in events if isinstance(event, kind)]
    return found


def kinds(events: Sequence[ev.Event]) -> list[str]:
    return [type(event).__name__ for event in events]
