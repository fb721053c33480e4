"""What the other services are told of an event on the floor."""

from collections.abc import Mapping
from datetime import datetime

from careline_common.db.unit_of_work import UnitOfWork
from careline_common.events import router as told
from careline_common.events.event import Event
from careline_router.domain import events as ev
from careline_router.domain.states import Agent, Call
from careline_router.domain.words import AgentState
from careline_router.domain.work import appeal_of
from careline_router.runtime.codec import moment, moment_or_none
from careline_router.runtime.contacts import Contact, Contacts


def announce_call(
    uow: UnitOfWork,
    event: ev.Event,
    at: datetime,
    *,
    call: Call,
    version: int,
    agents: Mapping[str, Agent],
    contacts: Contacts,
) -> None:
    """Emits what an event at `at` means for a call; `version` is the call's at this event."""
    message: Event
    if call.control == "desk":
        _announce_work(uow, event, at, call=call, version=version)
        return
    match event:
        case ev.CallRegistered():
            message = told.CallArrived(
                call_id=call.id,
                pbx=call.pbx,
                pbx_call_id=call.pbx_call_id,
                line=call.line,
                arrived_at=at,
            )
        case ev.CallQueued():
            message = told.CallQueued(
                call_id=call.id,
                queue=event.queue,
                payer=event.payer,
                priority=event.priority,
                queued_at=at,
            )
        case ev.CallConnected() | ev.DialEnded(reached=True):
            message = told.CallConnected(
                call_id=call.id,
                offer_id=call.offer or "",
                agent=event.agent_id,
                queue=call.queue or "",
                answered_at=at,
                wait_s=round(event.at - (call.queued_at or call.arrived_at), 3),
            )
        case ev.CallEnded():
            message = _ended(event, at, call, team_of(call, agents), contacts.of(call.id))
        case _:
            return
    uow.emit(message, subject=call.id, sequence=version)


def _announce_work(
    uow: UnitOfWork, event: ev.Event, at: datetime, *, call: Call, version: int
) -> None:
    """Of an appeal on the floor only who has taken it is news to the journal."""
    ticket_id = appeal_of(call.pbx, call.pbx_call_id)
    if isinstance(event, ev.CallConnected) and ticket_id is not None:
        taken = told.WorkAccepted(
            work_id=call.id, ticket_id=ticket_id, agent=event.agent_id, accepted_at=at
        )
        uow.emit(taken, subject=call.id, sequence=version)


def team_of(call: Call, agents: Mapping[str, Agent]) -> str | None:
    """The team of the agent whom a call is with, or was with."""
    agent = agents.get(call.agent or "")
    return None if agent is None else agent.spec.team


def _ended(
    event: ev.CallEnded, at: datetime, call: Call, team: str | None, contact: Contact
) -> told.CallEnded:
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
        ended_at=at,
        wait_s=round((answered_at or event.at) - began, 3),
        talk_s=0.0 if answered_at is None else round(event.at - answered_at, 3),
        contact=contact.number,
        insurer=call.crm.get("insurer"),
        callback=call.callback is not None,
        transferred=call.transferred,
        survey=call.terms.survey,
    )


def announce_state(
    uow: UnitOfWork, state: tuple[str, AgentState, str | None], at: datetime, *, version: int
) -> None:
    """Emits that an agent's state changed at `at` (agent, state and reason); `version` is the agent's
    at this event."""
    agent_id, name, reason = state
    uow.emit(
        told.AgentStateChanged(agent=agent_id, state=name, reason=reason, since=at),
        subject=agent_id,
        sequence=version,
    )
