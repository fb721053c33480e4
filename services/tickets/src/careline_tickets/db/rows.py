"""Rows of the journal's tables and the domain's objects, each way."""

from datetime import datetime
from typing import Any, Protocol

from pydantic_core import to_json

from careline_tickets.domain.clocks import Clock, ClockKind, Policy, ReopenClocks
from careline_tickets.domain.ticket import Details, External, Ticket
from careline_tickets.domain.vocabulary import (
    Answerer,
    Channel,
    Kind,
    Outcome,
    Priority,
    Status,
)


class AnyRow(Protocol):
    """A row of SQLAlchemy's (its mapping) or of asyncpg's."""

    def __getitem__(self, name: str, /) -> Any: ...


PRIORITIES = tuple(Priority)
"""Their places are how they stand in the table, so that the most urgent sorts first."""


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
        "root_cause": ticket.root_cause,
        "priority": PRIORITIES.index(ticket.priority),
        "returns": ticket.returns,
        "reopens": ticket.reopens,
        "reopen_clocks": ticket.reopen_clocks and str(ticket.reopen_clocks),
        "extended_by": ticket.extended_by,
        "follows": ticket.follows,
        "followed_by": ticket.followed_by,
        "merged_into": ticket.merged_into,
        "language": details.language,
        "insured_in": details.insured_in,
        "forwarded_to": ticket.forwarded_to,
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


def read_ticket(row: AnyRow, clocks: tuple[Clock, ...], policy: Policy | None) -> Ticket:
    return Ticket(
        id=row["id"],
        number=row["number"],
        tracking_code=row["tracking_code"],
        details=_read_details(row),
        registered_at=row["registered_at"],
        updated_at=row["updated_at"],
        version=row["version"],
        status=Status(row["status"]),
        level=row["level"],
        owner=row["owner"],
        group=row["group_id"],
        expert=row["expert"],
        experts=frozenset(row["experts"]),
        answered_by=row["answered_by"] and Answerer(row["answered_by"]),
        outcome=row["outcome"] and Outcome(row["outcome"]),
        root_cause=row["root_cause"],
        priority=PRIORITIES[row["priority"]],
        returns=row["returns"],
        reopens=row["reopens"],
        reopen_clocks=row["reopen_clocks"] and ReopenClocks(row["reopen_clocks"]),
        extended_by=row["extended_by"],
        follows=row["follows"],
        followed_by=row["followed_by"],
        forwarded_to=row["forwarded_to"],
        merged_into=row["merged_into"],
        closed_at=row["closed_at"],
        policy=policy,
        clocks=clocks,
    )


def _read_details(row: AnyRow) -> Details:
    external = None
    if row["external_id"] is not None:
        external = External(
            source=row["external_source"], id=row["external_id"], version=row["external_version"]
        )
    return Details(
        channel=Channel(row["channel"]),
        kind=Kind(row["kind"]),
        subject=row["subject"],
        territory=row["territory"],
        organisation=row["organisation"],
        insurer=row["insurer"],
        language=row["language"],
        insured_in=row["insured_in"],
        call_id=row["call_id"],
        invitation_id=row["invitation_id"],
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
        "pauses": to_json(clock.pauses).decode(),
        "extended_days": clock.extended_days,
        "rework": clock.rework,
    }


def read_clock(row: AnyRow) -> Clock:
    return Clock(
        kind=ClockKind(row["kind"]),
        generation=row["generation"],
        started_at=row["started_at"],
        due_at=row["due_at"],
        paused_at=row["paused_at"],
        stopped_at=row["stopped_at"],
        pauses=tuple(
            (datetime.fromisoformat(paused), datetime.fromisoformat(resumed))
            for paused, resumed in row["pauses"]
        ),
        extended_days=row["extended_days"],
        rework=row["rework"],
    )
