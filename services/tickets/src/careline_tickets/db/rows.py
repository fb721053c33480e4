"""Rows of the journal's tables and the domain's objects, each way."""

from typing import Any

from sqlalchemy import Row

from careline_tickets.domain.clocks import Clock, ClockKind, Policy
from careline_tickets.domain.ticket import Details, External, Ticket
from careline_tickets.domain.vocabulary import Answerer, Channel, Kind, Outcome, Status


def ticket_values(ticket: Ticket) -> dict[str, Any]:
    details, external = ticket.details, ticket.details.external
    return {
        "id": ticket.id,
        "number": ticket.number,
        "tracking_code": ticket.tracking_code,
        "status": str(ticket.status),
        "level": ticket.level,
        "channel": str(details.channel),
        "kind": str(details.kind),
        "subject": details.subject,
        "territory": details.territory,
        "organisation": details.organisation,
        "insurer": details.insurer,
        "owner": ticket.owner,
        "group_id": ticket.group,
        "expert": ticket.expert,
        "experts": sorted(ticket.experts),
        "answered_by": ticket.answered_by and str(ticket.answered_by),
        "outcome": ticket.outcome and str(ticket.outcome),
        "returns": ticket.returns,
        "merged_into": ticket.merged_into,
        "call_id": details.call_id,
        "invitation_id": details.invitation_id,
        "external_source": external.source if external else None,
        "external_id": external.id if external else None,
        "external_version": external.version if external else None,
        "registered_at": ticket.registered_at,
        "updated_at": ticket.updated_at,
        "closed_at": ticket.closed_at,
        "due_at": ticket.due_at,
        "policy_id": ticket.policy.id if ticket.policy else None,
        "version": ticket.version,
    }


def read_ticket(row: Row[Any], clocks: tuple[Clock, ...], policy: Policy | None) -> Ticket:
    return Ticket(
        id=row.id,
        number=row.number,
        tracking_code=row.tracking_code,
        details=_read_details(row),
        registered_at=row.registered_at,
        updated_at=row.updated_at,
        version=row.version,
        status=Status(row.status),
        level=row.level,
        owner=row.owner,
        group=row.group_id,
        expert=row.expert,
        experts=frozenset(row.experts),
        answered_by=row.answered_by and Answerer(row.answered_by),
        outcome=row.outcome and Outcome(row.outcome),
        returns=row.returns,
        merged_into=row.merged_into,
        closed_at=row.closed_at,
        policy=policy,
        clocks=clocks,
    )


def _read_details(row: Row[Any]) -> Details:
    external = None
    if row.external_id is not None:
        external = External(
            source=row.external_source, id=row.external_id, version=row.external_version
        )
    return Details(
        channel=Channel(row.channel),
        kind=Kind(row.kind),
        subject=row.subject,
        territory=row.territory,
        organisation=row.organisation,
        insurer=row.insurer,
        call_id=row.call_id,
        invitation_id=row.invitation_id,
        external=external,
    )


def clock_values(ticket_id: str, clock: Clock) -> dict[str, Any]:
    return {
        "ticket_id": ticket_id,
        "kind": str(clock.kind),
        "generation": clock.generation,
        "started_at": clock.started_at,
        "due_at": clock.due_at,
        "paused_at": clock.paused_at,
        "stopped_at": clock.stopped_at,
    }


def read_clock(row: Row[Any]) -> Clock:
    return Clock(
        kind=ClockKind(row.kind),
        generation=row.generation,
        started_at=row.started_at,
        due_at=row.due_at,
        paused_at=row.paused_at,
        stopped_at=row.stopped_at,
    )
