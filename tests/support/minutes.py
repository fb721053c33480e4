"""Working time as somebody counts it who looks at every single minute of a zone's wall clock."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from careline_tickets.domain.calendars import Calendar, Window

MINUTE = timedelta(minutes=1)
ZONES = ("Europe/Moscow", "Asia/Tehran", "Asia/Shanghai", "Europe/Berlin", "America/New_York")
CHANGES = ((3, 8), (3, 14), (3, 21), (3, 29), (9, 21), (10, 25), (11, 1), (6, 1))
"""Days around which some of the zones change their clocks, and one on which none does."""


def worked_minutes(cal: Calendar, start: datetime, end: datetime) -> int:
    """How many of the minutes from `start` to `end` lie in a window of their own local date."""
    total, moment = 0, start
    while moment < end:
        wall = moment.astimezone(ZoneInfo(cal.zone))
        since = timedelta(hours=wall.hour, minutes=wall.minute)
        total += any(one.start <= since < one.end for one in cal.windows(wall.date()))
        moment += MINUTE
    return total


@st.composite
def windows_of_a_day(draw: st.DrawFn) -> tuple[Window, ...]:
    edges = sorted(draw(st.sets(st.integers(0, 96), max_size=6)))
    pairs = zip(edges[::2], edges[1::2], strict=False)
    return tuple(Window(start=a * 15 * MINUTE, end=b * 15 * MINUTE) for a, b in pairs)


@st.composite
def calendars(draw: st.DrawFn) -> tuple[Calendar, datetime]:
    """A calendar with holidays and working days moved, and a moment around a change of clocks.

    Three hours of each weekday are always worked, so that the counter comes to an end soon.
    """
    zone = draw(st.sampled_from(ZONES))
    year, (month, day) = (
        draw(st.sampled_from([2021, 2022, 2024, 2026])),
        draw(st.sampled_from(CHANGES)),
    )
    start = datetime(year, month, day, tzinfo=UTC) + draw(st.integers(-4000, 4000)) * MINUTE
    office = (Window(start=600 * MINUTE, end=780 * MINUTE),)
    weekly = tuple(draw(windows_of_a_day()) or office for _ in range(5))
    weekend = tuple(draw(windows_of_a_day()) for _ in range(2))
    days = st.integers(-3, 12).map(lambda n: start.date() + timedelta(days=n))
    special = draw(st.dictionaries(days, windows_of_a_day(), max_size=4))
    return Calendar(zone=zone, weekly=(*weekly, *weekend), special=special), start
