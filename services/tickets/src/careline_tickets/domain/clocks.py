"""The clocks of an appeal: what was promised, from when it counts, and what pausing it does."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from careline_tickets.domain.calendars import ZERO, Calendar, NoWorkingTimeError, Span


class ClockKind(StrEnum):
    """Whose time is running."""

    ACKNOWLEDGE = "acknowledge"
    LEVEL1 = "level1"
    LEVEL2 = "level2"
    INSURER = "insurer"
    REVIEW = "review"
    STATUTORY = "statutory"


FROM_REGISTRATION = (
    ClockKind.ACKNOWLEDGE,
    ClockKind.LEVEL1,
    ClockKind.INSURER,
    ClockKind.STATUTORY,
)
"""Clocks that start with the appeal; the others start when it comes to whom they are for. The
insurer's clock starts anew when the appeal is sent to him."""


DEFAULT = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What was promised for an appeal: a span for each clock, in one calendar's time.

    An appeal keeps the policy it was registered under, whatever is configured later.
    """

    id: str
    calendar: Calendar
    spans: Mapping[ClockKind, Span]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadlineRule:
    """An entry of the configuration's `deadlines`: for which appeals its policy holds.

    An empty condition holds for all.
    """

    name: str
    policy: Policy
    kinds: frozenset[str]
    subjects: frozenset[str]
    insurers: frozenset[str]

    def fits(self, *, kind: str, subject: str | None, insurer: str | None) -> bool:
        return (
            (not self.kinds or kind in self.kinds)
            and (not self.subjects or subject in self.subjects)
            and (not self.insurers or insurer in self.insurers)
        )

    @property
    def rank(self) -> tuple[int, bool, bool, bool, bool, str]:
        """Larger is more specific: more conditions, then subject over insurer over kind.

        Among entries without conditions `default` holds.
        """
        subject, insurer, kind = bool(self.subjects), bool(self.insurers), bool(self.kinds)
        named = self.name == DEFAULT
        return subject + insurer + kind, subject, insurer, kind, named, self.name


def policy_for(
    rules: Iterable[DeadlineRule], *, kind: str, subject: str | None, insurer: str | None
) -> Policy | None:
    """The policy of the most specific entry that fits, None when none does."""
    fitting = [rule for rule in rules if rule.fits(kind=kind, subject=subject, insurer=insurer)]
    return max(fitting, key=lambda rule: rule.rank).policy if fitting else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """One clock. It runs until it is stopped; `paused_at` is set while it stands still.

    A clock that starts anew is a new one of the next generation; the old one stays, stopped.
    """

    kind: ClockKind
    generation: int = 1
    started_at: datetime
    due_at: datetime
    paused_at: datetime | None = None
    stopped_at: datetime | None = None

    @property
    def stopped(self) -> bool:
        return self.stopped_at is not None

    @property
    def paused(self) -> bool:
        return self.paused_at is not None and not self.stopped

    @property
    def running(self) -> bool:
        return not self.stopped and self.paused_at is None

    def breached(self, now: datetime) -> bool:
        """Whether its time had passed when it last ran."""
        return (self.stopped_at or self.paused_at or now) > self.due_at

    def due_if_resumed(self, policy: Policy, now: datetime) -> datetime:
        """When it is due; for a paused clock, when it would be if it went on now."""
        return self.due_at if self.paused_at is None else self.resume(policy, now).due_at

    def pause(self, now: datetime) -> "Clock":
        return replace(self, paused_at=now) if self.running else self

    def resume(self, policy: Policy, now: datetime) -> "Clock":
        """Goes on with what was left when it was paused: working time, or whole calendar days."""
        if self.paused_at is None or self.stopped:
            return self
        calendar = policy.calendar
        if policy.spans[self.kind].is_days:
            zone = ZoneInfo(calendar.zone)
            idle = now.astimezone(zone).date() - self.paused_at.astimezone(zone).date()
            due = later(calendar, self.due_at, idle.days)
        else:
            left = calendar.worked(self.paused_at, self.due_at)
            due = (_deadline(calendar, now, left) if left > ZERO else None) or self.due_at
        return replace(self, paused_at=None, due_at=due)

    def stop(self, now: datetime) -> "Clock":
        return self if self.stopped else replace(self, stopped_at=now)


def later(calendar: Calendar, due: datetime, days: int) -> datetime:
    """A due time `days` local dates later, at the same 24:00 or the same time of day."""
    if days == 0:
        return due
    zone = ZoneInfo(calendar.zone)
    last_day_of_it = due - timedelta(microseconds=1)
    if calendar.end_of_day(last_day_of_it, 0) == due:
        return calendar.end_of_day(last_day_of_it, days)
    wall = due.astimezone(zone).replace(tzinfo=None) + timedelta(days=days)
    return wall.replace(tzinfo=zone).astimezone(due.tzinfo)


def _deadline(calendar: Calendar, start: datetime, worked: timedelta) -> datetime | None:
    try:
        return calendar.deadline(start, worked)
    except NoWorkingTimeError:
        return None


def start(policy: Policy, kind: ClockKind, now: datetime, *, generation: int = 1) -> Clock | None:
    """A clock that starts now, None when nothing was promised for it.

    Nor can working time be promised while a calendar has none for a whole year.
    """
    span = policy.spans.get(kind)
    if span is None:
        return None
    due: datetime | None
    if span.is_days:
        due = policy.calendar.end_of_day(now, span.number)
    else:
        due = _deadline(policy.calendar, now, span.working_time)
    if due is None:
        return None
    return Clock(kind=kind, generation=generation, started_at=now, due_at=due)


def start_all(policy: Policy | None, registered_at: datetime) -> tuple[Clock, ...]:
    """The clocks that start with an appeal."""
    if policy is None:
        return ()
    started = (start(policy, kind, registered_at) for kind in FROM_REGISTRATION)
    return tuple(clock for clock in started if clock is not None)


def next_due(clocks: Iterable[Clock]) -> datetime | None:
    """The earliest clock that runs."""
    return min((clock.due_at for clock in clocks if clock.running), default=None)
