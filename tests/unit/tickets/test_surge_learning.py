"""What is learned from a series' own errors, against numpy; how far small chances are believed."""

import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from careline_tickets.domain.surges.calibration import FROM, Tail
from careline_tickets.domain.surges.common import Outside, Shared
from careline_tickets.domain.surges.errors import Errors, Look

pytestmark = pytest.mark.unit


def look(observed: int, forecast: float, before: float) -> Look:
    return Look(
        observed=observed, expected=forecast, forecast=forecast, plain=forecast, before=before
    )


@given(seed=st.integers(0, 1000), carried=st.floats(0.1, 0.9))
@settings(max_examples=20)
def test_what_is_carried_over_is_the_slope_of_a_regression_through_nothing(
    seed: int, carried: float
) -> None:
    """Oracle: numpy's least squares, for days that have not faded."""
    rng, errors = np.random.default_rng(seed), Errors()
    before = rng.normal(0, 0.3, 150)
    observed = rng.poisson(400 * (1 + carried * before))
    for count, excess in zip(observed, before, strict=True):
        errors.learn({2: (look(int(count), 400, float(excess)), 0.1)})
    slope = np.linalg.lstsq(before[:, None] * 400, observed - 400.0, rcond=None)[0][0]
    assert errors.carried(2, usual=float(slope)) == pytest.approx(slope, abs=0.03)
    assert abs(errors.carried(2, usual=0.0) - slope) < slope


@given(seed=st.integers(0, 1000), variation=st.sampled_from([0.02, 0.1, 0.3]))
@settings(max_examples=20)
def test_the_variation_is_that_of_the_rates_the_counts_were_drawn_from(
    seed: int, variation: float
) -> None:
    rng, errors = np.random.default_rng(seed), Errors()
    for rate in rng.gamma(1 / variation, 50 * variation, 800):
        count = int(rng.poisson(rate))
        errors.learn({1: (look(count, 50, 0), variation)})
    assert errors.own_variation(1) == pytest.approx(variation, rel=0.35)
    known = errors.variation(1, 50.0, usual=variation)
    assert known == pytest.approx(variation * (1 + math.sqrt(2 / (14 + errors.seen))), rel=0.35)


def test_chances_that_come_as_often_as_they_say_are_believed() -> None:
    rng, tail = random.Random(1), Tail()
    for _ in range(200_000):
        tail.learn(rng.random())
    assert tail.corrected(0.5) == 0.5
    assert tail.corrected(1e-6) == pytest.approx(1e-6, rel=0.6)


@pytest.mark.parametrize("heavier", [1.5, 2.0])
def test_chances_of_a_heavier_tail_are_stretched_back_to_how_often_they_come(
    heavier: float,
) -> None:
    """A model that takes the chance p for p ** heavier: what it calls 1e-6 comes as often as its root."""
    rng, tail = random.Random(2), Tail()
    for _ in range(200_000):
        tail.learn(rng.random() ** heavier)
    for true in (1e-3, 1e-4, 1e-5):
        told = tail.corrected(true**heavier)
        assert told == pytest.approx(true, rel=0.5)
        assert told > true**heavier


@given(st.lists(st.floats(1e-12, 1.0), max_size=60))
def test_a_correction_keeps_the_order_and_believes_no_chance_to_be_smaller(
    chances: list[float],
) -> None:
    tail = Tail()
    for chance in chances:
        tail.learn(chance)
    told = [tail.corrected(chance) for chance in sorted(chances)]
    assert told == sorted(told)
    assert all(a >= b for a, b in zip(told, sorted(chances), strict=True))
    assert tail.corrected(FROM) == FROM


def test_what_all_have_in_common_goes_both_ways_and_a_burst_in_one_is_not_it() -> None:
    low = Outside({f"h{n}": (60, 100.0) for n in range(20)})
    assert low.without_part(low.parts["h0"]) == pytest.approx(0.6, abs=0.02)
    one = Outside({"burst": (800, 100.0), **{f"h{n}": (100, 100.0) for n in range(20)}})
    assert one.without_part(one.parts["h0"]) == pytest.approx(1.0, abs=0.05)
    assert one.without_part(one.parts["burst"]) == pytest.approx(1.0, abs=0.02)
    assert one.without(2000, 1900.0) == 1.0, "of nearly everything there are no others"
    assert Outside({"h0": (0, 500.0), "h1": (0, 500.0)}).without_part((0, 500.0)) == 0.5


@given(seed=st.integers(0, 1000), comes_true=st.sampled_from([0.0, 0.5, 1.0]))
@settings(max_examples=20)
def test_what_the_others_exceed_counts_as_far_as_it_comes_true(
    seed: int, comes_true: float
) -> None:
    rng, shared = np.random.default_rng(seed), Shared()
    assert shared.part == 1.0
    for others in rng.normal(0, 0.2, 3000):
        count = rng.poisson(100 * max(0.0, 1 + comes_true * others))
        shared.learn(others * 100, count - 100, 100)
    assert shared.part == pytest.approx(comes_true, abs=0.08)
