"""The ends of a time as a query has them."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from careline_common.http.moments import bound, bounds
from careline_common.http.problem import InvalidInput

pytestmark = pytest.mark.unit

MOSCOW = ZoneInfo("Europe/Moscow")


@given(st.dates(date(1901, 1, 1), date(2999, 1, 1)), st.sampled_from(["Asia/Tehran", "UTC"]))
def test_a_date_is_all_of_its_day(day: date, name: str) -> None:
    zone = ZoneInfo(name)
    begin = bound("from", str(day), zone)
    end = bound("to", str(day), zone, whole_day=True)
    assert begin is not None
    assert end is not None
    assert begin.astimezone(zone).date() == day
    assert (begin - timedelta(microseconds=1)).astimezone(zone).date() < day
    assert end == bound("from", str(day + timedelta(days=1)), zone)


@pytest.mark.parametrize(
    "text",
    ["2026-03-02T09:00:00+03:00", "2026-03-02T09:00:00 03:00", "2026-03-02T06:00:00Z"],
)
@pytest.mark.parametrize("whole_day", [False, True])
def test_a_moment_is_exact(text: str, *, whole_day: bool) -> None:
    assert bound("to", text, MOSCOW, whole_day=whole_day) == datetime(2026, 3, 2, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "", "yesterday", "2026-02-30", "2026-03-02T09:00:00", "2026-03-02T25:00:00Z", "1899-12-31",
        "9999-12-31", "9999-12-31T23:59:59-05:00", "0001-01-01T00:00:00+14:00",
    ],
)  # fmt: skip
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        bound("to", text, MOSCOW, whole_day=True)
    assert [fault["path"] for fault in refused.value.errors or ()] == ["to"]


def test_what_is_not_given_is_no_bound_and_a_day_lies_between_itself() -> None:
    assert bounds(None, None, MOSCOW) == (None, None)
    begin, end = bounds("2026-03-02", "2026-03-02", MOSCOW)
    assert begin == datetime(2026, 3, 1, 21, tzinfo=UTC)
    assert end == datetime(2026, 3, 2, 21, tzinfo=UTC)


@pytest.mark.parametrize("end", ["2026-03-01", "2026-03-01T21:00:00Z"])
def test_a_time_that_ends_before_it_begins_is_refused(end: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        bounds("2026-03-02", end, MOSCOW)
    assert [fault["path"] for fault in refused.value.errors or ()] == ["from"]
