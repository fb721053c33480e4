"""Offers on the floor: made, failed, withdrawn; and agents released to the next one."""

from collections.abc import Iterable, Mapping

from careline_router.domain import events as ev
from careline_router.domain.decisions import Decision, Match
from careline_router.domain.floor_state import FloorState
from careline_router.domain.matching import decision, match_for_agent, match_for_call
from careline_router.domain.occupancy import occupancy_pct, rest_s
from careline_router.domain.reaching import endpoint_at
from careline_router.domain.skills import SITE
from careline_router.domain.specs import QueueSpec
from careline_router.domain.states import Agent, Call, Offer, Rejected
from careline_router.domain.waiting import WaitingClass
from careline_router.domain.words import AgentState, OfferEnd, Outcome, Party

STATE_COMMANDS: dict[AgentState, tuple[str, ...]] = {
    "logged_out": ("log_in",),
    "not_ready": ("set_ready", "log_out"),
    "ready": ("set_not_ready", "log_out"),
    "reserved": ("accept", "reject", "set_not_ready", "log_out"),
    "talking": ("set_not_ready",),
    "wrap_up": ("wrap_up", "set_ready", "set_not_ready", "log_out"),
}
"""What an agent may do in each state."""
CALLS_AWAY: frozenset[str] = frozenset({"policy", "overdue", "class", "preferred"})
"""Rules by which a match calls an agent away from work that may be interrupted."""


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
        """Offers a call that waits, if somebody is idle for it."""
        if call.state != "queued":
            return
        if self.held:
            wanted = self.held.get(call.id)
            if wanted is not None:
                self._serve_preferred(call, self.agents[wanted])
                return
        match = self._choose_agent(call)
        if match is not None:
            self._offer(match)
        if self.was_refreshed:
            self._serve_kept()

    def _serve_preferred(self, call: Call, agent: Agent) -> None:
        if agent.id in call.excluded:
            return
        is_ready = agent.state == "ready" and agent.rested_at is None
        may_interrupt = agent.state == "talking" and not call.interruptible and self.is_lent(agent)
        if is_ready and self.has_room(agent.id, call.units):
            self._offer(self._recorded(Match(call.id, agent.id, "preferred")))
        elif may_interrupt and call.units <= agent.spec.capacity:
            self._offer(self._recorded(Match(call.id, agent.id, "interrupt")))

    def _serve_agent(self, agent: Agent) -> None:
        """Offers an agent who has just become idle the call that should have him."""
        if agent.state == "ready" and agent.rested_at is None:
            match = self._choose_call(agent)
            if match is not None:
                self._offer(match)
            if self.was_refreshed or (match is None and len(self.waiting)):
                self._serve_kept()

    def _serve_kept(self) -> None:
        """Calls that were kept from the last idle agents may have one of them, now that there are more."""
        self.was_refreshed = False
        turns = [
            (each.turn(self.now, first), each)
            for each in self.waiting.classes.values()
            if each.members and (first := each.first()) is not None
        ]
        for _, each in sorted(turns, key=lambda turn: turn[0]):
            self._serve_first(each)

    def _serve_first(self, waiting: WaitingClass) -> None:
        """Offers the first calls of a class, as long as somebody is idle for them."""
        tried: set[str] = set()
        while waiting.members and waiting.requirement.idle:
            fresh, late = waiting.heads_but(self.now - waiting.target_s, tried.__contains__)
            first = late or fresh
            if first is None:
                return
            call = self.calls[first[1]]
            self._serve_call(call)
            if call.state == "queued" and not call.excluded:
                return
            tried.add(call.id)

    def _choose_agent(self, call: Call) -> Match | None:
        match = match_for_call(call, self)
        return None if match is None else self._recorded(match)

    def _choose_call(self, agent: Agent) -> Match | None:
        match = match_for_agent(agent, self)
        return None if match is None else self._recorded(match)

    def _recorded(self, match: Match) -> Match:
        """Keeps why, as the floor is before anything comes of it."""
        call = self.calls[match.call_id]
        self._decisions.append(decision(_next_offer(call), match, call, self))
        return match

    def _offer(self, match: Match) -> None:
        call, agent = self.calls[match.call_id], self.agents[match.agent_id]
        if match.rule == "interrupt":
            self._interrupt(agent)
        queue = self._queue_of(call)
        rings = agent.spec.accept != "app" and call.control != "desk"
        timeout = queue.ring_timeout_s if rings else queue.offer_timeout_s
        assert agent.endpoint is not None
        self._emit(
            ev.OfferMade(
                at=self.now,
                offer_id=_next_offer(call),
                call_id=call.id,
                agent_id=agent.id,
                state="ringing" if rings else "offered",
                endpoint=endpoint_at(self.spec.pbxs.get(call.pbx), agent),
                deadline=self.now + timeout,
                timeout_s=timeout,
                tokens=match.tokens,
            )
        )

    def _interrupt(self, agent: Agent) -> None:
        for item in agent.at_work:
            if not self.calls[item].suspended:
                self._emit(ev.WorkInterrupted(at=self.now, call_id=item, agent_id=agent.id))

    def _fail(self, offer: Offer, end: OfferEnd, *, phone_told: bool = False) -> None:
        """The agent does not get the call: it goes back to its place, and to the next one.

        `phone_told`: it is his phone that said so, and it does not ring any more.
        """
        call, agent = self.calls[offer.call], self.agents[offer.agent]
        self._close_offer(offer, end, excluded=True, phone_told=phone_told)
        if end == "rejected":
            self._serve_call(self._unpreferred(call))
            self._release(agent)
            return
        reason = "rona" if end in {"no_accept", "no_answer"} else end
        self._emit(
            ev.AgentStateChanged(at=self.now, agent_id=agent.id, state="not_ready", reason=reason)
        )
        self._let_others_have(agent, self._unpreferred(call))

    def _unpreferred(self, call: Call) -> Call:
        """A call that waits for one agent alone who can not have it waits for all."""
        wanted = self.held.get(call.id)
        if wanted is not None and not self._is_worth_waiting_for(call, self.agents[wanted]):
            self._emit(ev.CallReleased(at=self.now, call_id=call.id))
        return call

    def _is_worth_waiting_for(self, call: Call, agent: Agent) -> bool:
        group = self.groups.group_of(agent.id)
        return (
            group is not None
            and agent.state != "not_ready"
            and self.rest_of(agent) is None
            and agent.id not in call.excluded
            and self.groups.requirement(call.needs).lacks[group.index] is None
        )

    def _let_others_have(self, agent: Agent, *given_back: Call) -> None:
        """What an agent gives back goes to others, in turn with what waited for him alone."""
        self._serve_in_turn([*given_back, *self._released_by(agent)])

    def _released_by(self, agent: Agent) -> list[Call]:
        """Calls that wait for an agent who has gone, or cannot serve them now, wait for everybody."""
        wanted = [name for name, wanted in self.held.items() if wanted == agent.id]
        calls = [self._unpreferred(self.calls[name]) for name in wanted]
        return [call for call in calls if call.id not in self.held]

    def _serve_in_turn(self, calls: list[Call]) -> None:
        turns = [
            (waiting.turn(self.now, waiting.members[call.id]), call)
            for call in calls
            if (waiting := self.waiting.class_of(call.id)) is not None
        ]
        for _, call in sorted(turns, key=lambda turn: turn[0]):
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

    def _drop(self, call: Call) -> None:
        """What waits, or is being offered, is wanted no more."""
        agent = self._withdraw(call, "withdrawn")
        self._end(call, "closed", by="system")
        if agent is not None:
            self._release(agent, keeps_idle=True)

    def _lay_down(self, call: Call, agent: Agent, *, by: Party) -> None:
        """The agent has done what he could; what becomes of his time is still to be seen to."""
        self._emit(
            ev.CallEnded(at=self.now, call_id=call.id, outcome="handled", by=by, agent_id=agent.id)
        )

    def _release(self, agent: Agent, *, keeps_idle: bool = False) -> None:
        """The agent is done with a call: back to what it interrupted, ready, or not ready as he wished."""
        rests = agent.rests_after or self.rest_of(agent)
        if rests is not None:
            self._emit(
                ev.AgentStateChanged(
                    at=self.now, agent_id=agent.id, state="not_ready", reason=rests
                )
            )
            self._let_others_have(agent)
            return
        if agent.at_work and self._resume_work(agent):
            return
        self._emit(
            ev.AgentStateChanged(
                at=self.now, agent_id=agent.id, state="ready", keeps_idle=keeps_idle
            )
        )
        if self.spec.occupancy_cap_pct is not None:
            self._cap_occupancy(agent)
        self._serve_agent(agent)

    def _ready_beside_work(self, agent: Agent) -> bool:
        """Makes an agent ready who talks and has room for more."""
        has_more = agent.spec.capacity > 1 and self.has_room(agent.id, 1)
        if agent.state != "talking" or not has_more or agent.rests_after is not None:
            return False
        if self.rest_of(agent) is not None:
            return False
        self._emit(ev.AgentStateChanged(at=self.now, agent_id=agent.id, state="ready"))
        return True

    def _goes_on(self, agent: Agent) -> bool:
        """Whether he is ready, reserved or at rest beside what has just ended, and stays so; he has
        more room now."""
        if agent.state == "talking":
            return False
        self._serve_agent(agent)
        return True

    def _resume_work(self, agent: Agent) -> bool:
        """Takes up what was interrupted, unless a call waits for him first."""
        for item in agent.at_work:
            if self.calls[item].suspended:
                self._emit(ev.WorkResumed(at=self.now, call_id=item, agent_id=agent.id))
                self._interrupt_for_waiting(agent)
                return True
        return False

    def _interrupt_for_waiting(self, agent: Agent) -> None:
        """Whoever waits and may interrupt goes before work that was taken up again."""
        if agent.state == "talking" and self.is_lent(agent):
            match = match_for_agent(agent, self)
            if match is not None and match.rule in CALLS_AWAY:
                self._offer(self._recorded(match._replace(rule="interrupt")))
        if self.was_refreshed:
            self._serve_kept()

    def _serve_again(self, agents: Iterable[Agent]) -> None:
        """What agents may be given has changed while they were idle, or at work that may be interrupted."""
        asked = list(agents)
        released = [call for agent in asked for call in self._released_by(agent)]
        for agent in asked:
            self._ready_beside_work(agent)
            self._serve_agent(agent)
            self._interrupt_for_waiting(agent)
        self._serve_in_turn(released)

    def _cap_occupancy(self, agent: Agent) -> None:
        cap = self.spec.occupancy_cap_pct
        if cap is None:
            return
        occupancy = occupancy_pct(agent, self.now)
        if occupancy > cap:
            self._emit(
                ev.OccupancyCapped(
                    at=self.now,
                    agent_id=agent.id,
                    until=self.now + rest_s(occupancy, cap),
                    occupancy_pct=round(occupancy, 1),
                )
            )

    def _end(
        self,
        call: Call,
        outcome: Outcome,
        *,
        by: Party,
        media: str | None = None,
        endpoint: str | None = None,
    ) -> None:
        self._emit(
            ev.CallEnded(
                at=self.now, call_id=call.id, outcome=outcome, by=by, media=media, endpoint=endpoint
            )
        )

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

    def _within_reach(self, skills: Mapping[str, int]) -> Mapping[str, int]:
        """What is asked of agents, without sites that are not open."""
        closed = {f"{SITE}{site}" for site in self.sites}
        if closed.isdisjoint(skills):
            return skills
        return {skill: level for skill, level in skills.items() if skill not in closed}

    def _queue_spec(self, queue_id: str) -> QueueSpec:
        try:
            return self.queues[queue_id]
        except KeyError:
            raise Rejected("unknown-queue", f"there is no queue {queue_id}") from None

    def _queue_of(self, call: Call) -> QueueSpec:
        assert call.queue is not None
        return self.queues[call.queue]


def _next_offer(call: Call) -> str:
    """The id of the call's next offer."""
    return f"{call.id}.{call.offers_made + 1}"
