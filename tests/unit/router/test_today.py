"""When a day ends, in any zone and at any time of the year."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from careline_router.domain.today import end_of_day

pytestmark = pytest.mark.unit

# clocks go forward at midnight in São Paulo (until 2019), by half an hour at Lord Howe; Apia lost a whole day
ZONES = st.sampled_from(
    ["Europe/Moscow", "Asia/Tehran", "Asia/Shanghai", "America/Sao_Paulo", "Australia/Lord_Howe",
     "Pacific/Apia", "UTC"]
).map(ZoneInfo)  # fmt: skip
INSTANT = timedelta(microseconds=1)


@given(
    now=st.integers(1_230_768_000, 1_893_456_000).map(lambda s: datetime.fromtimestamp(s, UTC)),
    zone=ZONES,
)
def test_until_then_it_is_today_there_and_then_it_is_not(now: datetime, zone: ZoneInfo) -> None:
    end = end_of_day(now, zone)
    today = now.astimezone(zone).date()
    assert now < end
    assert (end - INSTANT).astimezone(zone).date() == today
    assert end.astimezone(zone).date() > today


def test_a_moscow_day_ends_at_nine_in_the_evening_of_utc() -> None:
    noon = datetime(2026, 3, 2, 9, tzinfo=UTC)
    assert end_of_day(noon, ZoneInfo("Europe/Moscow")) == datetime(2026, 3, 2, 21, tzinfo=UTC)
