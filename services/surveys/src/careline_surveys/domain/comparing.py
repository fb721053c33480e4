"""Whether the difference between two scores is real, or what chance makes of such numbers.

Shares (CSI, FCR): Newcombe's hybrid score interval of the difference of two independent shares, made
of the two Wilson intervals that are shown beside it (R. G. Newcombe, Statistics in Medicine 17 (1998)
873-890, method 10). NPS: the adjusted Wald interval of each (n + 3, ¾ to each end), their variances
added (J. Sauro, J. R. Lewis, Quantifying the User Experience, 2nd ed. 2016, chapter 5).
A difference counts as real when its 95 % interval does not hold zero. That is one comparison: of
twenty between equals one looks real.
"""

import math
from dataclasses import dataclass

from careline_surveys.domain.scoring import Z_95, Tally, wilson

SHARE_TEST = (
    "Newcombe's hybrid score interval of two independent shares, 95 %"
    " (Statistics in Medicine 17 (1998) 873-890, method 10)"
)
NPS_TEST = (
    "adjusted Wald interval of the difference of two independent NPS, 95 %"
    " (Sauro, Lewis: Quantifying the User Experience, 2016)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """First minus second in percentage points; all None while there is too little to compare."""

    value: float | None
    low: float | None
    high: float | None
    real: bool | None
    test: str


def newcombe(first: Tally, second: Tally, z: float = Z_95) -> tuple[float, float]:
    """The interval of first minus second, two numbers between −1 and 1; both have answers."""
    p1, p2 = first.good / first.n, second.good / second.n
    low1, high1 = wilson(first.good, first.n, z)
    low2, high2 = wilson(second.good, second.n, z)
    below = math.hypot(p1 - low1, high2 - p2)
    above = math.hypot(high1 - p1, p2 - low2)
    return max(-1.0, p1 - p2 - below), min(1.0, p1 - p2 + above)


def adjusted_wald_difference(first: Tally, second: Tally, z: float = Z_95) -> tuple[float, float]:
    """The interval of first NPS minus second, two numbers between −2 and 2."""
    value1, variance1 = _adjusted_nps(first)
    value2, variance2 = _adjusted_nps(second)
    spread = z * math.sqrt(variance1 + variance2)
    difference = value1 - value2
    return max(-2.0, difference - spread), min(2.0, difference + spread)


def _adjusted_nps(counted: Tally) -> tuple[float, float]:
    total = counted.n + 3
    plus, minus = (counted.good + 0.75) / total, (counted.bad + 0.75) / total
    return plus - minus, (plus + minus - (plus - minus) ** 2) / total


def difference(metric: str, pair: tuple[Tally, Tally] | None) -> Difference:
    """What lies between two scores of a metric; `pair` is None when either of them is hidden."""
    is_nps = metric == "nps"
    test = NPS_TEST if is_nps else SHARE_TEST
    if pair is None or not all(counted.n for counted in pair):
        return Difference(value=None, low=None, high=None, real=None, test=test)
    first, second = pair
    low, high = adjusted_wald_difference(first, second) if is_nps else newcombe(first, second)
    value = (first.good - first.bad) / first.n - (second.good - second.bad) / second.n
    return Difference(
        value=round(100 * value, 2),
        low=round(100 * low, 2),
        high=round(100 * high, 2),
        real=low > 0 or high < 0,
        test=test,
    )
