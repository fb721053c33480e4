"""What is possible at all: the power of a detector that knows what a simulated journal is made of.

It knows every cell's rate, weekdays, season, growth, what all cells have in common on a day, how much a rate
varies and hangs together, and where each truly stood on the day before the burst; it looks at the burst's two
first days together and nothing else, and may spend the whole of the one false alert a year on that, shared
evenly among the series. Who has to learn all this from counts finds less with a sum of two days.
"""

from collections.abc import Mapping
from math import exp

from arrivals import Truth, World

from careline_tickets.domain.surges.series import Key
from careline_tickets.domain.surges.tails import upper_tail

ALLOWED_A_YEAR = 1.0


def finds(
    world: World, cells: Mapping[Key, float], truth: Truth, *, day: int, observed: int, series: int
) -> bool:
    """Whether `observed` arrivals of these cells on `day` and the next one are beyond its limit; `cells` are
    rates, `day` counts from the first one of the journal, `series` are all that share the budget."""
    mean, variance = _usual(world, cells, truth, day)
    limit = ALLOWED_A_YEAR / 365 / series
    return mean > 0 and upper_tail(observed, mean, mean**2 / variance) <= limit


def _usual(world: World, cells: Mapping[Key, float], truth: Truth, day: int) -> tuple[float, float]:
    """Mean and variance of the true rate of two days, summed, after the day before is known.

    A cell's rate is lognormal around where it stood (an autoregression of the first order) times a gamma
    noise of each day by itself.
    """
    keeps, varies = world.persistence, 1 + world.variation
    one = world.drift**2 * (1 - keeps**2)
    two = world.drift**2 * (1 - keeps**4)
    mean = variance = 0.0
    for key, rate in cells.items():
        stood = truth.wandering[day - 1][key]
        first = rate * truth.factors[day] * exp(keeps * stood + one / 2)
        second = rate * truth.factors[day + 1] * exp(keeps**2 * stood + two / 2)
        mean += first + second
        variance += first**2 * (exp(one) * varies - 1) + second**2 * (exp(two) * varies - 1)
        variance += 2 * first * second * (exp(keeps * one) - 1)
    return mean, variance
