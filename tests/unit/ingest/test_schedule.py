"""When a source is fetched next, against a search of every minute."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from careline_ingest.schedule import is_schedule, next_time, retry_after

ZONES = ("Europe/Moscow", "Asia/Shanghai", "Asia/Tehran", "UTC")
moments = st.integers(0, 365 * 86400).map(
    lambda seconds: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)


@given(
    minutes=st.sets(st.integers(0, 59), min_size=1, max_size=3),
    hours=st.sets(st.integers(0, 23), min_size=1, max_size=3),
    zone=st.sampled_from(ZONES),
    after=moments,
)
def test_the_next_time_is_the_first_minute_that_fits(
    minutes: set[int], hours: set[int], zone: str, after: datetime
) -> None:
    cron = f"{','.join(map(str, minutes))} {','.join(map(str, hours))} * * *"
    minute = after.replace(second=0) + timedelta(minutes=1)
    while True:
        local = minute.astimezone(ZoneInfo(zone))
        if local.minute in minutes and local.hour in hours:
            break
        minute += timedelta(minutes=1)
    assert next_time(cron, zone, after) == minute


def test_a_time_that_summer_time_leaves_out_comes_with_the_change() -> None:
    found = next_time("30 2 * * *", "Europe/Berlin", datetime(2026, 3, 28, 12, 0, tzinfo=UTC))
    assert found == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)


@given(
    cron=st.sampled_from(["30 2 * * *", "*/10 1-3 * * *", "15 * * * *", "0,30 0-3 * * *"]),
    minutes=st.integers(0, 6 * 60),
)
def test_in_the_hour_that_comes_twice_no_time_is_in_the_past(cron: str, minutes: int) -> None:
    after = datetime(2026, 10, 24, 22, 0, tzinfo=UTC) + timedelta(minutes=minutes)
    assert next_time(cron, "Europe/Berlin", after) > after


@pytest.mark.parametrize(
    "cron", ["daily", "* * * *", "61 * * * *", "0 0 31 2 *", "* * * * * *", ""]
)
def test_what_never_comes_true_is_no_schedule(cron: str) -> None:
    assert not is_schedule(cron)


def test_pauses_after_failures_double_to_half_an_hour() -> None:
    pauses = [retry_after(failures, 30.0).total_seconds() for failures in range(1, 9)]
    assert pauses == [30, 60, 120, 240, 480, 960, 1800, 1800]
    assert retry_after(10_000, 30.0) == timedelta(minutes=30)
