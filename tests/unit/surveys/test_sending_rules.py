"""Who is asked and when, as pure rules."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from careline_surveys.domain.definitions import QuietWindow, Rules
from careline_surveys.domain.sending import (
    Facts,
    after_quiet,
    decide,
    drawn,
    leaves_time,
    retry_at,
)

pytestmark = pytest.mark.unit

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
NIGHT = QuietWindow(start=time(21), end=time(9))
NOON = QuietWindow(start=time(12), end=time(13))
MOSCOW = ZoneInfo("Europe/Moscow")
NOTHING = {
    "opted_out": False,
    "landline": False,
    "asked_at": None,
    "asked_by_survey_at": None,
    "asked_today": 0,
}


def decision(rules: Rules, reference: str = "r", now: datetime = NOW, **facts):
    return decide(rules, Facts(**(NOTHING | facts)), reference=reference, now=now, zone=MOSCOW)


@pytest.mark.parametrize(
    ("zone", "moment", "until"),
    [
        ("Asia/Tehran", "2026-03-02T20:00:00Z", "2026-03-03T05:30:00Z"),  # 23:30 there
        ("Asia/Tehran", "2026-03-02T21:30:00Z", "2026-03-03T05:30:00Z"),  # 01:00 there
        ("Asia/Tehran", "2026-03-03T05:30:00Z", "2026-03-03T05:30:00Z"),  # 09:00 there
        ("Asia/Tehran", "2026-03-02T17:29:00Z", "2026-03-02T17:29:00Z"),  # 20:59 there
        ("Asia/Shanghai", "2026-03-02T13:00:00Z", "2026-03-03T01:00:00Z"),
        ("Europe/Berlin", "2026-03-28T22:00:00Z", "2026-03-29T07:00:00Z"),  # clocks go forward
        ("America/New_York", "2026-11-01T01:30:00Z", "2026-11-01T14:00:00Z"),  # and back
    ],
)
def test_quiet_hours_are_those_of_the_persons_zone(zone, moment, until) -> None:
    found = after_quiet(datetime.fromisoformat(moment), [NIGHT], ZoneInfo(zone))
    assert found == datetime.fromisoformat(until)


def test_windows_that_touch_are_passed_one_after_the_other() -> None:
    windows = [NIGHT, QuietWindow(start=time(9), end=time(10)), NOON]
    found = after_quiet(datetime(2026, 3, 2, 20, tzinfo=UTC), windows, MOSCOW)
    assert found == datetime(2026, 3, 3, 7, tzinfo=UTC)


@given(
    begun=st.integers(1_420_000_000, 2_050_000_000).map(
        lambda second: datetime.fromtimestamp(second, UTC)
    ),
    starts=st.lists(st.integers(0, 1439), min_size=1, max_size=3),
    length=st.integers(1, 400),
    zone=st.sampled_from(["Asia/Tehran", "Europe/Berlin", "America/New_York", "Asia/Shanghai"]),
)
def test_nobody_is_ever_disturbed_and_never_waits_over_a_day(begun, starts, length, zone) -> None:
    def at(minute: int) -> time:
        return time(minute % 1440 // 60, minute % 60)

    windows = [QuietWindow(start=at(start), end=at(start + length)) for start in starts]
    found = after_quiet(begun, windows, ZoneInfo(zone))
    local = found.astimezone(ZoneInfo(zone)).time()
    assert not any(window.covers(local) for window in windows)
    assert begun <= found <= begun + timedelta(hours=26)


def test_a_day_that_is_quiet_throughout_is_known_as_such() -> None:
    assert leaves_time([NIGHT, NOON])
    assert not leaves_time([NIGHT, QuietWindow(start=time(9), end=time(21))])


def test_without_rules_everybody_is_asked_at_once() -> None:
    assert decision(Rules()).send_at == NOW
    assert decision(Rules()).reason is None


def test_in_quiet_hours_it_waits_and_says_so() -> None:
    found = decision(Rules(quiet_hours=(NOON,)))
    assert (found.send_at, found.reason) == (NOW + timedelta(hours=1), "quiet")


@pytest.mark.parametrize(
    ("rules", "facts", "reason"),
    [
        (Rules(), {"opted_out": True, "landline": True}, "opted_out"),
        (Rules(), {"landline": True}, "landline"),
        (Rules(quarantine_s=60), {"asked_at": NOW - timedelta(seconds=59)}, "quarantine"),
        (Rules(quarantine_s=60), {"asked_at": NOW + timedelta(hours=9)}, "quarantine"),
        (Rules(quarantine_s=60), {"asked_at": NOW - timedelta(seconds=60)}, None),
        (
            Rules(survey_quarantine_s=60),
            {"asked_by_survey_at": NOW - timedelta(seconds=1)},
            "survey_quarantine",
        ),
        (Rules(survey_quarantine_s=60), {"asked_at": NOW}, None),
        (Rules(sample_pct=0), {}, "sampled_out"),
        (Rules(sample_pct=100), {}, None),
        (Rules(daily_cap=3), {"asked_today": 3}, "daily_cap"),
        (Rules(daily_cap=3), {"asked_today": 2}, None),
        (Rules(daily_cap=0), {}, "daily_cap"),
        (Rules(countries=("RU", "IR")), {"region": "DE"}, "foreign"),
        (Rules(countries=("RU", "IR")), {"region": None}, "foreign"),
        (Rules(countries=("RU", "IR")), {"region": "IR"}, None),
        (Rules(), {"region": "DE"}, None),
        (Rules(countries=("RU",)), {"region": "DE", "opted_out": True}, "opted_out"),
    ],
)
def test_what_is_not_sent_says_why(rules, facts, reason) -> None:
    found = decision(rules, **facts)
    assert found.reason == reason
    assert (found.send_at is None) == (reason is not None)


def test_a_quarantine_that_is_over_when_the_night_is_does_not_hold() -> None:
    late = datetime(2026, 3, 2, 20, 0, tzinfo=UTC)  # 23:00 in Moscow
    night = Rules(quiet_hours=(NIGHT,), quarantine_s=7 * 3600)
    spared = decision(night, now=late, asked_at=late + timedelta(hours=3, minutes=1))
    assert (spared.send_at, spared.reason) == (None, "quarantine")
    asked = decision(night, now=late, asked_at=late + timedelta(hours=3))
    assert (asked.send_at, asked.reason) == (late + timedelta(hours=10), "quiet")


@given(reference=st.text(max_size=30), percent=st.floats(0, 100))
def test_a_draw_falls_the_same_way_every_time(reference, percent) -> None:
    assert drawn(reference, percent) == drawn(reference, percent)


def test_draws_hit_the_percentage() -> None:
    hits = sum(drawn(f"call:{number}", 25) for number in range(10_000))
    assert 2_350 <= hits <= 2_650


def test_retries_wait_longer_each_time_and_as_long_as_the_provider_wants() -> None:
    pauses = [(retry_at(NOW, attempt, None) - NOW).total_seconds() for attempt in range(1, 9)]
    assert pauses == [1, 2, 5, 15, 60, 300, 300, 300]
    assert retry_at(NOW, 1, 30) == NOW + timedelta(seconds=30)
    assert retry_at(NOW, 1, 10**9) == NOW + timedelta(hours=1)
