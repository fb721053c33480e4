"""What agents do: come and go, accept and reject, wrap up.

- An agent who missed or rejected a call is not offered it again. That is taken back only when he
  sets himself ready anew while nobody else at work could serve the call, so that the last agent
  left can still save it.
- A missed offer (no accept, no answer) makes the agent not ready, reason `rona`; a phone that is
  busy or unreachable does so with that reason; a rejection leaves him ready, last among the idle.
- An offer whose leg is `lost` is nobody's fault: its agent is as he was before it, and may have it again.
"""

from careline_router.domain import commands as cmd
from careline_router.domain import events as ev
from careline_router.domain import presence_events as pev
from careline_router.domain.call_commands import CallCommands
from careline_router.domain.offering import STATE_COMMANDS
from careline_router.domain.states import Agent, Call, Offer, Rejected
from careline_router.domain.words import PBX_DOWN


class AgentCommands(CallCommands):
    # -- offers --------------------------------------------------------------------------------

    def _accept(self, command: cmd.AcceptOffer) -> None:
        offer = self._offer_of(command.agent_id, command.offer_id)
        self._shows_himself(self.agents[offer.agent])
        if offer.state == "ringing":
            return
        if self.calls[offer.call].control == "desk":
            self._taken_in_hand(offer, ev.CallConnected)
            return
        timeout = self._queue_of(self.calls[offer.call]).ring_timeout_s
        self._emit(
            ev.OfferAccepted(
                at=self.now,
                offer_id=offer.id,
                call_id=offer.call,
                agent_id=offer.agent,
                endpoint=offer.endpoint,
                deadline=self.now + timeout,
                timeout_s=timeout,
            )
        )

    def _reject(self, command: cmd.RejectOffer) -> None:
        offer = self._offer_of(command.agent_id, command.offer_id)
        self._fail(offer, "rejected")

    def _phone_answered(self, command: cmd.PhoneAnswered) -> None:
        offer = self.offers.get(command.offer_id)
        if offer is None:
            return
        fact = ev.DialRequested if self.calls[offer.call].callback is not None else ev.CallConnected
        self._taken_in_hand(offer, fact)

    def _taken_in_hand(
        self, offer: Offer, fact: type[ev.CallConnected] | type[ev.DialRequested]
    ) -> None:
        self._emit(fact(at=self.now, offer_id=offer.id, call_id=offer.call, agent_id=offer.agent))
        agent = self.agents[offer.agent]
        if self._ready_beside_work(agent):
            self._serve_agent(agent)
        else:
            self._interrupt_for_waiting(agent)

    def _offer_failed(self, command: cmd.OfferFailed) -> None:
        offer = self.offers.get(command.offer_id)
        if offer is None:
            return
        if command.cause == "lost":
            self._lose(offer)
        else:
            self._fail(offer, command.cause, phone_told=True)

    def _lose(self, offer: Offer) -> None:
        """The agent goes back to his place among the idle first: he may be the best for the call still."""
        call, agent = self.calls[offer.call], self.agents[offer.agent]
        self._close_offer(offer, "lost", excluded=False, phone_told=True)
        self._release(agent, keeps_idle=True)
        self._serve_call(self._unpreferred(call))

    # -- coming and going ----------------------------------------------------------------------

    def _log_in(self, command: cmd.LogIn) -> None:
        agent = self._agent(command.agent_id)
        endpoint = command.endpoint or agent.spec.endpoint
        if endpoint is None:
            raise Rejected("no-endpoint", "the agent has no endpoint: log in with one")
        site = command.site or agent.spec.site
        if self.sites.get(site or "") == "down":
            raise Rejected("site-down", f"site {site} is down: log in at another one")
        self._emit(ev.AgentLoggedIn(at=self.now, agent_id=agent.id, endpoint=endpoint, site=site))
        self._shows_himself(agent)
        if agent.state == "ready" and (rests := self.rest_of(agent)) is not None:
            self._emit(
                ev.AgentStateChanged(
                    at=self.now, agent_id=agent.id, state="not_ready", reason=rests
                )
            )
            self._let_others_have(agent)
        elif agent.state == "logged_out":
            self._emit(ev.AgentStateChanged(at=self.now, agent_id=agent.id, state="not_ready"))
        else:
            self._serve_again([agent])

    def _log_out(self, command: cmd.LogOut) -> None:
        agent = self._agent(command.agent_id)
        if agent.state == "logged_out":
            return
        in_hand = [self.calls[each] for each in agent.at_work]
        if any(not call.interruptible and call.control != "desk" for call in in_hand):
            raise Rejected(
                "agent-talking", "the agent is talking", allowed=STATE_COMMANDS["talking"]
            )
        offered = self.calls[agent.call] if agent.offer is not None and agent.call else None
        if offered is not None:
            self._withdraw(offered, "withdrawn")
        for call in in_hand:
            self._leave_work(call, agent, "logged_out")
        self._emit(ev.AgentStateChanged(at=self.now, agent_id=agent.id, state="logged_out"))
        self._let_others_have(agent, *([] if offered is None else [offered]), *in_hand)

    def _leave_work(self, call: Call, agent: Agent, cause: str) -> None:
        """Who goes keeps the appeals that he has in the journal; other work waits for somebody else."""
        if call.control == "desk":
            self._lay_down(call, agent, by="agent")
        else:
            self._emit(
                ev.CallRequeued(at=self.now, call_id=call.id, agent_id=agent.id, cause=cause)
            )

    def _set_ready(self, command: cmd.SetReady) -> None:
        agent = self._working(command.agent_id)
        works = agent.state in {"reserved", "talking"}
        rests = None if works else self.rest_of(agent)
        if rests == PBX_DOWN:
            raise Rejected(
                "phone-away",
                "the PBX of the agent's phone is down: log in with another phone",
                allowed=("log_in", "log_out"),
            )
        if rests is not None:
            raise Rejected(
                "site-closed", "the agent's site is drained or down", allowed=("log_out",)
            )
        self._shows_himself(agent)
        if works:
            self._plan_rest(agent, None)
            if self._ready_beside_work(agent):
                self._serve_agent(agent)
        elif agent.state != "ready":
            self._lift_exclusions(agent)
            if self._resume_work(agent):
                return
            self._emit(ev.AgentStateChanged(at=self.now, agent_id=agent.id, state="ready"))
            self._cap_occupancy(agent)
            self._serve_agent(agent)

    def _set_not_ready(self, command: cmd.SetNotReady) -> None:
        agent = self._working(command.agent_id)
        if agent.state in {"reserved", "talking"}:
            self._plan_rest(agent, command.reason)
        elif (agent.state, agent.reason) != ("not_ready", command.reason):
            self._emit(
                ev.AgentStateChanged(
                    at=self.now, agent_id=agent.id, state="not_ready", reason=command.reason
                )
            )
            self._let_others_have(agent)

    def _shows_himself(self, agent: Agent) -> None:
        """Who asks for something while his desk is cut off is there all the same."""
        if agent.gone_at is not None:
            self._emit(pev.DeskGivenUp(at=self.now, agent_id=agent.id))

    def _plan_rest(self, agent: Agent, reason: str | None) -> None:
        if agent.rests_after != reason:
            self._emit(ev.RestPlanned(at=self.now, agent_id=agent.id, reason=reason))

    # -- wrap-up -------------------------------------------------------------------------------

    def _complete_wrap_up(self, command: cmd.CompleteWrapUp) -> None:
        agent = self._agent(command.agent_id)
        call = self._call(command.call_id)
        if call.agent != agent.id:
            raise Rejected("not-your-call", "another agent had this call")
        if call.state != "ended":
            raise Rejected("call-not-ended", f"the call is {call.state}")
        if call.wrapped_up:
            raise Rejected("already-wrapped-up", "the call has been wrapped up")
        self._emit(ev.CallWrappedUp(at=self.now, call_id=call.id, agent_id=agent.id))
        if agent.state == "wrap_up" and agent.call == call.id:
            self._release(agent)

    def _extend_wrap_up(self, command: cmd.ExtendWrapUp) -> None:
        agent = self._agent(command.agent_id)
        if agent.state != "wrap_up" or agent.wrap_up_until is None:
            raise Rejected(
                "not-wrapping-up", "the agent wraps nothing up", allowed=STATE_COMMANDS[agent.state]
            )
        call = self.calls.get(agent.call or "")
        queue = None if call is None else self.queues.get(call.queue or "")
        began = agent.since if agent.wrap_up_began is None else agent.wrap_up_began
        latest = began + (300.0 if queue is None else queue.wrap_up_max_s)
        until = agent.wrap_up_until + command.seconds
        if not (command.seconds > 0 and until <= latest):  # so that no number at all is refused too
            raise Rejected(
                "wrap-up-limit", f"a wrap-up of this queue ends {latest - began:g} s after it began"
            )
        self._emit(ev.WrapUpExtended(at=self.now, agent_id=agent.id, until=until))

    # -- exclusions ----------------------------------------------------------------------------

    def _lift_exclusions(self, agent: Agent) -> None:
        for call_id in sorted(self.excluded_from.get(agent.id, ())):
            call = self.calls[call_id]
            if agent.spec.kind == "bot" and call.transferred:
                continue  # he is to have a human, however long none is there
            if not self._somebody_else(call, agent):
                self._emit(ev.ExclusionLifted(at=self.now, call_id=call.id, agent_id=agent.id))

    def _somebody_else(self, call: Call, agent: Agent) -> bool:
        """Whether another agent at work could serve the call."""
        return any(
            other.state not in {"not_ready", "logged_out"}
            for group, _ in self.groups.requirement(call.needs).able
            for other in (self.agents[name] for name in group.members - call.excluded)
            if other.id != agent.id
        )
