"""Wilson's interval, held against its definition: the shares that a test at 5 % does not refuse."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq

from careline_router.domain.proportions import Z_95, wilson_pct

pytestmark = pytest.mark.unit

TINY = 1e-9
"""Off the share itself, where the test of 0 of n is 0 too."""


def refused_by(share: float, p: float, n: int) -> float:
    """Above 0 where the score test refuses `p` for this share."""
    return float((share - p) ** 2 * n - Z_95**2 * p * (1 - p))


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_bounds_are_where_the_score_test_begins_to_refuse(counted: tuple[int, int]) -> None:
    successes, n = counted
    share = successes / n
    low = 0.0 if successes == 0 else brentq(lambda p: refused_by(share, p, n), 0, share - TINY)
    high = 1.0 if successes == n else brentq(lambda p: refused_by(share, p, n), share + TINY, 1)
    told = wilson_pct(successes, n)
    assert told == pytest.approx((100 * share, 100 * low, 100 * high), abs=0.006)


def test_of_none_nothing_is_known() -> None:
    assert wilson_pct(0, 0) == (None, None, None)
