"""When steps of clocks are due, against a counter that looks at every single minute."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from minutes import ZONES, calendars, worked_minutes

from careline_tickets.domain.calendars import Calendar, Span, Window
from careline_tickets.domain.clocks import (
    Clock,
    ClockKind,
    Policy,
    StepRule,
    Terms,
    projected,
    start,
)
from careline_tickets.domain.policies import make_policy, policy_body, read_policy
from careline_tickets.domain.steps import moment, parse_when, planned

pytestmark = pytest.mark.unit

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
OFFICE = (Window(start=9 * HOUR, end=13 * HOUR), Window(start=14 * HOUR, end=18 * HOUR))
MOSCOW = Calendar(zone="Europe/Moscow", weekly=(OFFICE,) * 5 + ((), ()), special={})
L1 = ClockKind.LEVEL1


def moscow(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+03:00")


def policy(span: str, *steps: str, calendar: Calendar = MOSCOW) -> Policy:
    rules = tuple(StepRule(id=text, clock=L1, when=parse_when(text), do="notify") for text in steps)
    return make_policy(calendar, {L1: Span.parse(span)}, steps=rules)


def started(made: Policy, at: datetime) -> Clock:
    clock = start(made, L1, at)
    assert clock is not None
    return clock


@pytest.mark.parametrize(
    ("span", "when", "due"),
    [
        ("2h", "breach", "2026-03-02T15:00"),
        (
            "2h",
            "50%",
            "2026-03-02T14:00",
        ),  # an hour is left when the break is over, not at its start
        ("2h", "75%", "2026-03-02T14:30"),
        ("2h", "100%", "2026-03-02T15:00"),
        ("2h", "0%", "2026-03-02T12:00"),
        ("2h", "-90m", "2026-03-02T12:30"),
        ("2h", "+4h", "2026-03-03T10:00"),
        ("2h", "+1d", "2026-03-03T15:00"),
        ("3d", "breach", "2026-03-06T00:00"),
        ("3d", "-1d", "2026-03-05T00:00"),
        ("3d", "-2h", "2026-03-05T16:00"),  # of working time: from 16:00 to 18:00
        ("4d", "75%", "2026-03-06T00:00"),
        ("3d", "+1d", "2026-03-07T00:00"),
    ],
)
def test_moments_of_a_clock_that_starts_on_monday_noon(span: str, when: str, due: str) -> None:
    made = policy(span)
    clock = started(made, moscow("2026-03-02T12:00"))
    assert moment(parse_when(when), clock, made) == moscow(due)


@pytest.mark.parametrize(
    "text", ["", "80", "101%", "-1", "1h", "+0d", "--1h", "-1w", "at once", "٥٠%"]
)
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"no moment|no span"):
        parse_when(text)


@pytest.mark.parametrize("text", ["80%", "-1d", "-90m", "breach", "+2h"])
def test_a_moment_is_written_as_it_was_read(text: str) -> None:
    assert str(parse_when(text)) == text


def test_steps_of_a_paused_or_stopped_clock_are_not_planned() -> None:
    made = policy("2h", "50%", "breach")
    clock = started(made, moscow("2026-03-02T09:00"))

    class Appeal:
        policy = made
        clocks: tuple[Clock, ...] = (clock,)

    assert [one.step for one in planned(Appeal())] == ["50%", "breach"]
    for still in (clock.pause(moscow("2026-03-02T10:00")), clock.stop(moscow("2026-03-02T10:00"))):
        Appeal.clocks = (still,)
        assert planned(Appeal()) == ()


@settings(max_examples=80, deadline=None)
@given(calendars(), st.integers(1, 900))
def test_before_is_the_last_moment_from_which_so_much_is_worked(
    case: tuple[Calendar, datetime], minutes: int
) -> None:
    cal, end = case
    found = cal.before(end, minutes * MINUTE)
    assert worked_minutes(cal, found, end) == minutes
    assert worked_minutes(cal, found + MINUTE, end) == minutes - 1


pauses_of = st.lists(st.tuples(st.integers(1, 2000), st.integers(0, 3000)), max_size=3)


@settings(max_examples=80, deadline=None)
@given(calendars(), st.integers(1, 600), pauses_of)
def test_a_clock_that_was_paused_is_due_where_the_minute_counter_ends(
    case: tuple[Calendar, datetime], minutes: int, pauses: list[tuple[int, int]]
) -> None:
    """The oracle walks minute by minute and counts those that are worked and not paused."""
    cal, begin = case
    made = make_policy(cal, {L1: Span.parse(f"{minutes}m")})
    clock, now = started(made, begin), begin
    breaks = []
    for runs, rests in pauses:
        paused_at = now + runs * MINUTE
        now = paused_at + rests * MINUTE
        breaks.append((paused_at, now))
        clock = clock.pause(paused_at).resume(made, now)
    left, moment_ = minutes, begin
    while left:
        resting = any(since <= moment_ < until for since, until in breaks)
        left -= not resting and worked_minutes(cal, moment_, moment_ + MINUTE)
        moment_ += MINUTE
    assert clock.due_at == moment_
    assert projected(made, clock) == clock.due_at


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(ZONES), st.integers(0, 60 * 24 * 700), st.integers(1, 40), pauses_of)
def test_a_clock_in_days_is_put_off_by_the_dates_it_rested(
    zone: str, offset: int, days: int, pauses: list[tuple[int, int]]
) -> None:
    """The oracle counts dates on the wall of the zone."""
    made = policy(f"{days}d", calendar=Calendar(zone=zone, weekly=(OFFICE,) * 7, special={}))
    begin = datetime(2021, 1, 1, tzinfo=UTC) + offset * MINUTE
    clock, now, local = started(made, begin), begin, ZoneInfo(zone)
    last = begin.astimezone(local).date() + days * DAY
    for runs, rests in pauses:
        paused_at = now + runs * MINUTE
        now = paused_at + rests * MINUTE
        if paused_at.astimezone(local).date() <= last:
            last += now.astimezone(local).date() - paused_at.astimezone(local).date()
        clock = clock.pause(paused_at).resume(made, now)
    assert clock.due_at.astimezone(local).date() == last + DAY
    assert (clock.due_at - timedelta(microseconds=1)).astimezone(local).date() == last
    assert projected(made, clock) == clock.due_at


def test_a_policy_with_everything_is_the_same_after_being_written_and_read() -> None:
    steps = (
        StepRule(id="w", clock=L1, when=parse_when("80%"), do="notify", to="owner"),
        StepRule(id="u", clock=L1, when=parse_when("+1d"), do="escalate", to_level=2),
    )
    fields: dict[str, Any] = {
        "calendars": {L1: Calendar(zone="Asia/Tehran", weekly=(OFFICE,) * 7, special={})},
        "steps": steps,
        "terms": Terms(reopen_within_days=None, returns=1, rework=Span.parse("2d")),
    }
    made = make_policy(MOSCOW, {L1: Span.parse("1h")}, **fields)
    assert read_policy(made.id, policy_body(made)) == made
    ids = {
        make_policy(MOSCOW, {L1: Span.parse("1h")}, **{name: fields[name]}).id for name in fields
    }
    assert len(ids | {made.id}) == 4


def test_a_promise_of_before_there_were_steps_keeps_its_id() -> None:
    """As it stands in the database of an installation that was there before."""
    assert set(policy_body(policy("1h"))) == {"zone", "weekly", "special", "clocks"}
