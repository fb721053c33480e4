"""The floor engine: what a command does. Deterministic: the same commands at the same times give
the same events, whoever runs them (production, simulator, replay).

What is decided here and stands nowhere else:

- An agent who missed or rejected a call is not offered it again. That is taken back only when he
  sets himself ready anew while nobody else at work could serve the call, so that the last agent
  left can still save it.
- A missed offer (no accept, no answer) makes the agent not ready, reason `rona`; a phone that is
  busy or unreachable does so with that reason; a rejection leaves him ready, last among the idle.
- A caller who goes away leaves the agent ready in his old place among the idle.
"""

from collections.abc import Callable
from typing import Any

from careline_router.domain import commands as cmd
from careline_router.domain import events as ev
from careline_router.domain.floor_state import LINGER_S, Snapshot
from careline_router.domain.indexes import lacking
from careline_router.domain.offering import STATE_COMMANDS, Offering
from careline_router.domain.states import Agent, Call, Decision, Outcome, Rejected


class Floor(Offering):
    """One shared pool of agents and queues."""

    @classmethod
    def restore(cls, snapshot: Snapshot) -> "Floor":
        floor = cls()
        floor.load(snapshot)
        return floor

    def handle(self, command: cmd.Command, now: float) -> list[ev.Event]:
        """What the command makes happen; raises `Rejected`, and then nothing has happened.

        `now` is in seconds since the epoch; a clock that goes back is taken to stand still.
        """
        self.now = max(self.now, now)
        self._out = []
        _HANDLERS[type(command)](self, command)
        return self._out

    def take_decisions(self) -> list[Decision]:
        """The decision records since the last time this was asked."""
        taken, self._decisions = self._decisions, []
        return taken

    def next_timer(self) -> float | None:
        """When the next thing is due, so that somebody sends a `Tick`; None: nothing is."""
        while (first := self._timers.first()) is not None:
            if self._timer_holds(*first):
                return first[0]
            self._timers.pop()
        return None

    # -- configuration -------------------------------------------------------------------------

    def _configure_queues(self, command: cmd.ConfigureQueues) -> None:
        changed = tuple(queue for queue in command.queues if self.queues.get(queue.id) != queue)
        if changed:
            self._emit(ev.QueuesConfigured(at=self.now, queues=changed))

    def _configure_agents(self, command: cmd.ConfigureAgents) -> None:
        changed = tuple(
            spec
            for spec in command.agents
            if spec.id not in self.agents or self.agents[spec.id].spec != spec
        )
        if not changed:
            return
        self._emit(ev.AgentsConfigured(at=self.now, agents=changed))
        for spec in changed:
            self._serve_agent(self.agents[spec.id])

    # -- calls ---------------------------------------------------------------------------------

    def _register(self, command: cmd.RegisterCall) -> None:
        if command.call_id in self.calls:
            raise Rejected("known-call", f"call {command.call_id} is here already")
        self._emit(
            ev.CallRegistered(
                at=self.now,
                call_id=command.call_id,
                pbx=command.pbx,
                pbx_call_id=command.pbx_call_id,
                line=command.line,
                control=command.control,
            )
        )

    def _queue(self, command: cmd.QueueCall) -> None:
        call = self._call(command.call_id)
        if call.state not in {"arrived", "self_service"}:
            raise Rejected("call-not-new", f"the call is {call.state}", allowed=())
        self._queue_spec(command.queue)
        self._emit(
            ev.CallQueued(
                at=self.now,
                call_id=call.id,
                queue=command.queue,
                skills=dict(command.skills),
                priority=command.priority,
                payer=command.payer,
                insurance=command.insurance,
                language=command.language,
                flow=command.flow,
                flow_version=command.flow_version,
                crm=dict(command.crm),
            )
        )
        self._serve_call(call)

    def _close(self, command: cmd.CloseCall) -> None:
        call = self._call(command.call_id)
        if call.state not in {"arrived", "self_service"}:
            raise Rejected("call-not-new", f"the call is {call.state}")
        self._end(call, command.outcome, by="system", media=command.media)

    def _hang_up(self, command: cmd.HangUp) -> None:
        call = self._call(command.call_id)
        if call.state == "ended":
            return
        if call.state == "connected":
            self._end_talk(call, command)
            return
        if command.by == "agent":
            return
        outcome: Outcome = "abandoned" if command.by == "caller" else "lost"
        agent = self._withdraw(call, "abandoned")
        self._emit(ev.CallEnded(at=self.now, call_id=call.id, outcome=outcome, by=command.by))
        if agent is not None:
            self._release(agent, keeps_idle=True)

    def _end_talk(self, call: Call, command: cmd.HangUp) -> None:
        agent = self.agents[self._talking_to(call)]
        self._emit(
            ev.CallEnded(
                at=self.now, call_id=call.id, outcome="handled", by=command.by, agent_id=agent.id
            )
        )
        wrap_up_s = self.queues[call.queue].wrap_up_s if call.queue in self.queues else 0.0
        if wrap_up_s <= 0:
            self._release(agent)
            return
        self._emit(
            ev.AgentStateChanged(
                at=self.now, agent_id=agent.id, state="wrap_up", until=self.now + wrap_up_s
            )
        )

    def _digits(self, command: cmd.Digits) -> None:
        call = self._call(command.call_id)
        if call.state != "ended":
            self._emit(ev.DigitsPressed(at=self.now, call_id=call.id, count=len(command.digits)))

    def _move(self, command: cmd.Move) -> None:
        call = self._waiting_call(command.call_id)
        self._queue_spec(command.queue)
        agent = self._withdraw(call, "withdrawn")
        self._emit(
            ev.CallMoved(
                at=self.now, call_id=call.id, queue=command.queue, skills=dict(command.skills)
            )
        )
        self._serve_call(call)
        if agent is not None:
            self._release(agent, keeps_idle=True)

    def _set_priority(self, command: cmd.SetPriority) -> None:
        call = self._waiting_call(command.call_id)
        if call.priority != command.priority:
            self._emit(ev.PriorityChanged(at=self.now, call_id=call.id, priority=command.priority))

    def _control_talk(self, command: cmd.ControlTalk) -> None:
        call = self._call(command.call_id)
        if call.state != "connected":
            raise Rejected("call-not-connected", f"the call is {call.state}")
        if command.agent_id is not None and call.agent != command.agent_id:
            raise Rejected("not-your-call", "another agent has this call")
        body = dict(command.body)
        if command.kind == "bridge":
            body["offer_id"] = call.offer
        self._emit(ev.ControlRequested(at=self.now, call_id=call.id, kind=command.kind, body=body))

    # -- offers --------------------------------------------------------------------------------

    def _accept(self, command: cmd.AcceptOffer) -> None:
        offer = self._offer_of(command.agent_id, command.offer_id)
        if offer.state == "ringing":
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
        if offer is not None:
            self._emit(
                ev.CallConnected(
                    at=self.now, offer_id=offer.id, call_id=offer.call, agent_id=offer.agent
                )
            )

    def _offer_failed(self, command: cmd.OfferFailed) -> None:
        offer = self.offers.get(command.offer_id)
        if offer is not None:
            self._fail(offer, command.cause, phone_told=True)

    # -- agents --------------------------------------------------------------------------------

    def _log_in(self, command: cmd.LogIn) -> None:
        agent = self._agent(command.agent_id)
        endpoint = command.endpoint or agent.spec.endpoint
        if endpoint is None:
            raise Rejected("no-endpoint", "the agent has no endpoint: log in with one")
        self._emit(
            ev.AgentLoggedIn(
                at=self.now,
                agent_id=agent.id,
                endpoint=endpoint,
                site=command.site or agent.spec.site,
            )
        )
        if agent.state == "logged_out":
            self._emit(ev.AgentStateChanged(at=self.now, agent_id=agent.id, state="not_ready"))

    def _log_out(self, command: cmd.LogOut) -> None:
        agent = self._agent(command.agent_id)
        if agent.state == "logged_out":
            return
        if agent.state == "talking":
            raise Rejected(
                "agent-talking", "the agent is talking", allowed=STATE_COMMANDS["talking"]
            )
        call = self.calls[agent.call] if agent.offer is not None and agent.call else None
        if call is not None:
            self._withdraw(call, "withdrawn")
        self._emit(ev.AgentStateChanged(at=self.now, agent_id=agent.id, state="logged_out"))
        if call is not None:
            self._serve_call(call)

    def _set_ready(self, command: cmd.SetReady) -> None:
        agent = self._working(command.agent_id)
        if agent.state in {"reserved", "talking"}:
            self._plan_rest(agent, None)
        elif agent.state != "ready":
            self._lift_exclusions(agent)
            self._emit(ev.AgentStateChanged(at=self.now, agent_id=agent.id, state="ready"))
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

    def _plan_rest(self, agent: Agent, reason: str | None) -> None:
        if agent.rests_after != reason:
            self._emit(ev.RestPlanned(at=self.now, agent_id=agent.id, reason=reason))

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

    def _lift_exclusions(self, agent: Agent) -> None:
        for call_id in sorted(self._excluded_from.get(agent.id, ())):
            call = self.calls[call_id]
            if not self._somebody_else(call, agent):
                self._emit(ev.ExclusionLifted(at=self.now, call_id=call.id, agent_id=agent.id))

    def _somebody_else(self, call: Call, agent: Agent) -> bool:
        """Whether another agent at work could serve the call."""
        return any(
            other.state not in {"not_ready", "logged_out"}
            for group in self._groups.values()
            if lacking(group.skills, call.skills) is None
            for other in (self.agents[name] for name in group.members - call.excluded)
            if other.id != agent.id
        )

    # -- time ----------------------------------------------------------------------------------

    def _tick(self, _command: cmd.Tick) -> None:
        forgotten: list[str] = []
        while (at := self.next_timer()) is not None and at <= self.now:
            _, kind, subject = self._timers.pop()
            if kind == "forget":
                forgotten.append(subject)
            elif kind == "wrap_up":
                self._release(self.agents[subject])
            else:
                offer = self.offers[subject]
                self._fail(offer, "no_answer" if offer.state == "ringing" else "no_accept")
        if forgotten:
            self._emit(ev.CallsForgotten(at=self.now, call_ids=tuple(forgotten)))

    def _timer_holds(self, at: float, kind: str, subject: str) -> bool:
        if kind == "offer":
            return subject in self.offers and self.offers[subject].deadline == at
        if kind == "wrap_up":
            agent = self.agents[subject]
            return agent.state == "wrap_up" and agent.wrap_up_until == at
        call = self.calls.get(subject)
        return call is not None and call.ended_at is not None and call.ended_at + LINGER_S == at


_HANDLERS: dict[type, Callable[[Floor, Any], None]] = {
    cmd.ConfigureQueues: Floor._configure_queues,  # noqa: SLF001
    cmd.ConfigureAgents: Floor._configure_agents,  # noqa: SLF001
    cmd.RegisterCall: Floor._register,  # noqa: SLF001
    cmd.QueueCall: Floor._queue,  # noqa: SLF001
    cmd.CloseCall: Floor._close,  # noqa: SLF001
    cmd.HangUp: Floor._hang_up,  # noqa: SLF001
    cmd.Digits: Floor._digits,  # noqa: SLF001
    cmd.PhoneAnswered: Floor._phone_answered,  # noqa: SLF001
    cmd.OfferFailed: Floor._offer_failed,  # noqa: SLF001
    cmd.LogIn: Floor._log_in,  # noqa: SLF001
    cmd.LogOut: Floor._log_out,  # noqa: SLF001
    cmd.SetReady: Floor._set_ready,  # noqa: SLF001
    cmd.SetNotReady: Floor._set_not_ready,  # noqa: SLF001
    cmd.AcceptOffer: Floor._accept,  # noqa: SLF001
    cmd.RejectOffer: Floor._reject,  # noqa: SLF001
    cmd.CompleteWrapUp: Floor._complete_wrap_up,  # noqa: SLF001
    cmd.Move: Floor._move,  # noqa: SLF001
    cmd.SetPriority: Floor._set_priority,  # noqa: SLF001
    cmd.ControlTalk: Floor._control_talk,  # noqa: SLF001
    cmd.Tick: Floor._tick,  # noqa: SLF001
}
