"""Offers on the floor: made, failed, withdrawn; and agents released to the next one."""

from careline_router.domain import events as ev
from careline_router.domain.floor_state import FloorState
from careline_router.domain.matching import best_agent, best_call, decision
from careline_router.domain.states import (
    Agent,
    AgentState,
    Call,
    Decision,
    Offer,
    OfferEnd,
    Outcome,
    Party,
    QueueSpec,
    Rejected,
)

STATE_COMMANDS: dict[AgentState, tuple[str, ...]] = {
    "logged_out": ("log_in",),
    "not_ready": ("set_ready", "log_out"),
    "ready": ("set_not_ready", "log_out"),
    "reserved": ("accept", "reject", "set_not_ready", "log_out"),
    "talking": ("set_not_ready",),
    "wrap_up": ("wrap_up", "set_ready", "set_not_ready", "log_out"),
}
"""What an agent may do in each state."""


class Offering(FloorState):
    """The floor's own moves, which its commands are made of. Each applies its events at once."""

    def __init__(self) -> None:
        super().__init__()
        self._out: list[ev.Event] = []
        self._decisions: list[Decision] = []

    def _emit(self, event: ev.Event) -> None:
        self.apply(event)
        self._out.append(event)

    def _serve_call(self, call: Call) -> None:
        """Offers a call that has just begun to wait, if somebody is idle for it."""
        if call.state == "queued":
            agent_id = best_agent(call, self._groups)
            if agent_id is not None:
                self._offer(call, self.agents[agent_id])

    def _serve_agent(self, agent: Agent) -> None:
        """Offers an agent who has just become idle the call that should have him."""
        if agent.state == "ready":
            call_id = best_call(agent, self._waiting, self.calls, self.queues, self.now)
            if call_id is not None:
                self._offer(self.calls[call_id], agent)

    def _offer(self, call: Call, agent: Agent) -> None:
        offer_id = f"{call.id}.{call.offers_made + 1}"
        self._decisions.append(decision(offer_id, call, agent, self._groups, self.now))
        queue = self._queue_of(call)
        rings = agent.spec.accept != "app"
        timeout = queue.ring_timeout_s if rings else queue.offer_timeout_s
        assert agent.endpoint is not None
        self._emit(
            ev.OfferMade(
                at=self.now,
                offer_id=offer_id,
                call_id=call.id,
                agent_id=agent.id,
                state="ringing" if rings else "offered",
                endpoint=agent.endpoint,
                deadline=self.now + timeout,
                timeout_s=timeout,
            )
        )

    def _fail(self, offer: Offer, end: OfferEnd, *, phone_told: bool = False) -> None:
        """The agent does not get the call: it goes back to its place, and to the next one.

        `phone_told`: it is his phone that said so, and it does not ring any more.
        """
        call, agent = self.calls[offer.call], self.agents[offer.agent]
        self._close_offer(offer, end, excluded=True, phone_told=phone_told)
        if end == "rejected":
            self._serve_call(call)
            self._release(agent)
            return
        reason = "rona" if end in {"no_accept", "no_answer"} else end
        self._emit(
            ev.AgentStateChanged(at=self.now, agent_id=agent.id, state="not_ready", reason=reason)
        )
        self._serve_call(call)

    def _withdraw(self, call: Call, end: OfferEnd) -> Agent | None:
        """Takes an open offer back, if there is one; the agent is still to be released."""
        if call.offer is None or call.offer not in self.offers:
            return None
        offer = self.offers[call.offer]
        self._close_offer(offer, end, excluded=False, phone_told=False)
        return self.agents[offer.agent]

    def _close_offer(
        self, offer: Offer, end: OfferEnd, *, excluded: bool, phone_told: bool
    ) -> None:
        self._emit(
            ev.OfferClosed(
                at=self.now,
                offer_id=offer.id,
                call_id=offer.call,
                agent_id=offer.agent,
                end=end,
                rings=offer.state == "ringing" and not phone_told,
                excluded=excluded,
            )
        )

    def _release(self, agent: Agent, *, keeps_idle: bool = False) -> None:
        """The agent is done with a call: ready again, or not ready as he has wished."""
        if agent.rests_after is not None:
            self._emit(
                ev.AgentStateChanged(
                    at=self.now, agent_id=agent.id, state="not_ready", reason=agent.rests_after
                )
            )
            return
        self._emit(
            ev.AgentStateChanged(
                at=self.now, agent_id=agent.id, state="ready", keeps_idle=keeps_idle
            )
        )
        self._serve_agent(agent)

    def _end(self, call: Call, outcome: Outcome, *, by: Party, media: str | None = None) -> None:
        self._emit(ev.CallEnded(at=self.now, call_id=call.id, outcome=outcome, by=by, media=media))

    # -- looking things up ---------------------------------------------------------------------

    def _call(self, call_id: str) -> Call:
        try:
            return self.calls[call_id]
        except KeyError:
            raise Rejected("unknown-call", f"there is no call {call_id}") from None

    def _waiting_call(self, call_id: str) -> Call:
        call = self._call(call_id)
        if call.state not in {"queued", "offered"}:
            raise Rejected("call-not-waiting", f"the call is {call.state}")
        return call

    def _talking_to(self, call: Call) -> str:
        assert call.agent is not None
        return call.agent

    def _agent(self, agent_id: str) -> Agent:
        try:
            return self.agents[agent_id]
        except KeyError:
            raise Rejected("unknown-agent", f"there is no agent {agent_id}") from None

    def _working(self, agent_id: str) -> Agent:
        agent = self._agent(agent_id)
        if agent.state == "logged_out":
            raise Rejected(
                "logged-out", "the agent is logged out", allowed=STATE_COMMANDS["logged_out"]
            )
        return agent

    def _offer_of(self, agent_id: str, offer_id: str) -> Offer:
        agent = self._agent(agent_id)
        offer = self.offers.get(offer_id)
        if offer is None:
            raise Rejected(
                "offer-closed",
                "this offer is not open any more",
                allowed=STATE_COMMANDS[agent.state],
            )
        if offer.agent != agent.id:
            raise Rejected("not-your-offer", "this offer is another agent's")
        return offer

    def _queue_spec(self, queue_id: str) -> QueueSpec:
        try:
            return self.queues[queue_id]
        except KeyError:
            raise Rejected("unknown-queue", f"there is no queue {queue_id}") from None

    def _queue_of(self, call: Call) -> QueueSpec:
        assert call.queue is not None
        return self.queues[call.queue]
