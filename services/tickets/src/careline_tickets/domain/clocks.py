"""The clocks of an appeal: what was promised, from when it counts, and what pausing it does."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
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
class When:
    """A moment on a clock: a percentage of its time, a span before or after its end, or the end."""

    percent: int | None = None
    span: Span | None = None
    after: bool = False

    def __str__(self) -> str:
        if self.percent is not None:
            return f"{self.percent}%"
        return "breach" if self.span is None else f"{'+' if self.after else '-'}{self.span}"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRule:
    """What is to happen at a moment of a clock; `domain/steps.py` says when that is.

    `do` is a `StepAction`. `to` is who is told or who gets the appeal: `owner`, `group`, `head`,
    `expert`, `insurer`, or the id of a user or group.
    """

    id: str
    clock: ClockKind
    when: When
    do: str
    to: str | None = None
    to_level: int | None = None


class ReopenClocks(StrEnum):
    """What becomes of the clocks when an appeal is reopened. Chosen in the policy, kept in the
    history of the appeal."""

    CONTINUE = "continue"
    """The day that the citizen was promised at first stays; the clock of the level starts anew."""
    RESTART = "restart"
    """All start anew."""
    STATUTORY = "statutory"
    """The day that the citizen was promised at first stays, and no other clock runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What else was promised, or agreed with who answers."""

    reopen_within_days: int | None = 30
    """So many days after it was closed an appeal can be reopened; later it gets a new one."""
    reopen_clocks: ReopenClocks = ReopenClocks.CONTINUE
    returns: int = 3
    """So many times an answer goes back to who gave it; then the head of department decides."""
    rework: Span | None = None
    """The time for an answer that was returned; None is the time for the first one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What was promised for an appeal: a span for each clock, in its calendar's time.

    An appeal keeps the policy it was registered under, whatever is configured later.
    """

    id: str
    calendar: Calendar
    spans: Mapping[ClockKind, Span]
    calendars: Mapping[ClockKind, Calendar] = field(default_factory=dict)
    """Calendars of clocks that have one of their own."""
    steps: tuple[StepRule, ...] = ()
    terms: Terms = field(default_factory=Terms)

    def calendar_of(self, kind: ClockKind) -> Calendar:
        return self.calendars.get(kind, self.calendar)

    def span_of(self, clock: "Clock") -> Span:
        """What was promised on this very clock."""
        if clock.rework and self.terms.rework is not None:
            return self.terms.rework
        return self.spans[clock.kind]


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
    channels: frozenset[str] = frozenset()

    def fits(
        self, *, kind: str, subject: str | None, insurer: str | None, channel: str | None
    ) -> bool:
        return (
            (not self.kinds or kind in self.kinds)
            and (not self.channels or channel in self.channels)
            and (not self.subjects or subject in self.subjects)
            and (not self.insurers or insurer in self.insurers)
        )

    @property
    def rank(self) -> tuple[int, bool, bool, bool, bool, bool, str]:
        """Larger is more specific: more conditions, then subject over insurer over kind over channel.

        Among entries without conditions `default` holds.
        """
        subject, insurer, kind = bool(self.subjects), bool(self.insurers), bool(self.kinds)
        channel, named = bool(self.channels), self.name == DEFAULT
        conditions = subject + insurer + kind + channel
        return conditions, subject, insurer, kind, channel, named, self.name


def policy_for(
    rules: Iterable[DeadlineRule],
    *,
    kind: str,
    subject: str | None,
    insurer: str | None,
    channel: str | None = None,
) -> Policy | None:
    """The policy of the most specific entry that fits, None when none does."""
    fitting = [
        rule
        for rule in rules
        if rule.fits(kind=kind, subject=subject, insurer=insurer, channel=channel)
    ]
    return max(fitting, key=lambda rule: rule.rank).policy if fitting else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """One clock. It runs until it is stopped; `paused_at` is set while it stands still.

    A clock that starts anew, or whose promise is changed, is a new one of the next generation; the
    old one stays, stopped, and whether it was kept stays with it.
    """

    kind: ClockKind
    generation: int = 1
    started_at: datetime
    due_at: datetime
    paused_at: datetime | None = None
    stopped_at: datetime | None = None
    pauses: tuple[tuple[datetime, datetime], ...] = ()
    """When it stood still before, oldest first."""
    extended_days: int = 0
    rework: bool = False
    """Whether it is for an answer that was returned."""

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
        return (self.paused_at or self.stopped_at or now) > self.due_at

    def due_if_resumed(self, policy: Policy, now: datetime) -> datetime:
        """When it is due; for a paused clock, when it would be if it went on now."""
        return self.due_at if self.paused_at is None else self.resume(policy, now).due_at

    def pause(self, now: datetime) -> "Clock":
        return replace(self, paused_at=now) if self.running else self

    def resume(self, policy: Policy, now: datetime) -> "Clock":
        """Goes on with what was left when it was paused: working time, or whole calendar days."""
        if self.paused_at is None or self.stopped:
            return self
        pause = self.paused_at, max(self.paused_at, now)
        due = self.due_at
        if pause[0] < due:
            due = _pushed(policy.calendar_of(self.kind), policy.span_of(self), due, pause)
        return replace(self, paused_at=None, due_at=due, pauses=(*self.pauses, pause))

    def stop(self, now: datetime) -> "Clock":
        return self if self.stopped else replace(self, stopped_at=now)


def _pushed(
    calendar: Calendar, span: Span, due: datetime, pause: tuple[datetime, datetime]
) -> datetime:
    """A due time after a pause that began before it."""
    if span.is_days:
        zone = ZoneInfo(calendar.zone)
        return later(calendar, due, (_date(pause[1], zone) - _date(pause[0], zone)).days)
    left = calendar.worked(pause[0], due)
    return (_deadline(calendar, pause[1], left) if left > ZERO else None) or due


def _date(moment: datetime, zone: ZoneInfo) -> date:
    return moment.astimezone(zone).date()


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


def start(
    policy: Policy, kind: ClockKind, now: datetime, *, generation: int = 1, rework: bool = False
) -> Clock | None:
    """A clock that starts now, None when nothing was promised for it.

    Nor can working time be promised while a calendar has none for a whole year.
    """
    if kind not in policy.spans:
        return None
    clock = Clock(kind=kind, generation=generation, started_at=now, due_at=now, rework=rework)
    due = projected(policy, clock)
    return None if due is None else replace(clock, due_at=due)


def projected(policy: Policy, clock: Clock) -> datetime | None:
    """When a clock with this start, these pauses and this extension is due under a policy.

    None when nothing is promised for it there, or its calendar has no working time left.
    """
    if clock.kind not in policy.spans:
        return None
    calendar, span = policy.calendar_of(clock.kind), policy.span_of(clock)
    due: datetime | None
    if span.is_days:
        due = calendar.end_of_day(clock.started_at, span.number)
    else:
        due = _deadline(calendar, clock.started_at, span.working_time)
    for pause in clock.pauses:
        if due is not None and pause[0] < due:
            due = _pushed(calendar, span, due, pause)
    return None if due is None else later(calendar, due, clock.extended_days)


def start_all(policy: Policy | None, registered_at: datetime) -> tuple[Clock, ...]:
    """The clocks that start with an appeal."""
    if policy is None:
        return ()
    started = (start(policy, kind, registered_at) for kind in FROM_REGISTRATION)
    return tuple(clock for clock in started if clock is not None)


def next_due(clocks: Iterable[Clock]) -> datetime | None:
    """The earliest clock that runs."""
    return min((clock.due_at for clock in clocks if clock.running), default=None)
