"""The interval of a forecast holds what it says, checked on weeks that it has not seen."""

import random
from math import exp

import pytest
from arrivals import poisson

from careline_tickets.domain.forecast import LEAST, forecast

pytestmark = pytest.mark.unit

TRIES = 150


@pytest.mark.parametrize("mean", [3.0, 20.0, 200.0])
@pytest.mark.parametrize("growth", [0.0, 0.02])
def test_nine_of_ten_weeks_lie_in_the_interval(mean: float, growth: float) -> None:
    rng, inside = random.Random(1), 0
    for _ in range(TRIES):
        counts = [
            poisson(rng, mean * exp(growth * week) * rng.gammavariate(100, 0.01))
            for week in range(30)
        ]
        told = forecast(counts[:26], 4)
        assert told is not None
        inside += sum(
            week.low <= count <= week.high
            for week, count in zip(told.weeks, counts[26:], strict=True)
        )
    assert 0.83 <= inside / (4 * TRIES) <= 0.98


def test_little_history_tells_nothing() -> None:
    assert forecast([5] * (LEAST - 1), 4) is None
    assert forecast([0] * 20, 4) is None
