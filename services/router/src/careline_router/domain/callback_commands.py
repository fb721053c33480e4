"""Callbacks: offered to who waits, promised within bounds, made at their place or when agents are to spare."""

from careline_router.domain import commands as cmd
from careline_router.domain import events as ev
from careline_router.domain.leaving import Leaving
from careline_router.domain.quiet import first_allowed
from careline_router.domain.specs import CallbackRules
from careline_router.domain.states import Call, Callback, Rejected
from careline_router.domain.waiting import is_urgent
from careline_router.domain.words import CallbackOrigin, FailureCause

LEAST_LEFT = "no-callback-left"


class CallbackCommands(Leaving):
    """A callback is a waiting item of kind `callback`: agent first, then the person is called."""

    # -- offering ------------------------------------------------------------------------------

    def _consider_callback(self, call: Call) -> None:
        """Offers a waiting caller to be called back, by the floor's rules and within their bounds."""
        rules = self.spec.callbacks
        if (
            rules is None
            or call.kind != "call"
            or call.state != "queued"
            or call.callback_offered_at is not None
            or not call.offers_callback
            or not self._may_promise(rules)
        ):
            return
        assert call.queued_at is not None
        assert call.queue is not None
        head = self._head_wait(call)
        if self.now - call.queued_at >= rules.after_s or head >= rules.wait_s:
            band = self.estimates.band(call.queue, head)
            self._emit(ev.CallbackOffered(at=self.now, call_id=call.id, wait_band=band))

    def _may_promise(self, rules: CallbackRules) -> bool:
        return self.promises.to_expect(self.now) < rules.outstanding_per_busy * self.busy

    def _head_wait(self, call: Call) -> float:
        """How long the first of the caller's class has waited, in seconds."""
        waiting = self.waiting.class_of(call.id)
        first = None if waiting is None else waiting.first()
        return 0.0 if first is None else self.now - first[0]

    def _accept_callback(self, command: cmd.AcceptCallback) -> None:
        call = self._waiting_call(command.call_id)
        rules = self.spec.callbacks
        if rules is None or call.callback_offered_at is None:
            raise Rejected("no-callback-offered", "this caller has not been offered a callback")
        self._new_call(command.callback_id)
        agent = self._withdraw(call, "withdrawn")
        if call.person is None or call.person not in self.callback_of:
            self._make_callback(
                call, command.callback_id, "requested", rules, command.utc_offset_s, promised=True
            )
        self._end(call, "callback", by="system")
        made = self.calls.get(command.callback_id)
        if made is not None:
            self._serve_call(made)
        if agent is not None:
            self._release(agent, keeps_idle=True)

    def _new_call(self, call_id: str) -> None:
        if call_id in self.calls:
            raise Rejected("known-call", f"call {call_id} is here already")

    def _make_callback(
        self,
        call: Call,
        callback_id: str,
        origin: CallbackOrigin,
        rules: CallbackRules,
        utc_offset_s: float,
        *,
        promised: bool,
        by: str | None = None,
    ) -> None:
        """A callback in the place of a call that ends now; `by` another PBX than its own."""
        assert call.queue is not None
        allowed = first_allowed(self.now, rules.quiet, utc_offset_s)
        self._emit(
            ev.CallbackMade(
                at=self.now,
                call_id=callback_id,
                from_call=call.id,
                pbx=by or call.pbx,
                line=call.line,
                control="commands",
                queue=call.queue,
                skills=dict(call.needs),
                priority=call.priority or "insured",
                payer=call.payer,
                insurance=call.insurance,
                language=call.language,
                person=call.person,
                origin=origin,
                mode=rules.mode if promised else "defer",
                place=self.now if call.queued_at is None else call.queued_at,
                promise_due=allowed + rules.promise_s if promised else None,
                not_before=allowed if allowed > self.now else None,
                utc_offset_s=utc_offset_s,
            )
        )

    def _call_back_later(
        self, call: Call, origin: CallbackOrigin, utc_offset_s: float, *, by: str | None = None
    ) -> None:
        """Has a person called back who hung up or reached nobody, if the rules say so."""
        rules = self.spec.callbacks
        if rules is None or call.person is None or call.person in self.callback_of:
            return
        if call.queue is None or call.kind != "call":
            return
        wanted = rules.abandoned if origin == "abandoned" else rules.missed
        waited = self.now - (self.now if call.queued_at is None else call.queued_at)
        if not wanted or (origin == "abandoned" and waited < rules.short_abandon_s):
            return
        callback_id = f"{call.id}.callback"
        if callback_id not in self.calls:
            self._make_callback(
                call, callback_id, origin, rules, utc_offset_s, promised=False, by=by
            )
            self._serve_call(self.calls[callback_id])

    def _request_callback(self, command: cmd.RequestCallback) -> None:
        self._new_call(command.call_id)
        self._queue_spec(command.queue)
        if command.person in self.callback_of:
            raise Rejected("known-person", "this person is to be called back already")
        rules = self.spec.callbacks or CallbackRules()
        wanted = max(self.now, command.not_before or 0.0)
        allowed = first_allowed(wanted, rules.quiet, command.utc_offset_s)
        self._emit(
            ev.CallbackMade(
                at=self.now,
                call_id=command.call_id,
                from_call=None,
                pbx=command.pbx,
                line=command.line,
                control="commands",
                queue=command.queue,
                skills=dict(self._within_reach(command.skills)),
                priority=command.priority,
                payer=command.payer,
                person=command.person,
                origin=command.origin,
                mode=command.mode,
                place=allowed,
                promise_due=allowed + rules.promise_s,
                not_before=allowed if allowed > self.now else None,
                utc_offset_s=command.utc_offset_s,
            )
        )
        self._serve_call(self.calls[command.call_id])

    # -- ending --------------------------------------------------------------------------------

    def _cancel_callback(self, command: cmd.CancelCallback) -> None:
        call = self._call(command.call_id)
        if call.callback is None:
            raise Rejected("not-a-callback", "this is no callback")
        if call.state == "ended":
            return
        if call.state == "connected":
            raise Rejected("callback-begun", "the person is being called")
        self._drop(call)

    def _has_called_back(self, person: str | None) -> None:
        """Who calls himself need not be called any more."""
        known = self.calls.get(self.callback_of.get(person or "", ""))
        if known is not None and known.state in {"queued", "offered"}:
            self._drop(known)

    # -- calling -------------------------------------------------------------------------------

    def _dialled(self, call_id: str) -> tuple[Call, Callback] | None:
        """The callback whose person is being called; None when a fact about that comes too late."""
        call = self._call(call_id)
        if call.callback is None or not call.callback.dialling:
            return None
        return call, call.callback

    def _dial_reached(self, command: cmd.DialReached) -> None:
        found = self._dialled(command.call_id)
        if found is not None:
            call = found[0]
            self._emit(
                ev.DialEnded(at=self.now, call_id=call.id, agent_id=call.agent or "", reached=True)
            )

    def _dial_failed(self, command: cmd.DialFailed) -> None:
        if self._dialled(command.call_id) is not None:
            self._not_reached(self._call(command.call_id), command.cause)

    def _not_reached(self, call: Call, cause: FailureCause) -> None:
        """The next try by the plan, or none any more; the agent is free."""
        callback, agent = call.callback, self.agents[call.agent or ""]
        assert callback is not None
        rules = self.spec.callbacks or CallbackRules()
        if callback.attempts > len(rules.retry_after_s):
            self._end(call, "lost", by="system")
        else:
            later = self.now + rules.retry_after_s[callback.attempts - 1]
            self._emit(
                ev.DialEnded(
                    at=self.now,
                    call_id=call.id,
                    agent_id=agent.id,
                    reached=False,
                    cause=cause,
                    not_before=first_allowed(later, rules.quiet, callback.utc_offset_s),
                )
            )
        if not self._goes_on(agent):
            self._release(agent)

    # -- time ----------------------------------------------------------------------------------

    def _look(self, call: Call) -> None:
        """Does what is due for a call that waits: let go, promised, relaxed, offered a callback."""
        if call.state != "queued":
            return
        self._let_go_when_due(call)
        self._press(call)
        callback = call.callback
        if (
            callback is not None
            and callback.promise_due is not None
            and callback.promise_due <= self.now
            and callback.mode == "defer"
            and not callback.due
            and callback.attempts == 0
            and call.id not in self.held
        ):
            self._emit(ev.CallbackDue(at=self.now, call_id=call.id))
        self._serve_call(call)
        self._relax(call)
        self._consider_callback(call)
        self._consider_ways_out(call)

    def _press(self, call: Call) -> None:
        """A call about an appeal that has become urgent while it waits is filed with the urgent."""
        waiting = self.waiting.class_of(call.id)
        if waiting is not None and not waiting.urgent and is_urgent(call.due_at, self.now):
            self._emit(ev.CallPressed(at=self.now, call_id=call.id))

    def _let_go_when_due(self, call: Call) -> None:
        until = call.preferred_until if call.preferred_until is not None else call.not_before
        if call.id in self.held and until is not None and until <= self.now:
            self._emit(ev.CallReleased(at=self.now, call_id=call.id))
