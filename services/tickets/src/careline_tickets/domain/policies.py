"""Promises as documents: an appeal keeps the one it was given, long after it is no longer in use."""

import hashlib
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from careline_tickets.domain.calendars import Calendar, Span, Window, Windows
from careline_tickets.domain.clocks import ClockKind, Policy
from careline_tickets.domain.history import canonical

MINUTE = timedelta(minutes=1)


def make_policy(calendar: Calendar, spans: Mapping[ClockKind, Span]) -> Policy:
    """A policy whose id says what is in it: equal promises have the same id."""
    body = policy_body(Policy(id="", calendar=calendar, spans=spans))
    return Policy(
        id=hashlib.sha256(canonical(body)).hexdigest()[:32], calendar=calendar, spans=spans
    )


def policy_body(policy: Policy) -> dict[str, Any]:
    calendar = policy.calendar
    return {
        "zone": calendar.zone,
        "weekly": [_written(windows) for windows in calendar.weekly],
        "special": {str(day): _written(windows) for day, windows in calendar.special.items()},
        "clocks": {str(kind): str(span) for kind, span in policy.spans.items()},
    }


def read_policy(policy_id: str, body: Mapping[str, Any]) -> Policy:
    calendar = Calendar(
        zone=body["zone"],
        weekly=tuple(_read(windows) for windows in body["weekly"]),
        special={
            date.fromisoformat(day): _read(windows) for day, windows in body["special"].items()
        },
    )
    spans = {ClockKind(kind): Span.parse(span) for kind, span in body["clocks"].items()}
    return Policy(id=policy_id, calendar=calendar, spans=spans)


def _written(windows: Windows) -> list[list[int]]:
    return [[window.start // MINUTE, window.end // MINUTE] for window in windows]


def _read(windows: list[list[int]]) -> Windows:
    return tuple(Window(start=start * MINUTE, end=end * MINUTE) for start, end in windows)
