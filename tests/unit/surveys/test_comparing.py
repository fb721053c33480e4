"""Differences against published figures, and against plain counting of what chance makes."""

import math
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from careline_surveys.domain.comparing import adjusted_wald_difference, difference, newcombe
from careline_surveys.domain.scoring import Tally

pytestmark = pytest.mark.unit


def share(good: int, n: int) -> Tally:
    return Tally(n=n, good=good)


@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [
        (share(56, 70), share(48, 80), 0.0524, 0.3339),
        (share(9, 10), share(3, 10), 0.1705, 0.8090),
        (share(10, 10), share(0, 20), 0.6791, 1.0000),
        (share(5, 56), share(0, 29), -0.0381, 0.1926),
    ],
)
def test_newcombe_gives_the_figures_of_his_paper(first, second, low, high) -> None:
    """Table II of the paper, method 10."""
    assert newcombe(first, second) == pytest.approx((low, high), abs=5e-5)


counted = st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(counted, counted)
def test_the_other_way_round_is_the_mirror_image(a, b) -> None:
    low, high = newcombe(share(*a), share(*b))
    assert newcombe(share(*b), share(*a)) == pytest.approx((-high, -low))
    assert -1 <= low <= a[0] / a[1] - b[0] / b[1] <= high <= 1
    assert not difference("csi", (share(*a), share(*a))).real


def binomial(k: int, n: int, p: float) -> float:
    return math.comb(n, k) * p**k * (1 - p) ** (n - k)


@pytest.mark.parametrize("p", [0.5, 0.8, 0.9])
def test_equals_are_called_different_as_seldom_as_promised(p) -> None:
    """Every outcome of two equal agents with 40 and 60 answers, weighed by its probability."""
    mistaken = sum(
        binomial(a, 40, p) * binomial(b, 60, p)
        for a, b in product(range(41), range(61))
        if difference("csi", (share(a, 40), share(b, 60))).real
    )
    assert 0.02 < mistaken < 0.06


def trinomial(n: int, plus: float, minus: float) -> list[tuple[Tally, float]]:
    rest = 1 - plus - minus
    return [
        (
            Tally(n=n, good=a, bad=b),
            math.comb(n, a) * math.comb(n - a, b) * plus**a * minus**b * rest ** (n - a - b),
        )
        for a in range(n + 1)
        for b in range(n + 1 - a)
    ]


def test_equal_nps_are_called_different_as_seldom_as_promised() -> None:
    """Every outcome of two equal groups of 20 answers, weighed by its probability."""
    outcomes = [one for one in trinomial(20, 0.6, 0.15) if one[1] > 1e-6]
    mistaken = sum(
        p * q
        for (first, p), (second, q) in product(outcomes, outcomes)
        if abs(low_of(first, second)) > 0
    )
    assert 0.02 < mistaken < 0.06


def low_of(first: Tally, second: Tally) -> float:
    """How far the interval is from zero."""
    low, high = adjusted_wald_difference(first, second)
    return max(low, 0.0, -high)


def test_a_difference_that_is_there_is_found_once_there_are_enough_answers() -> None:
    few = difference("csi", (share(9, 10), share(7, 10)))
    many = difference("csi", (share(900, 1000), share(700, 1000)))
    assert (few.value, few.real) == (20.0, False)
    assert (many.value, many.real) == (20.0, True)
    assert "Newcombe" in many.test


def test_what_is_hidden_is_not_compared() -> None:
    nothing = difference("nps", None)
    assert (nothing.value, nothing.low, nothing.high, nothing.real) == (None, None, None, None)
    assert difference("fcr", (share(0, 0), share(3, 4))).real is None
