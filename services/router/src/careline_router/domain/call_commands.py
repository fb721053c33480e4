"""What is done to calls: they arrive, are queued, moved, answered, and end.

A caller who goes away leaves the agent ready in his old place among the idle.
"""

from dataclasses import replace

from careline_router.domain import commands as cmd
from careline_router.domain import events as ev
from careline_router.domain.callback_commands import CallbackCommands
from careline_router.domain.skills import signature
from careline_router.domain.states import Agent, Call, Rejected
from careline_router.domain.waiting import FIRST_RANK, ClassKey, is_urgent
from careline_router.domain.words import DROPS, RANK, Outcome


class CallCommands(CallbackCommands):
    def _register(self, command: cmd.RegisterCall) -> None:
        self._new_call(command.call_id)
        if (command.pbx, command.pbx_call_id) in self.by_pbx:
            raise Rejected("known-call", "this PBX has announced this call already")
        self._emit(
            ev.CallRegistered(
                at=self.now,
                call_id=command.call_id,
                pbx=command.pbx,
                pbx_call_id=command.pbx_call_id,
                line=command.line,
                control=command.control,
                kind=command.kind,
            )
        )

    def _unqueued(self, call_id: str) -> Call:
        """A call that nobody has sent to a queue yet."""
        call = self._call(call_id)
        if call.state not in {"arrived", "self_service"}:
            raise Rejected("call-not-new", f"the call is {call.state}")
        return call

    def _ask(self, command: cmd.AskCaller) -> None:
        call = self._unqueued(command.call_id)
        self._emit(
            ev.CallerAsked(
                at=self.now,
                call_id=call.id,
                node=command.node,
                tries=command.tries,
                media=command.media,
                until=self.now + command.wait_s,
                first=call.state == "arrived",
                served=command.served or call.served,
                flow=command.flow,
                flow_version=command.flow_version,
            )
        )

    def _queue(self, command: cmd.QueueCall) -> None:
        call = self._unqueued(command.call_id)
        self._queue_spec(command.queue)
        command = replace(command, skills=self._within_reach(command.skills))
        preferred = None if command.preferred is None else self._preferred(command)
        if command.person is not None:
            self._has_called_back(command.person)
        self._emit(
            ev.CallQueued(
                at=self.now,
                call_id=call.id,
                queue=command.queue,
                skills=command.skills,
                priority=command.priority,
                payer=command.payer,
                insurance=command.insurance,
                language=command.language,
                hears=command.hears,
                flow=command.flow,
                flow_version=command.flow_version,
                crm=command.crm,
                person=command.person,
                due_at=command.due_at,
                preferred=preferred,
                preferred_until=None if preferred is None else self.now + self._hold_s(command),
                estimate_s=self._estimate(call, command),
                media=command.media,
                offers_callback=command.offers_callback,
                terms=command.terms,
            )
        )
        self._serve_call(call)
        self._relax(call)
        if self.spec.callbacks is not None:
            self._consider_callback(call)
        if command.terms.ways_out:
            self._consider_ways_out(call)

    def _preferred(self, command: cmd.QueueCall) -> str | None:
        """The agent whom the call waits for, if he is at work and could serve it."""
        agent = self.agents.get(command.preferred or "")
        if agent is None or command.preferred_for_s <= 0 or RANK[command.priority] <= FIRST_RANK:
            return None
        if agent.state in {"logged_out", "not_ready"} or self.rest_of(agent) is not None:
            return None
        group = self.groups.group_of(agent.id)
        needs = self.groups.requirement(command.skills)
        return agent.id if group is not None and needs.ranks[group.index] else None

    def _hold_s(self, command: cmd.QueueCall) -> float:
        """Nobody waits for one agent longer than for any."""
        longest = self.queues[command.queue].max_wait_of(command.priority)
        return min(command.preferred_for_s, longest)

    def _estimate(self, call: Call, command: cmd.QueueCall) -> float | None:
        """How long the call is expected to wait, in seconds; None when an agent is idle for it."""
        needs = self.groups.requirement(command.skills)
        if call.kind != "call" or needs.idle:
            return None
        urgent = is_urgent(command.due_at, self.now)
        key = ClassKey(
            command.queue,
            command.priority,
            signature(command.skills),
            urgent,
            target_s=command.terms.target_s,
        )
        waiting = self.waiting.classes.get(key)
        first = None if waiting is None else waiting.first()
        head = None if first is None else self.now - first[0]
        return self.estimates.estimate(command.queue, head)

    def _close(self, command: cmd.CloseCall) -> None:
        call = self._unqueued(command.call_id)
        self._emit(
            ev.CallEnded(
                at=self.now,
                call_id=call.id,
                outcome=command.outcome,
                by="system",
                media=command.media,
                before=command.before,
                endpoint=command.endpoint,
            )
        )
        rules = self.spec.callbacks
        if (
            rules is not None
            and rules.missed
            and command.person is not None
            and command.person not in self.callback_of
            and command.queue in self.queues
            and f"{call.id}.callback" not in self.calls
        ):
            self._request_callback(
                cmd.RequestCallback(
                    call_id=f"{call.id}.callback",
                    pbx=call.pbx,
                    line=call.line,
                    queue=command.queue,
                    skills=command.skills,
                    priority="deferrable",
                    person=command.person,
                    origin="missed",
                    utc_offset_s=command.utc_offset_s,
                )
            )

    def _leave_queue(self, command: cmd.LeaveQueue) -> None:
        call = self._waiting_call(command.call_id)
        agent = self._withdraw(call, "withdrawn")
        self._emit(
            ev.CallEnded(
                at=self.now,
                call_id=call.id,
                outcome=command.outcome,
                by="system",
                media=command.media,
                endpoint=command.endpoint,
            )
        )
        if agent is not None:
            self._release(agent, keeps_idle=True)

    def _hang_up(self, command: cmd.HangUp) -> None:
        call = self._call(command.call_id)
        if call.state == "ended":
            return
        if call.state == "connected":
            self._end_talk(call, command)
            return
        if command.by == "agent":
            return
        self._gone_waiting(call, command)

    def _gone_waiting(self, call: Call, command: cmd.HangUp) -> None:
        outcome: Outcome = "abandoned" if command.by == "caller" else "lost"
        if call.state == "self_service" and call.served and command.by == "caller":
            outcome = "self_served"
        agent = self._withdraw(call, "abandoned")
        self._emit(ev.CallEnded(at=self.now, call_id=call.id, outcome=outcome, by=command.by))
        if outcome == "abandoned" or command.back_by is not None:
            self._call_back_later(call, "abandoned", command.utc_offset_s, by=command.back_by)
        if agent is not None:
            self._release(agent, keeps_idle=True)

    def _end_talk(self, call: Call, command: cmd.HangUp) -> None:
        agent = self.agents[call.agent or ""]
        if call.callback is not None and call.callback.dialling:
            self._not_reached(call, "unreachable" if command.by == "agent" else "no_answer")
            return
        if command.by == "agent" and command.cause in DROPS and call.kind == "call":
            self._put_back(call, agent, command.cause or "")
            return
        self._lay_down(call, agent, by=command.by)
        self._after_work(agent, call)

    def _put_back(self, call: Call, agent: Agent, cause: str) -> None:
        """The agent's phone dropped out: he is not ready, his caller first at his place again."""
        offered = None if agent.offer is None else self.calls[self.offers[agent.offer].call]
        if offered is not None:
            self._withdraw(offered, "withdrawn")
        self._emit(ev.CallRequeued(at=self.now, call_id=call.id, agent_id=agent.id, cause=cause))
        self._emit(
            ev.AgentStateChanged(
                at=self.now, agent_id=agent.id, state="not_ready", reason="unreachable"
            )
        )
        self._let_others_have(agent, call, *([] if offered is None else [offered]))

    def _after_work(self, agent: Agent, call: Call) -> None:
        """The agent wraps up, unless he has other work in hand or this needs none."""
        if not call.suspended:
            self._wrap_up_or_go_on(agent, self._wrap_up_of(call))

    def _wrap_up_of(self, call: Call) -> float:
        """How long its agent has to wrap it up, in seconds: as its flow says, else its queue."""
        if call.terms.wrap_up_s is not None:
            return call.terms.wrap_up_s
        queue = self.queues.get(call.queue or "")
        return 0.0 if queue is None else queue.wrap_up_s

    def _wrap_up_or_go_on(self, agent: Agent, wrap_up_s: float) -> None:
        if self._goes_on(agent):
            return
        at_work = agent.at_work
        others = at_work and any(not self.calls[each].suspended for each in at_work)
        if others or wrap_up_s <= 0 or agent.spec.kind == "bot":
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
                at=self.now,
                call_id=call.id,
                queue=command.queue,
                skills=dict(self._within_reach(command.skills)),
                terms=command.terms,
            )
        )
        self._serve_call(call)
        if agent is not None:
            self._release(agent, keeps_idle=True)

    def _set_priority(self, command: cmd.SetPriority) -> None:
        call = self._waiting_call(command.call_id)
        if call.priority != command.priority:
            self._emit(ev.PriorityChanged(at=self.now, call_id=call.id, priority=command.priority))
            if RANK[command.priority] <= FIRST_RANK and self.held.get(call.id) is not None:
                self._emit(ev.CallReleased(at=self.now, call_id=call.id))
            self._serve_call(call)

    def _control_talk(self, command: cmd.ControlTalk) -> None:
        call = self._call(command.call_id)
        if call.state != "connected":
            raise Rejected("call-not-connected", f"the call is {call.state}")
        if command.agent_id is not None and call.agent != command.agent_id:
            raise Rejected("not-your-call", "another agent has this call")
        if call.control != "commands":
            raise Rejected("not-steerable", "the PBX of this call takes no commands")
        if command.kind == "record" and not call.records:
            raise Rejected(
                "not-recorded", "this call is not recorded, or its caller has refused it"
            )
        body = dict(command.body)
        if command.kind == "bridge":
            body["offer_id"] = call.offer
        self._emit(ev.ControlRequested(at=self.now, call_id=call.id, kind=command.kind, body=body))
