"""Scores with their uncertainty: a share with its Wilson interval, NPS with its adjusted Wald one.

Ten answers a day say little about one agent, so a score never stands without an interval, and
below `min_n` answers it is not shown at all.
"""

import math
from dataclasses import dataclass

Z_95 = 1.959963984540054
"""Two-sided 95 % of the normal distribution."""

CSI_SATISFIED = 4
NPS_PROMOTER = 9
NPS_DETRACTOR = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A score in percent (NPS: −100 to 100). `value`, `low`, `high` are None when not to be shown."""

    metric: str
    n: int
    value: float | None
    low: float | None
    high: float | None
    hidden: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Answers counted: `good` are 4 and 5 of CSI, yes of FCR, promoters of NPS; `bad` detractors."""

    n: int
    good: int
    bad: int = 0


def wilson(successes: int, n: int, z: float = Z_95) -> tuple[float, float]:
    """Wilson's score interval of a share, as two numbers between 0 and 1; `n` is at least 1."""
    share = successes / n
    centre = share + z * z / (2 * n)
    spread = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    low, high = (centre - spread) / scale, (centre + spread) / scale
    # at 0 and at n the bound is exactly the share; rounding must not push it to the other side
    return max(0.0, min(low, share)), min(1.0, max(high, share))


def adjusted_wald_nps(
    promoters: int, detractors: int, n: int, z: float = Z_95
) -> tuple[float, float]:
    """Adjusted Wald interval of NPS between −1 and 1 (Sauro: n + 3, ¾ to each end)."""
    total = n + 3
    plus = (promoters + 0.75) / total
    minus = (detractors + 0.75) / total
    difference = plus - minus
    spread = z * math.sqrt((plus + minus - difference * difference) / total)
    return max(-1.0, difference - spread), min(1.0, difference + spread)


def score(metric: str, counted: Tally, *, min_n: int) -> Score:
    """The score of a metric; hidden below `min_n` answers, and without any answer at all."""
    if counted.n < max(min_n, 1):
        return Score(
            metric=metric, n=counted.n, value=None, low=None, high=None, hidden=counted.n < min_n
        )
    if metric == "nps":
        value = (counted.good - counted.bad) / counted.n
        low, high = adjusted_wald_nps(counted.good, counted.bad, counted.n)
    else:
        value = counted.good / counted.n
        low, high = wilson(counted.good, counted.n)
    return Score(
        metric=metric,
        n=counted.n,
        value=round(100 * value, 2),
        low=round(100 * low, 2),
        high=round(100 * high, 2),
        hidden=False,
    )


def rate_pct(part: int, whole: int) -> float | None:
    """Percent with two decimals; None when there is nothing to take it of."""
    return round(100 * part / whole, 2) if whole else None
