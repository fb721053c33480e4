"""How callbacks change the floor."""

from careline_router.domain import events as ev
from careline_router.domain.states import Agent, Call, Callback
from careline_router.domain.transfer_state import TransferState


class CallbackState(TransferState):
    """Applies the events of callbacks: promised, due, dialled, tried again."""

    def _callback_offered(self, event: ev.CallbackOffered) -> None:
        self.calls[event.call_id].callback_offered_at = event.at
        self.promises.offered(event.call_id, event.at)

    def _callback_made(self, event: ev.CallbackMade) -> None:
        call = self.calls[event.call_id] = Call(
            id=event.call_id,
            pbx=event.pbx,
            pbx_call_id=event.call_id,
            line=event.line,
            control=event.control,
            state="queued",
            arrived_at=event.at,
            queued_at=event.place,
            version=1,
            kind="callback",
            units=self.spec.units_of("callback"),
            queue=event.queue,
            skills=event.skills,
            needs=event.skills,
            priority=event.priority,
            payer=event.payer,
            insurance=event.insurance,
            language=event.language,
            person=event.person,
            not_before=event.not_before,
            callback=Callback(
                origin=event.origin,
                mode=event.mode,
                promised_at=event.at,
                promise_due=event.promise_due,
                utc_offset_s=event.utc_offset_s,
            ),
        )
        self.by_pbx[call.pbx, call.pbx_call_id] = call.id
        if event.person is not None:
            self.callback_of[event.person] = call.id
        self.promises.made(call, event.from_call)
        self._set_call(call, "queued")

    def _callback_due(self, event: ev.CallbackDue) -> None:
        call = self.calls[event.call_id]
        assert call.callback is not None
        call.callback.due = True
        self._set_call(call, call.state)

    def _dial_requested(self, event: ev.DialRequested) -> None:
        call, agent = self._taken(event)
        assert call.callback is not None
        call.callback.attempts += 1
        call.callback.dialling = True
        self.promises.called(call, event.at)
        self._set_call(call, "connected")
        self._set_agent(agent, "talking", at=event.at)

    def _dial_ended(self, event: ev.DialEnded) -> None:
        call = self.calls[event.call_id]
        assert call.callback is not None
        call.callback.dialling = False
        if event.reached:
            call.answered_at = event.at
            return
        self._let_go(call)
        call.agent = call.offer = None
        call.callback.due = False  # he was called once: further tries have no promise behind them
        call.not_before = event.not_before
        self._set_call(call, "queued")

    def _taken(self, event: ev.CallConnected | ev.DialRequested) -> tuple[Call, Agent]:
        """The offer is over, and the agent has the call."""
        del self.offers[event.offer_id]
        call, agent = self.calls[event.call_id], self.agents[event.agent_id]
        call.agent = agent.id
        agent.offer, agent.call = None, call.id
        agent.at_work = (*agent.at_work, call.id)
        agent.calls_taken += 1
        return call, agent
