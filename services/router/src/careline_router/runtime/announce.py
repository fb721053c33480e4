"""What the other services are told of an event on the floor."""

from careline_common.db.unit_of_work import UnitOfWork
from careline_common.events import router as told
from careline_common.events.envelope import Event
from careline_router.domain import events as ev
from careline_router.domain.effects import state_told
from careline_router.domain.states import Call
from careline_router.runtime.codec import moment, moment_or_none
from careline_router.runtime.contacts import Contact


def announce_call(
    uow: UnitOfWork,
    event: ev.Event,
    *,
    call: Call,
    team: str | None,
    contact: Contact,
    version: int,
) -> None:
    """Emits what an event means for a call; `version` is the call's at this event."""
    message: Event | None = None
    match event:
        case ev.CallRegistered():
            message = told.CallArrived(
                call_id=call.id,
                pbx=call.pbx,
                pbx_call_id=call.pbx_call_id,
                line=call.line,
                arrived_at=moment(event.at),
            )
        case ev.CallQueued():
            message = told.CallQueued(
                call_id=call.id,
                queue=event.queue,
                payer=event.payer,
                priority=event.priority,
                queued_at=moment(event.at),
            )
        case ev.CallConnected():
            message = told.CallConnected(
                call_id=call.id,
                offer_id=event.offer_id,
                agent=event.agent_id,
                queue=call.queue or "",
                answered_at=moment(event.at),
                wait_s=round(event.at - (call.queued_at or call.arrived_at), 3),
            )
        case ev.CallEnded():
            message = _ended(event, call, team, contact)
        case _:
            return
    uow.emit(message, subject=call.id, sequence=version)


def _ended(event: ev.CallEnded, call: Call, team: str | None, contact: Contact) -> told.CallEnded:
    answered_at = call.answered_at
    began = call.queued_at or call.arrived_at
    return told.CallEnded(
        call_id=call.id,
        line=call.line,
        outcome=event.outcome,
        payer=call.payer,
        insurance=call.insurance,
        queue=call.queue,
        agent=call.agent,
        team=team,
        language=call.language,
        arrived_at=moment(call.arrived_at),
        answered_at=moment_or_none(answered_at),
        ended_at=moment(event.at),
        wait_s=round((answered_at or event.at) - began, 3),
        talk_s=0.0 if answered_at is None else round(event.at - answered_at, 3),
        contact=contact.number,
    )


def announce_agent(uow: UnitOfWork, event: ev.Event, *, version: int) -> None:
    """Emits a change of an agent's state; `version` is the agent's at this event."""
    change = state_told(event)
    if change is None:
        return
    agent_id, state, reason = change
    uow.emit(
        told.AgentStateChanged(agent=agent_id, state=state, reason=reason, since=moment(event.at)),
        subject=agent_id,
        sequence=version,
    )
