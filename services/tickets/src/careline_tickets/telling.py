"""The events of a change: ids and words of the workflow, nothing of the person or the text."""

from collections.abc import Iterator, Sequence

from careline_common.events.event import Event
from careline_common.events.tickets import (
    MergedAppeal,
    TicketClosed,
    TicketCreated,
    TicketForwarded,
    TicketMoved,
)
from careline_tickets.domain.clocks import ClockKind
from careline_tickets.domain.ticket import REGISTER, Change, Ticket
from careline_tickets.domain.vocabulary import Action, Status
from careline_tickets.lookup import Lookup


def closes(change: Change) -> bool:
    return change.after.get("status") == Status.CLOSED


def events_of(
    ticket: Ticket, change: Change, lookup: Lookup, merged: Sequence[MergedAppeal] = ()
) -> Iterator[Event]:
    """What the other services hear; `ticket` is the appeal after this change or a later one, `merged`
    are those that end with it."""
    if change.action == REGISTER:
        yield _created(ticket, lookup)
        return
    yield _moved(ticket, change)
    if closes(change):
        yield _closed(ticket, merged)
    if change.action == Action.FORWARD:
        yield _forwarded(ticket, change)


def _created(ticket: Ticket, lookup: Lookup) -> TicketCreated:
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
        code_lookup=lookup.code_key(ticket.tracking_code),
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
        priority=ticket.priority,
        due_at=ticket.due_at,
        at=change.at,
    )


def _forwarded(ticket: Ticket, change: Change) -> TicketForwarded:
    external = ticket.details.external
    promised = [clock.due_at for clock in ticket.clocks if clock.kind is ClockKind.STATUTORY]
    return TicketForwarded(
        ticket_id=ticket.id,
        number=ticket.number,
        territory=str(change.after["forwarded_to"]),
        registered_at=ticket.registered_at,
        due_at=promised[-1] if promised else None,
        external_source=external.source if external else None,
        external_id=external.id if external else None,
        forwarded_at=change.at,
    )


def _closed(ticket: Ticket, merged: Sequence[MergedAppeal]) -> TicketClosed:
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
        merged=tuple(merged),
    )
