"""The events of a change: ids and words of the workflow, nothing of the person or the text."""

from collections.abc import Iterator

from careline_common.events.envelope import Event
from careline_common.events.tickets import TicketClosed, TicketCreated, TicketMoved
from careline_tickets.domain.ticket import REGISTER, Change, Ticket
from careline_tickets.domain.vocabulary import Status


def events_of(ticket: Ticket, change: Change) -> Iterator[Event]:
    """What the other services hear; `ticket` is the appeal after this change or a later one."""
    if change.action == REGISTER:
        yield _created(ticket)
        return
    yield _moved(ticket, change)
    if change.after.get("status") == Status.CLOSED:
        yield _closed(ticket)


def _created(ticket: Ticket) -> TicketCreated:
    details, external = ticket.details, ticket.details.external
    return TicketCreated(
        ticket_id=ticket.id,
        number=ticket.number,
        channel=details.channel,
        kind=details.kind,
        subject=details.subject,
        territory=details.territory,
        organisation=details.organisation,
        insurer=details.insurer,
        call_id=details.call_id,
        invitation_id=details.invitation_id,
        external_source=external.source if external else None,
        external_id=external.id if external else None,
        registered_at=ticket.registered_at,
        due_at=ticket.due_at,
    )


def _moved(ticket: Ticket, change: Change) -> TicketMoved:
    external = ticket.details.external
    return TicketMoved(
        ticket_id=ticket.id,
        number=ticket.number,
        action=change.action,
        status=str(change.after.get("status", ticket.status)),
        level=ticket.level,
        owner=ticket.owner,
        group=ticket.group,
        insurer=ticket.details.insurer,
        call_id=ticket.details.call_id,
        external_source=external.source if external else None,
        external_id=external.id if external else None,
        returns=ticket.returns,
        due_at=ticket.due_at,
        at=change.at,
    )


def _closed(ticket: Ticket) -> TicketClosed:
    external = ticket.details.external
    assert ticket.outcome is not None
    assert ticket.closed_at is not None
    return TicketClosed(
        ticket_id=ticket.id,
        number=ticket.number,
        outcome=ticket.outcome,
        insurer=ticket.details.insurer,
        call_id=ticket.details.call_id,
        external_source=external.source if external else None,
        external_id=external.id if external else None,
        returns=ticket.returns,
        due_at=ticket.due_at,
        closed_at=ticket.closed_at,
    )
