"""How long an appeal can be reopened: later a new one goes on from it."""

from datetime import datetime, timedelta

from careline_tickets.domain.clocks import Terms
from careline_tickets.domain.ticket import Ticket


def reopenable_until(ticket: Ticket) -> datetime | None:
    """24:00 of the last day, in its calendar's zone; None when there is no such day."""
    terms = Terms() if ticket.policy is None else ticket.policy.terms
    if ticket.closed_at is None or terms.reopen_within_days is None:
        return None
    if ticket.policy is None:
        return ticket.closed_at + timedelta(days=terms.reopen_within_days)
    return ticket.policy.calendar.end_of_day(ticket.closed_at, terms.reopen_within_days)


def too_late(ticket: Ticket, now: datetime) -> bool:
    """Whether a new appeal has to go on from this one."""
    until = reopenable_until(ticket)
    return until is not None and now >= until
