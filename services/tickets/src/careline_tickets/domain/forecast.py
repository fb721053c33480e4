"""What the coming weeks will bring in a direction, and whether it grows.

Weekly counts are fitted by a line in the logarithm of the level, over the last `BASE` weeks, weighted so
that a week counts less the older it is; the slope is damped towards none (Gardner and McKenzie,
*Management Science* 31, 1985), for growth rarely goes on as it was. The interval is a negative binomial
one, whose variation is what the fit has missed, widened for the uncertainty of level and slope.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp, log, sqrt

from careline_tickets.domain.surges.tails import upper_tail

BASE = 26
"""Weeks that are looked at."""
LEAST = 6
"""Weeks without which nothing is said."""
FADES = 0.93
"""What a week counts less than the one after it."""
DAMPED = 0.9
LEVEL_PCT = 90
Z = 1.645
"""Of the two-sided interval of `LEVEL_PCT`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """What a week is expected to bring; the count lies from `low` to `high` nine times of ten."""

    expected: float
    low: int
    high: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """`growth_pct` is the growth over four weeks with its interval; `grows` when it is surely above 0."""

    weeks: tuple[Week, ...]
    growth_pct: float
    growth_low_pct: float
    growth_high_pct: float

    @property
    def grows(self) -> bool:
        return self.growth_low_pct > 0


def forecast(counts: Sequence[int], ahead: int) -> Forecast | None:
    """The coming `ahead` weeks after whole weeks of counts, the oldest first; None without history."""
    seen = [float(each) for each in counts[-BASE:]]
    if len(seen) < LEAST or sum(seen) < LEAST:
        return None
    ages = [float(place - len(seen) + 1) for place in range(len(seen))]
    weights = [FADES ** (-age) for age in ages]
    slope = _slope(ages, [log(each + 0.5) for each in seen], weights)
    mean = _mean(seen, ages, weights, slope)
    variation, level_sd, slope_sd = _spread(seen, ages, weights, mean, slope)
    weeks = []
    for step in range(1, ahead + 1):
        reach = _damped(step)
        expected = mean * exp(slope * reach)
        unsure = level_sd**2 + (slope_sd * reach) ** 2
        weeks.append(_week(expected, variation + unsure))
    four = _damped(4)
    return Forecast(
        weeks=tuple(weeks),
        growth_pct=_percent(slope * four),
        growth_low_pct=_percent((slope - Z * slope_sd) * four),
        growth_high_pct=_percent((slope + Z * slope_sd) * four),
    )


def _damped(step: int) -> float:
    return sum(DAMPED**each for each in range(1, step + 1))


def _percent(logarithm: float) -> float:
    return round(100 * (exp(min(logarithm, 10.0)) - 1), 1)


def _slope(ages: Sequence[float], values: Sequence[float], weights: Sequence[float]) -> float:
    """By weighted least squares."""
    whole = sum(weights)
    centre = sum(w * x for w, x in zip(weights, ages, strict=True)) / whole
    across = sum(w * (x - centre) ** 2 for w, x in zip(weights, ages, strict=True))
    along = sum(w * (x - centre) * y for w, x, y in zip(weights, ages, values, strict=True))
    return along / across


def _mean(
    seen: Sequence[float], ages: Sequence[float], weights: Sequence[float], slope: float
) -> float:
    """The level now that, with this slope, makes as many appeals as there were."""
    made = sum(w * y for w, y in zip(weights, seen, strict=True))
    shape = sum(w * exp(slope * x) for w, x in zip(weights, ages, strict=True))
    return max(made / shape, 0.05)


def _spread(
    seen: Sequence[float],
    ages: Sequence[float],
    weights: Sequence[float],
    mean: float,
    slope: float,
) -> tuple[float, float, float]:
    """Squared variation of weeks beyond Poisson, and the standard errors of level and slope."""
    fitted = [mean * exp(slope * age) for age in ages]
    whole = sum(weights)
    loose = len(seen) / (len(seen) - 4)
    excess = loose * sum(
        w * ((y - m) ** 2 - m) / m**2 for w, y, m in zip(weights, seen, fitted, strict=True)
    )
    variation = max(excess / whole, 0.002)
    relative = [variation + 1 / m for m in fitted]
    centre = sum(w * x for w, x in zip(weights, ages, strict=True)) / whole
    across = sum(w * (x - centre) ** 2 for w, x in zip(weights, ages, strict=True))
    slope_sd = (
        sqrt(
            sum(
                (w * (x - centre)) ** 2 * r for w, x, r in zip(weights, ages, relative, strict=True)
            )
        )
        / across
    )
    middle_sd = sqrt(sum(w**2 * r for w, r in zip(weights, relative, strict=True))) / whole
    return variation, sqrt(middle_sd**2 + (slope_sd * centre) ** 2), slope_sd


def _week(expected: float, variation: float) -> Week:
    shape = 1 / variation
    tail = (1 - LEVEL_PCT / 100) / 2
    sd = sqrt(expected + variation * expected**2)
    high = _first(
        lambda count: upper_tail(count + 1, expected, shape) <= tail, int(expected + 9 * sd)
    )
    low = _first(lambda count: 1 - upper_tail(count + 1, expected, shape) > tail, high)
    return Week(expected=round(expected, 1), low=low, high=high)


def _first(holds: Callable[[int], bool], most: int) -> int:
    """The least count from which on it holds, by halving; `most` at the most."""
    low, high = 0, most
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return low
