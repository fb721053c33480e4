"""Calls that an agent passes on: at once (cold), or after he has asked (warm, as consultation).

- A caller who is passed on to a queue or to an agent keeps the moment in which he came, and goes first at his place:
  he has waited once. Who passed him on is not offered him again; when that was a bot, no other bot is either.
- During a consultation the caller is held. An agent of the floor who is asked is not ready, reason `consult`, so that
  nothing is offered him meanwhile.
- An agent who hangs up while who was asked talks with him has completed the transfer, as phones have it; one who
  drops out, or goes before anybody has answered, gives his caller back to the queue.
"""

from careline_router.domain import commands as cmd
from careline_router.domain import events as ev
from careline_router.domain import transfer_events as tev
from careline_router.domain import transfer_orders as orders
from careline_router.domain.agent_commands import AgentCommands
from careline_router.domain.reaching import endpoint_at
from careline_router.domain.states import Agent, Call, Consultation, Rejected
from careline_router.domain.words import DROPS

CONSULT = "consult"


class TransferCommands(AgentCommands):
    # -- cold ----------------------------------------------------------------------------------

    def _transfer_out(self, command: orders.TransferOut) -> None:
        call, agent = self._talk_of(command.agent_id, command.call_id)
        self._request_transfer(call, agent, command.endpoint)

    def _request_transfer(
        self, call: Call, agent: Agent, endpoint: str, consult_id: str | None = None
    ) -> None:
        self._emit(
            tev.TransferRequested(
                at=self.now,
                call_id=call.id,
                agent_id=agent.id,
                offer_id=call.offer or "",
                endpoint=endpoint,
                consult_id=consult_id,
            )
        )

    def _transfer_ended(self, command: orders.TransferEnded) -> None:
        call = self.calls.get(command.call_id)
        if call is None or call.state != "connected" or not call.transferred:
            return
        agent = self.agents[call.agent or ""]
        if not call.leaving:
            if command.consult_id == call.offer and not command.ok:
                self._put_back(call, agent, "lost")  # who was asked has it, and they are not joined
        elif command.offer_id != call.offer:
            return  # of a transfer before this one
        elif command.ok:
            self._gone_elsewhere(call, agent)
        elif call.left:
            self._give_back(call, agent)
        else:
            self._emit(tev.TransferRefused(at=self.now, call_id=call.id, agent_id=agent.id))

    def _gone_elsewhere(self, call: Call, agent: Agent) -> None:
        """The caller talks outside the floor: nobody hangs up on him."""
        self._lay_down(call, agent, by="system")
        self._after_work(agent, call)

    def _transfer_in(self, command: orders.TransferIn) -> None:
        call, agent = self._talk_of(command.agent_id, command.call_id)
        self._require_caller(call)
        self._queue_spec(command.queue)
        wanted = None if command.to_agent is None else self._wanted(command, agent)
        left = self._wrap_up_of(call)
        self._emit(
            tev.CallTransferred(
                at=self.now,
                call_id=call.id,
                agent_id=agent.id,
                offer_id=call.offer or "",
                queue=command.queue,
                skills=dict(self._within_reach(command.skills)),
                preferred=wanted,
                preferred_until=None if wanted is None else self.now + command.preferred_for_s,
                excludes=self._other_bots(agent) if agent.spec.kind == "bot" else (),
            )
        )
        self._wrap_up_or_go_on(agent, left)
        self._serve_call(call)
        self._relax(call)

    def _other_bots(self, bot: Agent) -> tuple[str, ...]:
        """Whoever a bot could not help needs a human, and is not offered to the next bot."""
        return tuple(
            sorted(
                other.id
                for other in self.agents.values()
                if other.spec.kind == "bot" and other.id != bot.id
            )
        )

    def _wanted(self, command: orders.TransferIn, agent: Agent) -> str:
        """The agent to whom a call is passed on: at work, another one, and able to serve it."""
        target = self._at_work(command.to_agent or "", agent)
        group = self.groups.group_of(target.id)
        needs = self.groups.requirement(self._within_reach(command.skills))
        if group is None or not needs.ranks[group.index]:
            raise Rejected("agent-not-able", "that agent lacks the skills for this call")
        return target.id

    def _at_work(self, agent_id: str, asking: Agent) -> Agent:
        target = self._agent(agent_id)
        if target.id == asking.id:
            raise Rejected("same-agent", "the call is with this agent already")
        if target.state in {"logged_out", "not_ready"}:
            raise Rejected("agent-away", f"that agent is {target.state}")
        if self.rest_of(target) is not None:
            raise Rejected(
                "agent-away", "that agent's site is not open, or his phone not to be reached"
            )
        return target

    # -- warm ----------------------------------------------------------------------------------

    def _consult(self, command: orders.Consult) -> None:
        call, agent = self._talk_of(command.agent_id, command.call_id)
        self._require_caller(call)
        endpoint, target = command.endpoint, None
        if endpoint is None:
            target = self._asked(command, agent)
            endpoint = endpoint_at(self.spec.pbxs.get(call.pbx), target)
            self._emit(
                ev.AgentStateChanged(
                    at=self.now, agent_id=target.id, state="not_ready", reason=CONSULT
                )
            )
        self._emit(
            tev.ConsultBegun(
                at=self.now,
                call_id=call.id,
                agent_id=agent.id,
                consult_id=command.consult_id,
                offer_id=call.offer or "",
                endpoint=endpoint,
                timeout_s=self._queue_of(call).ring_timeout_s,
                to_agent=None if target is None else target.id,
            )
        )
        if target is not None:
            self._let_others_have(target)

    def _asked(self, command: orders.Consult, asking: Agent) -> Agent:
        """The agent who is asked: as named, or idle for longest of those who are able."""
        if command.to_agent is not None:
            target = self._at_work(command.to_agent, asking)
            if target.state != "ready":
                raise Rejected("agent-busy", f"that agent is {target.state}")
            return target
        able = self.groups.requirement(command.skills or {}).able
        idle = [
            each
            for group, _ in able
            for each in (self.agents[name] for name in group.members)
            if each.state == "ready" and each.rested_at is None and not each.at_work
        ]
        if not idle:
            raise Rejected("nobody-idle", "nobody who could be asked is idle")
        return min(idle, key=lambda each: (each.idle_since, each.order))

    def _consult_answered(self, command: orders.ConsultAnswered) -> None:
        found = self._consultation(command.call_id, command.consult_id)
        if found is not None and found[1].state == "ringing":
            call, consultation = found
            self._emit(
                tev.ConsultTalking(
                    at=self.now,
                    call_id=call.id,
                    agent_id=call.agent or "",
                    consult_id=consultation.id,
                )
            )

    def _consult_gone(self, command: orders.ConsultGone) -> None:
        found = self._consultation(command.call_id, command.consult_id)
        if found is not None and not found[0].leaving:
            self._stop_consulting(found[0], command.cause, hangs=False, returns=True)

    def _end_consult(self, command: orders.EndConsult) -> None:
        call, agent = self._talk_of(command.agent_id, command.call_id, consulting=True)
        consultation = call.consultation
        assert consultation is not None
        if command.how == "back":
            self._stop_consulting(call, "back", hangs=True, returns=True)
            return
        if consultation.state == "ringing":
            raise Rejected("not-answered", "who is asked has not answered yet", allowed=("back",))
        if command.how == "complete":
            self._complete(call, agent, consultation)
        elif consultation.state == "talking":
            self._emit(
                tev.ConsultJoined(
                    at=self.now,
                    call_id=call.id,
                    agent_id=agent.id,
                    consult_id=consultation.id,
                    offer_id=call.offer or "",
                )
            )

    def _complete(self, call: Call, agent: Agent, consultation: Consultation) -> None:
        target = self.agents.get(consultation.agent or "")
        if target is None:
            self._request_transfer(call, agent, consultation.endpoint, consultation.id)
            return
        if target.state not in {"not_ready", "ready"}:
            raise Rejected("agent-busy", f"that agent is {target.state}", allowed=("back",))
        self._emit(
            tev.CallHandedOver(
                at=self.now,
                call_id=call.id,
                agent_id=agent.id,
                to_agent=target.id,
                consult_id=consultation.id,
                offer_id=call.offer or "",
                endpoint=consultation.endpoint,
            )
        )
        self._wrap_up_or_go_on(agent, self._wrap_up_of(call))

    def _stop_consulting(self, call: Call, cause: str, *, hangs: bool, returns: bool) -> None:
        """Who was asked is asked no more; an agent of the floor is ready again."""
        consultation = call.consultation
        if consultation is None:
            return
        self._emit(
            tev.ConsultOver(
                at=self.now,
                call_id=call.id,
                agent_id=call.agent or "",
                consult_id=consultation.id,
                offer_id=call.offer or "",
                cause=cause,
                hangs=hangs,
                returns=returns and consultation.state != "joined",
            )
        )
        target = self.agents.get(consultation.agent or "")
        if target is not None and (target.state, target.reason) == ("not_ready", CONSULT):
            self._release(target)

    def _end_talk(self, call: Call, command: cmd.HangUp) -> None:
        agent = self.agents[call.agent or ""]
        if call.leaving and command.by == "agent":
            self._left(call, agent)
            return
        consultation = call.consultation
        if consultation is not None:
            answered = consultation.state != "ringing"
            if command.by == "agent" and answered and command.cause not in DROPS:
                try:
                    self._complete(call, agent, consultation)
                except Rejected:  # who was asked cannot take it
                    self._give_back(call, agent)
                if call.leaving:
                    self._left(call, agent)
                return
            if command.by == "agent":
                self._give_back(call, agent)
                return
            self._stop_consulting(call, "caller_gone", hangs=True, returns=False)
        super()._end_talk(call, command)

    def _left(self, call: Call, agent: Agent) -> None:
        """Whether his caller has arrived elsewhere, or has to wait again, the PBX still has to say."""
        if not call.left:
            self._emit(tev.AgentLeft(at=self.now, call_id=call.id, agent_id=agent.id))

    def _give_back(self, call: Call, agent: Agent) -> None:
        """The agent is gone in the middle of it: his caller must not be lost with him."""
        self._stop_consulting(call, "agent_gone", hangs=True, returns=False)
        self._put_back(call, agent, "dropped")

    # -- looking things up ---------------------------------------------------------------------

    def _talk_of(
        self, agent_id: str, call_id: str, *, consulting: bool = False
    ) -> tuple[Call, Agent]:
        """A talk that its agent may pass on, and in which he asks somebody, or does not."""
        call, agent = self._call(call_id), self._agent(agent_id)
        if call.state != "connected":
            raise Rejected("call-not-connected", f"the call is {call.state}")
        if call.agent != agent.id:
            raise Rejected("not-your-call", "another agent has this call")
        if call.control != "commands" or call.kind not in {"call", "callback"}:
            raise Rejected("not-steerable", "there is no PBX that takes commands for this")
        if call.leaving or (call.callback is not None and call.callback.dialling):
            raise Rejected("call-leaving", "the call is being passed on, or not reached yet")
        if consulting != (call.consultation is not None):
            allowed = ("back", "complete", "join") if call.consultation else ()
            detail = "nobody is asked" if consulting else "somebody is being asked already"
            raise Rejected(
                "not-consulting" if consulting else "consulting", detail, allowed=allowed
            )
        return call, agent

    def _require_caller(self, call: Call) -> None:
        if call.kind != "call":
            raise Rejected("not-transferable", "a callback belongs to the agent who made it")

    def _consultation(self, call_id: str, consult_id: str) -> tuple[Call, Consultation] | None:
        """A consultation that is under way; facts about any other come too late."""
        call = self.calls.get(call_id)
        if call is None or call.state != "connected" or call.consultation is None:
            return None
        return (call, call.consultation) if call.consultation.id == consult_id else None
