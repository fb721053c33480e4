"""Scores against the figures that statsmodels 0.15 gives, and against their own definitions."""

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from careline_surveys.domain.scoring import (
    Z_95,
    Tally,
    adjusted_wald_nps,
    rate_pct,
    score,
    wilson,
)

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("good", "n", "low", "high"),
    [(9, 10, 59.6, 98.2), (90, 100, 82.6, 94.5), (197, 220, 84.8, 92.9), (1163, 1300, 87.7, 91.0)],
)
def test_wilson_gives_the_figures_of_statsmodels(good, n, low, high) -> None:
    assert [round(100 * bound, 1) for bound in wilson(good, n)] == [low, high]


@pytest.mark.parametrize(
    ("promoters", "detractors", "n", "value", "low", "high"),
    [
        (6, 1, 10, 50, -0.2, 77.1),
        (60, 11, 100, 49, 34.2, 60.9),
        (600, 110, 1000, 49, 44.6, 53.1),
    ],
)
def test_nps_gives_the_adjusted_wald_figures(promoters, detractors, n, value, low, high) -> None:
    found = score("nps", Tally(n=n, good=promoters, bad=detractors), min_n=5)
    assert found.value == value
    assert [round(100 * b, 1) for b in adjusted_wald_nps(promoters, detractors, n)] == [low, high]


@given(n=st.integers(1, 5000), good=st.integers(0, 5000))
def test_wilsons_bounds_solve_their_own_equation(n, good) -> None:
    """Wilson: the bounds are the shares p with |good/n − p| = z·√(p(1−p)/n)."""
    assume(good <= n)
    low, high = wilson(good, n)
    assert 0 <= low <= good / n <= high <= 1
    for bound in (low, high):
        distance = Z_95 * math.sqrt(bound * (1 - bound) / n)
        assert abs(good / n - bound) == pytest.approx(distance, abs=1e-7)


@given(n=st.integers(1, 2000), promoters=st.integers(0, 2000), detractors=st.integers(0, 2000))
def test_nps_bounds_stay_on_the_scale(n, promoters, detractors) -> None:
    assume(promoters + detractors <= n)
    low, high = adjusted_wald_nps(promoters, detractors, n)
    assert -1 <= low < high <= 1
    mirrored = adjusted_wald_nps(detractors, promoters, n)
    assert mirrored == pytest.approx((-high, -low))


def test_below_the_minimum_nothing_is_shown() -> None:
    found = score("csi", Tally(n=4, good=4), min_n=5)
    assert (found.n, found.hidden, found.value, found.low, found.high) == (
        4,
        True,
        None,
        None,
        None,
    )
    assert not score("csi", Tally(n=5, good=4), min_n=5).hidden


def test_without_answers_there_is_no_value_even_where_nothing_is_hidden() -> None:
    found = score("csi", Tally(n=0, good=0), min_n=0)
    assert (found.value, found.hidden) == (None, False)


def test_a_rate_over_nothing_is_no_rate() -> None:
    assert rate_pct(0, 0) is None
    assert rate_pct(1, 3) == 33.33
