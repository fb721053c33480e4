"""Promises as documents: an appeal keeps the one it was given, long after it is no longer in use."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from careline_tickets.domain.calendars import Calendar, Span, Window, Windows
from careline_tickets.domain.clocks import ClockKind, Policy, ReopenClocks, StepRule, Terms
from careline_tickets.domain.history import canonical
from careline_tickets.domain.steps import parse_when

MINUTE = timedelta(minutes=1)


def make_policy(
    calendar: Calendar,
    spans: Mapping[ClockKind, Span],
    *,
    calendars: Mapping[ClockKind, Calendar] | None = None,
    steps: tuple[StepRule, ...] = (),
    terms: Terms | None = None,
) -> Policy:
    """A policy whose id says what is in it: equal promises have the same id."""
    policy = Policy(
        id="",
        calendar=calendar,
        spans=spans,
        calendars=calendars or {},
        steps=steps,
        terms=terms or Terms(),
    )
    body = policy_body(policy)
    return replace(policy, id=hashlib.sha256(canonical(body)).hexdigest()[:32])


def policy_body(policy: Policy) -> dict[str, Any]:
    """What it says, without what is as everywhere: so a promise of old keeps its id."""
    body = _calendar_body(policy.calendar)
    body["clocks"] = {str(kind): str(span) for kind, span in policy.spans.items()}
    if policy.calendars:
        body["calendars"] = {
            str(kind): _calendar_body(calendar) for kind, calendar in policy.calendars.items()
        }
    if policy.steps:
        body["steps"] = [_step_body(step) for step in policy.steps]
    if policy.terms != Terms():
        body["terms"] = _terms_body(policy.terms)
    return body


def read_policy(policy_id: str, body: Mapping[str, Any]) -> Policy:
    spans = {ClockKind(kind): Span.parse(span) for kind, span in body["clocks"].items()}
    calendars = {
        ClockKind(kind): _read_calendar(calendar)
        for kind, calendar in body.get("calendars", {}).items()
    }
    return Policy(
        id=policy_id,
        calendar=_read_calendar(body),
        spans=spans,
        calendars=calendars,
        steps=tuple(_read_step(step) for step in body.get("steps", ())),
        terms=_read_terms(body["terms"]) if "terms" in body else Terms(),
    )


def _calendar_body(calendar: Calendar) -> dict[str, Any]:
    return {
        "zone": calendar.zone,
        "weekly": [_written(windows) for windows in calendar.weekly],
        "special": {str(day): _written(windows) for day, windows in calendar.special.items()},
    }


def _read_calendar(body: Mapping[str, Any]) -> Calendar:
    return Calendar(
        zone=body["zone"],
        weekly=tuple(_read(windows) for windows in body["weekly"]),
        special={
            date.fromisoformat(day): _read(windows) for day, windows in body["special"].items()
        },
    )


def _step_body(step: StepRule) -> dict[str, Any]:
    return {
        "id": step.id,
        "clock": str(step.clock),
        "at": str(step.when),
        "do": step.do,
        "to": step.to,
        "to_level": step.to_level,
    }


def _read_step(body: Mapping[str, Any]) -> StepRule:
    return StepRule(
        id=body["id"],
        clock=ClockKind(body["clock"]),
        when=parse_when(body["at"]),
        do=body["do"],
        to=body["to"],
        to_level=body["to_level"],
    )


def _terms_body(terms: Terms) -> dict[str, Any]:
    return {
        "reopen_within_days": terms.reopen_within_days,
        "reopen_clocks": str(terms.reopen_clocks),
        "returns": terms.returns,
        "rework": None if terms.rework is None else str(terms.rework),
    }


def _read_terms(body: Mapping[str, Any]) -> Terms:
    rework = body["rework"]
    return Terms(
        reopen_within_days=body["reopen_within_days"],
        reopen_clocks=ReopenClocks(body["reopen_clocks"]),
        returns=body["returns"],
        rework=None if rework is None else Span.parse(rework),
    )


def _written(windows: Windows) -> list[list[int]]:
    return [[window.start // MINUTE, window.end // MINUTE] for window in windows]


def _read(windows: list[list[int]]) -> Windows:
    return tuple(Window(start=start * MINUTE, end=end * MINUTE) for start, end in windows)
