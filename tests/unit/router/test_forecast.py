"""The interval of a forecast holds what it says, on days that it has not seen; staff as scipy says."""

import math
import random

import pytest
from arrivals import poisson
from erlang import erlang_a
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import nbinom

from careline_router.domain.counts import interval
from careline_router.domain.erlang_a import Service, agents_needed, level_with
from careline_router.domain.forecast import (
    HALF_HOURS,
    LEAST_CALLS,
    LEAST_DAYS,
    Expected,
    Slot,
    forecast,
)

pytestmark = pytest.mark.unit

WEEKDAYS = (1.4, 1.2, 1.1, 1.1, 1.0, 0.5, 0.3)
TODAY = 8 * 7 + 3
"""A Thursday, after more than eight weeks."""
WEEKS = 16


def shape(place: int) -> float:
    """Two humps, closed at night."""
    hour = place / 2
    if not 8 <= hour < 20:
        return 0.0
    return math.exp(-(((hour - 11) / 2) ** 2)) + 0.7 * math.exp(-(((hour - 16) / 2.5) ** 2))


def day_of(rng: random.Random, day: int, calls: float, growth: float, varies: float) -> list[int]:
    """A day of a queue whose busiest half hours bring `calls` on a common day."""
    busy = rng.gammavariate(1 / varies, varies) * math.exp(growth * day / 7) * WEEKDAYS[day % 7]
    return [poisson(rng, calls * busy * shape(place)) for place in range(HALF_HOURS)]


def slots(days: range) -> list[Slot]:
    return [Slot(day, place) for day in days for place in range(HALF_HOURS)]


def told_of(today: int, days: list[list[int]]) -> list[Expected]:
    """The week from today on, by the days before it alone."""
    past = {slot: days[slot.day][slot.place] for slot in slots(range(today))}
    told = forecast(past, today, slots(range(today, today + 7)))
    assert told is not None
    return told


@pytest.mark.parametrize("calls", [1.5, 12.0, 90.0])
@pytest.mark.parametrize(("growth", "varies"), [(0.0, 0.01), (0.02, 0.02)])
def test_the_interval_holds_what_it_says_of_the_coming_week(
    calls: float, growth: float, varies: float
) -> None:
    """Held against the interval of somebody who knows the true means: of few calls it holds more than
    nine of ten too. Nights are not counted, for they are easily foretold."""
    rng = random.Random(7)
    inside = of_who_knows = counted = 0
    off_by = off_by_last_week = 0.0
    for _ in range(WEEKS):
        days = [day_of(rng, day, calls, growth, varies) for day in range(TODAY + 7)]
        coming = slots(range(TODAY, TODAY + 7))
        for slot, expected in zip(coming, told_of(TODAY, days), strict=True):
            count = days[slot.day][slot.place]
            if not shape(slot.place):
                assert (expected.low, expected.high, count) == (0, 0, 0)
                continue
            counted += 1
            inside += expected.low <= count <= expected.high
            mean = calls * math.exp(growth * slot.day / 7) * WEEKDAYS[slot.day % 7]
            low, high = interval(mean * shape(slot.place), varies, 90)
            of_who_knows += low <= count <= high
            off_by += abs(expected.mean - count)
            off_by_last_week += abs(days[slot.day - 7][slot.place] - count)
    assert inside / counted >= 0.86
    assert abs(inside - of_who_knows) / counted <= 0.045
    assert off_by < 0.9 * off_by_last_week


def test_a_step_of_the_level_is_followed_within_days() -> None:
    rng = random.Random(3)
    days = [day_of(rng, day, 20 if day < TODAY - 10 else 30, 0.0, 0.005) for day in range(TODAY)]
    told = told_of(TODAY, days)
    wanted = sum(30 * WEEKDAYS[day % 7] * shape(place) for day in range(7) for place in range(48))
    assert sum(each.mean for each in told) == pytest.approx(wanted, rel=0.15)


def test_little_history_tells_nothing() -> None:
    few_days = dict.fromkeys(slots(range(LEAST_DAYS - 1)), 10)
    assert forecast(few_days, LEAST_DAYS - 1, [Slot(LEAST_DAYS, 0)]) is None
    few_calls = dict.fromkeys(slots(range(60)), 0) | {Slot(3, 20): LEAST_CALLS - 1}
    assert forecast(few_calls, 60, [Slot(60, 20)]) is None


@settings(deadline=None)
@given(
    st.dictionaries(st.builds(Slot, st.integers(0, 20), st.integers(0, 47)), st.integers(0, 999))
)
def test_whatever_has_been_there_is_a_forecast_or_none(calls: dict[Slot, int]) -> None:
    past = dict.fromkeys(slots(range(21)), 0) | calls
    told = forecast(past, 21, slots(range(21, 28)))
    assert (told is None) == (sum(calls.values()) < LEAST_CALLS)
    for each in told or ():
        assert 0 <= each.low <= each.high
        assert math.isfinite(each.mean)


@settings(deadline=None)
@given(
    mean=st.floats(0.001, 3_000),
    variation=st.floats(0.002, 2),
    percent=st.sampled_from([50, 90, 99]),
)
def test_an_interval_is_that_of_scipy(mean: float, variation: float, percent: int) -> None:
    counts = nbinom(1 / variation, 1 / (1 + variation * mean))
    low, high = interval(mean, variation, percent)
    tail = (1 - percent / 100) / 2
    assert counts.cdf(high) >= 1 - tail - 1e-7
    assert counts.cdf(high - 1) <= 1 - tail + 1e-7
    assert counts.cdf(low) >= tail - 1e-7
    assert counts.cdf(low - 1) <= tail + 1e-7


@settings(deadline=None)
@given(
    load=st.floats(0.01, 150),
    handle_s=st.floats(30, 900),
    patience_s=st.floats(20, 3600),
    agents=st.integers(1, 200),
    target_s=st.floats(0, 120),
)
def test_a_service_level_is_that_of_the_closed_form(
    load: float, handle_s: float, patience_s: float, agents: int, target_s: float
) -> None:
    load = min(load, 1.1 * agents)  # the other form cuts its queue off
    service = Service(
        calls_per_s=load / handle_s, handle_s=handle_s, patience_s=patience_s, target_s=target_s
    )
    exact = erlang_a(3600 * load / handle_s, handle_s, agents, patience_s, target_s)
    level = level_with(agents, service)
    assert level.in_target_pct == pytest.approx(exact.sl20, abs=1e-4)
    assert level.lost_pct == pytest.approx(exact.lost, abs=1e-4)


@pytest.mark.parametrize("calls_per_h", [0.1, 20, 300, 2400])
def test_one_agent_fewer_than_needed_does_not_do(calls_per_h: float) -> None:
    service = Service(calls_per_s=calls_per_h / 3600, handle_s=218.18, patience_s=180, target_s=20)
    agents = agents_needed(service, in_target_pct=80, lost_pct=5)
    assert level_with(agents, service).meets(80, 5)
    assert agents == 1 or not level_with(agents - 1, service).meets(80, 5)
