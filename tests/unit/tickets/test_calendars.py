"""Working time against a counter that looks at every single minute."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from careline_tickets.domain.calendars import Calendar, NoWorkingTimeError, Span, Window

pytestmark = pytest.mark.unit

MINUTE = timedelta(minutes=1)
ZONES = ("Europe/Moscow", "Asia/Tehran", "Asia/Shanghai", "Europe/Berlin", "America/New_York")


def window(text: str) -> Window:
    start, end = text.split("-")

    def after_midnight(clock: str) -> timedelta:
        hours, minutes = clock.split(":")
        return timedelta(hours=int(hours), minutes=int(minutes))

    return Window(start=after_midnight(start), end=after_midnight(end))


def calendar(
    zone: str = "Europe/Moscow",
    *,
    week: tuple[str, ...] = ("09:00-13:00", "14:00-18:00"),
    weekend: tuple[str, ...] = (),
    special: dict[str, tuple[str, ...]] | None = None,
) -> Calendar:
    working, free = tuple(map(window, week)), tuple(map(window, weekend))
    return Calendar(
        zone=zone,
        weekly=(working,) * 5 + (free,) * 2,
        special={
            date.fromisoformat(day): tuple(map(window, windows))
            for day, windows in (special or {}).items()
        },
    )


def local(text: str, zone: str = "Europe/Moscow") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


def minute_is_worked(cal: Calendar, moment: datetime) -> bool:
    wall = moment.astimezone(ZoneInfo(cal.zone))
    since = timedelta(hours=wall.hour, minutes=wall.minute)
    return any(one.start <= since < one.end for one in cal.windows(wall.date()))


def brute_deadline(cal: Calendar, start: datetime, minutes: int) -> datetime:
    left, moment = minutes, start
    while left:
        left -= minute_is_worked(cal, moment)
        moment += MINUTE
    return moment


def brute_worked(cal: Calendar, start: datetime, end: datetime) -> timedelta:
    total, moment = 0, start
    while moment < end:
        total += minute_is_worked(cal, moment)
        moment += MINUTE
    return total * MINUTE


@st.composite
def windows_of_a_day(draw: st.DrawFn) -> tuple[Window, ...]:
    edges = sorted(draw(st.sets(st.integers(0, 96), max_size=6)))
    pairs = zip(edges[::2], edges[1::2], strict=False)
    return tuple(Window(start=a * 15 * MINUTE, end=b * 15 * MINUTE) for a, b in pairs)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Calendar, datetime]:
    """Around the days on which each zone changes its clocks as often as on any others."""
    zone = draw(st.sampled_from(ZONES))
    years = st.sampled_from([2021, 2022, 2024, 2026])
    changes = st.sampled_from(
        [(3, 8), (3, 14), (3, 21), (3, 29), (9, 21), (10, 25), (11, 1), (6, 1)]
    )
    year, (month, day) = draw(years), draw(changes)
    start = datetime(year, month, day, tzinfo=UTC) + draw(st.integers(-4000, 4000)) * MINUTE
    weekly = tuple(draw(windows_of_a_day()) for _ in range(7))
    if not any(weekly):
        weekly = ((Window(start=9 * 60 * MINUTE, end=10 * 60 * MINUTE),), *weekly[1:])
    days = st.integers(-3, 12).map(lambda n: start.date() + timedelta(days=n))
    special = draw(st.dictionaries(days, windows_of_a_day(), max_size=4))
    return Calendar(zone=zone, weekly=weekly, special=special), start


@settings(max_examples=150, deadline=None)
@given(cases(), st.integers(1, 900))
def test_a_deadline_is_where_the_minute_counter_ends(
    case: tuple[Calendar, datetime], minutes: int
) -> None:
    cal, start = case
    assert cal.deadline(start, minutes * MINUTE) == brute_deadline(cal, start, minutes)


@settings(max_examples=150, deadline=None)
@given(cases(), st.integers(0, 6000))
def test_worked_time_is_what_the_minute_counter_counts(
    case: tuple[Calendar, datetime], minutes: int
) -> None:
    cal, start = case
    end = start + minutes * MINUTE
    assert cal.worked(start, end) == brute_worked(cal, start, end)


@settings(max_examples=150, deadline=None)
@given(cases(), st.integers(1, 2000), st.integers(1, 50_000))
def test_a_deadline_is_the_first_moment_with_that_much_worked(
    case: tuple[Calendar, datetime], seconds: int, microseconds: int
) -> None:
    cal, start = case
    amount = timedelta(seconds=seconds, microseconds=microseconds)
    due = cal.deadline(start, amount)
    assert cal.worked(start, due) == amount
    assert cal.worked(start, due - timedelta(microseconds=1)) < amount


@settings(max_examples=100, deadline=None)
@given(cases(), st.integers(0, 40))
def test_calendar_days_end_where_the_next_local_date_begins(
    case: tuple[Calendar, datetime], days: int
) -> None:
    cal, start = case
    zone = ZoneInfo(cal.zone)
    due = cal.end_of_day(start, days)
    last = start.astimezone(zone).date() + timedelta(days=days)
    assert due.astimezone(zone).date() == last + timedelta(days=1)
    assert (due - timedelta(microseconds=1)).astimezone(zone).date() == last


@pytest.mark.parametrize(
    ("start", "amount", "due"),
    [
        ("2026-03-02T12:00", 60, "2026-03-02T13:00"),
        ("2026-03-02T12:30", 60, "2026-03-02T14:30"),
        ("2026-03-02T17:00", 60, "2026-03-02T18:00"),  # not 09:00 of the next day
        ("2026-03-02T17:30", 60, "2026-03-03T09:30"),
        ("2026-03-06T17:30", 60, "2026-03-10T09:30"),  # over a weekend and a closed Monday
        ("2026-03-07T03:00", 1, "2026-03-10T09:01"),
        ("2026-03-02T00:00", 480, "2026-03-02T18:00"),
        ("2026-03-02T00:00", 481, "2026-03-03T09:01"),
    ],
)
def test_deadlines_in_moscow(start: str, amount: int, due: str) -> None:
    cal = calendar(special={"2026-03-09": ()})
    assert cal.deadline(local(start), amount * MINUTE) == local(due)


def test_a_transferred_saturday_is_worked() -> None:
    cal = calendar(special={"2026-11-04": (), "2026-11-07": ("09:00-13:00", "14:00-18:00")})
    assert cal.deadline(local("2026-11-06T17:30"), 60 * MINUTE) == local("2026-11-07T09:30")


@pytest.mark.parametrize(
    ("text", "is_days", "minutes"), [("30m", False, 30), ("2h", False, 120), ("3d", True, 0)]
)
def test_spans_are_read(text: str, is_days: bool, minutes: int) -> None:
    span = Span.parse(text)
    assert span.is_days is is_days
    assert str(span) == text
    if not is_days:
        assert span.working_time == minutes * MINUTE


@pytest.mark.parametrize("text", ["", "0m", "1", "h", "-1h", "1w", "1.5h", "1h30m", "٣d", "1h "])
def test_what_is_no_span_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no span"):
        Span.parse(text)


def test_a_calendar_without_working_time_says_so_instead_of_searching_for_ever() -> None:
    with pytest.raises(NoWorkingTimeError):
        calendar(week=()).deadline(local("2026-03-02T12:00"), MINUTE)


def all_minutes(day: date, zone: str) -> Iterator[datetime]:
    moment = datetime.combine(day, time(0), ZoneInfo(zone)).astimezone(UTC)
    while moment.astimezone(ZoneInfo(zone)).date() == day:
        yield moment
        moment += MINUTE


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("America/New_York", date(2026, 3, 8), 23),
        ("Asia/Tehran", date(2022, 3, 22), 23),
        ("Asia/Tehran", date(2022, 9, 21), 25),
        ("Europe/Moscow", date(2026, 3, 29), 24),
    ],
)
def test_days_on_which_clocks_change_have_their_own_length(
    zone: str, day: date, hours: int
) -> None:
    cal = calendar(zone, week=("00:00-24:00",), weekend=("00:00-24:00",))
    minutes = list(all_minutes(day, zone))
    assert len(minutes) == hours * 60
    assert cal.worked(minutes[0], minutes[-1] + MINUTE) == timedelta(hours=hours)
