"""How calls that are passed on change the floor."""

from dataclasses import replace

from careline_router.domain import events as ev
from careline_router.domain import transfer_events as tev
from careline_router.domain.filing import Filing
from careline_router.domain.states import Call, Consultation
from careline_router.domain.terms import elsewhere
from careline_router.domain.words import ConsultState


class TransferState(Filing):
    """Applies the events of holding, asking and passing on, and what others share with them."""

    def _call_transferred(self, event: tev.CallTransferred) -> None:
        call = self.calls[event.call_id]
        self._let_go(call)
        for agent_id in (event.agent_id, *event.excludes):
            self._exclude(call, agent_id)
        call.agent = call.answered_at = call.offer = None
        call.suspended = call.leaving = False
        call.transferred = call.put_back = True
        call.queue, call.relaxed, call.terms = event.queue, 0, elsewhere(call.terms)
        call.skills = call.needs = event.skills
        call.preferred, call.preferred_until = event.preferred, event.preferred_until
        if event.preferred is not None:
            self._readmit(call, event.preferred)
        self._set_call(call, "queued")

    def _call_assigned(self, event: ev.CallAssigned) -> None:
        call = self.calls[event.call_id]
        call.preferred, call.preferred_until = event.agent_id, event.until
        call.put_back = call.kind == "call"
        self._readmit(call, event.agent_id)
        self._set_call(call, "queued")

    def _readmit(self, call: Call, agent_id: str) -> None:
        call.excluded -= {agent_id}
        self.excluded_from.get(agent_id, set()).discard(call.id)

    def _transfer_requested(self, event: tev.TransferRequested) -> None:
        call = self.calls[event.call_id]
        call.leaving = call.transferred = True

    def _agent_left(self, event: tev.AgentLeft) -> None:
        self.calls[event.call_id].left = True

    def _transfer_refused(self, event: tev.TransferRefused) -> None:
        call = self.calls[event.call_id]
        call.leaving = call.transferred = False

    def _consult_begun(self, event: tev.ConsultBegun) -> None:
        self.calls[event.call_id].consultation = Consultation(
            id=event.consult_id, endpoint=event.endpoint, agent=event.to_agent
        )

    def _consult_moved(self, event: tev.ConsultTalking | tev.ConsultJoined) -> None:
        call = self.calls[event.call_id]
        assert call.consultation is not None
        state: ConsultState = "talking" if isinstance(event, tev.ConsultTalking) else "joined"
        call.consultation = replace(call.consultation, state=state)

    def _consult_over(self, event: tev.ConsultOver) -> None:
        self.calls[event.call_id].consultation = None

    def _call_handed_over(self, event: tev.CallHandedOver) -> None:
        call, agent = self.calls[event.call_id], self.agents[event.to_agent]
        self._let_go(call)
        call.agent, call.offer = agent.id, event.consult_id
        call.consultation, call.transferred = None, True
        agent.call = call.id
        agent.at_work = (*agent.at_work, call.id)
        agent.calls_taken += 1
        self._set_agent(agent, "talking", at=event.at)

    def _exclude(self, call: Call, agent_id: str) -> None:
        call.excluded |= {agent_id}
        self.excluded_from.setdefault(agent_id, set()).add(call.id)

    def _let_go(self, call: Call) -> None:
        agent = self.agents.get(call.agent or "")
        if agent is not None and call.id in agent.at_work:
            agent.at_work = _without(agent.at_work, call.id)
            agent.last_call_ended = self.now
            if agent.state == "ready":  # he may have had no room before
                self._file_agent(agent)


def _without(at_work: tuple[str, ...], call_id: str) -> tuple[str, ...]:
    if len(at_work) == 1:
        return ()
    return tuple(each for each in at_work if each != call_id)
