"""Probabilities of counts against scipy's, and what a baseline learns."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import nbinom

from careline_tickets.domain.surges.tails import upper_tail

pytestmark = pytest.mark.unit


@given(
    observed=st.integers(0, 2000),
    mean=st.floats(0.001, 1000),
    shape=st.floats(0.05, 1000),
)
def test_the_upper_tail_is_what_scipy_says(observed: int, mean: float, shape: float) -> None:
    told = float(nbinom.sf(observed - 1, shape, shape / (shape + mean)))
    assert upper_tail(observed, mean, shape) == pytest.approx(told, rel=1e-6, abs=1e-11)
