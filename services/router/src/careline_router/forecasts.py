"""What calls the coming days will bring to each queue, by the half hour, and whom that takes."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from careline_common.clock import Clock
from careline_common.config.calendar import zone_of
from careline_common.db.engine import Database
from careline_router.db import counts
from careline_router.domain.demand import USUAL_HANDLE_S
from careline_router.domain.erlang_a import Service, agents_needed
from careline_router.domain.forecast import (
    LEAST_CALLS,
    LEAST_DAYS,
    Expected,
    Slot,
    forecast,
)
from careline_router.floorplan import FloorPlan

WEEKS = 8
"""So far is looked back."""
HALF_HOUR = timedelta(minutes=30)
HALF_HOUR_S = 1800.0
IN_TARGET_PCT = 80.0
LOST_PCT = 5.0
"""What staff is worked out for, as the simulator does."""
USUAL_PATIENCE_S = 180.0
PRIOR = 10.0
"""For so many calls the usual handle time and patience count among a queue's own."""
FIGURES = 3
"""Loads are told apart by so many decimal places, in calls a half hour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HalfHour:
    """A half hour of a queue to come. All None while too little is known; `staff` are agents on the
    phone for the expected calls, `staff_high` for `high` ones."""

    start: datetime
    queue: str
    expected: float | None = None
    low: int | None = None
    high: int | None = None
    staff: int | None = None
    staff_high: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueFacts:
    """What a queue's forecast is made from: whole days and their calls, mean handle time and patience.

    `note` says why there is no forecast.
    """

    queue: str
    days: int
    calls: int
    aht_s: float
    patience_s: float
    target_s: float
    note: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """By time, then by queue; days begin at midnight in `zone`."""

    zone: str
    half_hours: list[HalfHour]
    queues: list[QueueFacts]


@dataclass(slots=True)
class _Past:
    """What has been counted of a queue."""

    calls: dict[datetime, int] = field(default_factory=dict)
    handled_s: float = 0.0
    handled: int = 0
    waited_s: float = 0.0
    abandoned: int = 0

    def facts(self, queue: str, days: int, target_s: float) -> QueueFacts:
        calls = sum(self.calls.values())
        little = days < LEAST_DAYS or calls < LEAST_CALLS
        return QueueFacts(
            queue=queue,
            days=days,
            calls=calls,
            aht_s=(self.handled_s + PRIOR * USUAL_HANDLE_S) / (self.handled + PRIOR),
            # who was answered might have waited on: all waits over those that ended in giving up
            patience_s=(self.waited_s + PRIOR * USUAL_PATIENCE_S) / (self.abandoned + PRIOR),
            target_s=target_s,
            note=f"too little history: {days} whole days with {calls} calls;"
            f" it takes {LEAST_DAYS} and {LEAST_CALLS}"
            if little
            else None,
        )


class Forecasts:
    """Reads what was, and works out what will be, in a thread of its own."""

    def __init__(self, *, database: Database, plan: Callable[[], FloorPlan], clock: Clock) -> None:
        self._database = database
        self._plan = plan
        self._clock = clock

    async def ahead(self, days: int) -> Outlook:
        """The next `days` times 48 half hours, all queues; the first one is the next to begin."""
        plan, now = self._plan(), self._clock.now()
        zone = _zone(plan)
        targets = {queue.id: queue.target_s for queue in plan.queues.values()}
        until = _midnight(now, zone)
        async with self._database.read() as connection:
            first = await counts.first_queued(connection, list(targets))
            since = _since(first, until, zone)
            rows = await counts.by_half_hour(connection, list(targets), since, until)
        past: dict[str, _Past] = defaultdict(_Past)
        for row in rows:
            queue = past[row.queue]
            queue.calls[row.slot] = row.calls
            queue.handled_s += row.handled_s or 0.0
            queue.handled += row.handled
            queue.waited_s += row.waited_s or 0.0
            queue.abandoned += row.abandoned
        start = _next_half_hour(now)
        ahead = [start + place * HALF_HOUR for place in range(48 * days)]
        span = _Span(since=since, until=until, zone=zone)
        return await asyncio.to_thread(
            _outlook, {name: past[name] for name in targets}, targets, span, ahead
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Span:
    """Whole days, from a midnight to one."""

    since: datetime
    until: datetime
    zone: ZoneInfo

    def slot(self, start: datetime) -> Slot:
        local = start.astimezone(self.zone)
        # ordinals count from a Monday as 1
        return Slot(local.toordinal() - 1, 2 * local.hour + local.minute // 30)

    def days(self, calls: Mapping[datetime, int]) -> int:
        """The queue's own: from the first day on that brought it a call."""
        if not calls:
            return 0
        return self.slot(self.until).day - self.slot(min(calls)).day


def _outlook(
    past: Mapping[str, _Past],
    targets: Mapping[str, float],
    span: _Span,
    ahead: Sequence[datetime],
) -> Outlook:
    queues, half_hours = [], []
    for name, queue in past.items():
        facts = queue.facts(name, span.days(queue.calls), targets[name])
        queues.append(facts)
        told = None if facts.note else _expected(queue, facts.days, span, ahead)
        half_hours += _staffed(facts, ahead, told)
    half_hours.sort(key=lambda each: (each.start, each.queue))
    return Outlook(zone=span.zone.key, half_hours=half_hours, queues=queues)


def _expected(
    queue: _Past, days: int, span: _Span, ahead: Sequence[datetime]
) -> list[Expected] | None:
    today = span.slot(span.until).day
    seen = {Slot(day, place): 0 for day in range(today - days, today) for place in range(48)}
    for start, calls in queue.calls.items():
        seen[span.slot(start)] += calls  # an hour that the clocks repeat has two of them
    return forecast(seen, today, [span.slot(start) for start in ahead])


def _staffed(
    facts: QueueFacts, ahead: Sequence[datetime], told: Sequence[Expected] | None
) -> list[HalfHour]:
    if told is None:
        return [HalfHour(start=start, queue=facts.queue) for start in ahead]
    means = [round(each.mean, FIGURES) for each in told]
    staff = _staff(facts, {*means, *(float(each.high) for each in told)})
    return [
        HalfHour(
            start=start,
            queue=facts.queue,
            expected=round(each.mean, 2),
            low=each.low,
            high=each.high,
            staff=staff[mean],
            staff_high=staff[each.high],
        )
        for start, each, mean in zip(ahead, told, means, strict=True)
    ]


def _staff(facts: QueueFacts, loads: set[float]) -> dict[float, int]:
    """Agents by calls a half hour. More calls never take fewer agents: each search goes on from the last."""
    found, agents = {0.0: 0}, 1
    for calls in sorted(loads - {0.0}):
        service = Service(
            calls_per_s=calls / HALF_HOUR_S,
            handle_s=facts.aht_s,
            patience_s=facts.patience_s,
            target_s=facts.target_s,
        )
        agents = agents_needed(
            service, in_target_pct=IN_TARGET_PCT, lost_pct=LOST_PCT, at_least=agents
        )
        found[calls] = agents
    return found


def _zone(plan: FloorPlan) -> ZoneInfo:
    """Of the first calendar, else of the first line that names one."""
    of_calendars = [calendar.zone for calendar in plan.calendars.values()]
    of_lines = [line.zone for line in plan.lines.values() if line.zone]
    return zone_of(next(iter((*of_calendars, *of_lines)), "UTC"))


def _midnight(now: datetime, zone: ZoneInfo) -> datetime:
    local = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    return local.astimezone(UTC)


def _since(first: datetime | None, until: datetime, zone: ZoneInfo) -> datetime:
    """The first midnight after the first call, for its own day is not whole; at most `WEEKS` back."""
    earliest = _midnight(
        until.astimezone(zone) - timedelta(weeks=WEEKS) + timedelta(hours=12), zone
    )
    if first is None:
        return earliest
    after = _midnight(first.astimezone(zone) + timedelta(days=1), zone)
    return min(max(earliest, after), until)


def _next_half_hour(now: datetime) -> datetime:
    whole = now.replace(minute=30 * (now.minute // 30), second=0, microsecond=0)
    return whole if whole == now else whole + HALF_HOUR
