"""What a citizen is told of what he was promised."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from careline_tickets.adapters import citizen_words as words
from careline_tickets.adapters.words import day
from careline_tickets.domain.clocks import Clock, ClockKind
from careline_tickets.domain.ticket import Ticket


def promise_of(ticket: Ticket) -> Clock | None:
    """The clock that a citizen knows of, of its generations the newest: by when he has an answer."""
    kept = [clock for clock in ticket.clocks if clock.kind is ClockKind.STATUTORY]
    return max(kept, key=lambda clock: clock.generation, default=None)


def shown_due(due_at: datetime, language: str, zone: ZoneInfo) -> str:
    """The day on which something is due: what is due at 24:00 is due on the day that ends then."""
    return day((due_at - timedelta(microseconds=1)).astimezone(zone).date(), language)


def registered(ticket: Ticket, language: str, zone: ZoneInfo) -> str:
    """That an appeal is in the journal, how to follow it, and by when it is answered."""
    said = words.said("registered", language, number=ticket.number, code=ticket.tracking_code)
    return f"{said} {promised(ticket, language, zone)}".strip()


def promised(ticket: Ticket, language: str, zone: ZoneInfo) -> str:
    """By when it is answered; empty where nothing is promised, or it does not run."""
    promise = promise_of(ticket)
    if promise is None or not promise.running:
        return ""
    return words.said("promised", language, due=shown_due(promise.due_at, language, zone))
