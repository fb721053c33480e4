"""Steps before and after a clock runs out: when each is due and what it does.

A step is due once for each generation of its clock. What has fired stays fired; what has not moves
with its clock, and goes when the clock is paused or stops.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from careline_tickets.domain.calendars import Calendar, NoWorkingTimeError, Span
from careline_tickets.domain.clocks import Clock, ClockKind, Policy, StepRule, When, later

DAY = timedelta(days=1)
BREACH = "breach"

_PERCENT = re.compile(r"(\d{1,2}|100)%", re.ASCII)


class StepAction(StrEnum):
    """What a step does. All of them are told by an event; the last three change the appeal too."""

    NOTIFY = "notify"
    EVENT = "event"
    ESCALATE = "escalate"
    REASSIGN = "reassign"
    RAISE_PRIORITY = "raise_priority"


def parse_when(text: str) -> When:
    """`80%` of the time, `-2h` or `-1d` before it is over, `breach`, `+1d` after; else ValueError."""
    if text == BREACH:
        return When()
    percent = _PERCENT.fullmatch(text)
    if percent is not None:
        return When(percent=int(percent[1]))
    if text[:1] in {"-", "+"}:
        return When(span=Span.parse(text[1:]), after=text[0] == "+")
    raise ValueError(f"{text!r} is no moment such as 80%, -2h, -1d, breach or +1d")


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Planned:
    """A step of one clock of one appeal, and the moment from which it is due."""

    fires_at: datetime
    clock: ClockKind
    generation: int
    step: str

    @property
    def key(self) -> tuple[ClockKind, int, str]:
        return self.clock, self.generation, self.step


class Promised(Protocol):
    """What planning needs to know of an appeal."""

    @property
    def policy(self) -> Policy | None: ...
    @property
    def clocks(self) -> tuple[Clock, ...]: ...


def planned(ticket: Promised) -> tuple[Planned, ...]:
    """All steps of the clocks that run, whether or not they have fired."""
    if ticket.policy is None or not ticket.policy.steps:
        return ()
    return tuple(_planned(ticket.policy, ticket.clocks))


def _planned(policy: Policy, clocks: Iterable[Clock]) -> Iterator[Planned]:
    for clock in clocks:
        if not clock.running or clock.kind not in policy.spans:
            continue
        for rule in policy.steps:
            if rule.clock is clock.kind:
                yield Planned(
                    fires_at=moment(rule.when, clock, policy),
                    clock=clock.kind,
                    generation=clock.generation,
                    step=rule.id,
                )


def moment(when: When, clock: Clock, policy: Policy) -> datetime:
    """When a step of this clock is due.

    Hours and minutes are working time of the clock's calendar, days are calendar days. A percentage
    is what has passed of what was promised: of working time, or of the whole of its days. Where the
    calendar has no working time left to count in, it is when the clock runs out.
    """
    try:
        return _moment(when, clock, policy)
    except NoWorkingTimeError:
        return clock.due_at


def _moment(when: When, clock: Clock, policy: Policy) -> datetime:
    calendar, due = policy.calendar_of(clock.kind), clock.due_at
    if when.percent is not None:
        return _percentage(when.percent, calendar, policy.span_of(clock), due)
    if when.span is None:
        return due
    if when.span.is_days:
        return later(calendar, due, when.span.number if when.after else -when.span.number)
    worked = when.span.working_time
    return calendar.deadline(due, worked) if when.after else calendar.before(due, worked)


def _percentage(percent: int, calendar: Calendar, span: Span, due: datetime) -> datetime:
    if span.is_days:
        return due - span.number * DAY * (100 - percent) / 100
    return calendar.before(due, span.working_time * (100 - percent) / 100)


class NoSuchStepError(Exception):
    """The policy that an appeal was given has no such step."""


def rule_of(policy: Policy | None, step: str) -> StepRule:
    """The rule of a step by its id; raises `NoSuchStepError`."""
    for rule in policy.steps if policy is not None else ():
        if rule.id == step:
            return rule
    raise NoSuchStepError(step)
