"""What the forecasts of a series have missed: what hangs together in it, and how much is left to chance.

Neighbouring days err alike. So much of what the days before a window exceeded as has come true before is
carried over into its forecast: the coefficient of a regression of a window's error on that excess, by
discounted least squares, drawn to that of all series together (an autoregression of the errors, as in
Box, Jenkins and Reinsel, *Time Series Analysis*). What is missed then, beyond a Poisson count, is
the window's variation, drawn in the same way to what most series have (moments of a negative binomial
count; the shrinkage is that of empirical Bayes).
"""

from collections.abc import Mapping
from math import sqrt
from typing import NamedTuple

WINDOWS = (1, 2, 3, 7)
"""Days that are looked at together."""
LONGEST = max(WINDOWS)
FADE = 1 - 1 / 400
"""A day."""
VARIATION_PRIOR = 0.05
"""Squared coefficient of variation of a window's true rate, before anything is known..."""
VARIATION_DAYS = 14.0
"""...and how many windows that belief is worth."""
LEAST_VARIATION = 0.003
CARRIED_PRIOR = 16.0
"""What the others' coefficient is worth: one over the square of how much coefficients differ."""
MORE_SD, FEWER_SD = 6.0, 3.0
"""Errors are cut down to so many standard deviations: a day off says little about days on."""


class Look(NamedTuple):
    """A window that ends on some day, as it looked then."""

    observed: int
    expected: float
    """What a surge is held against: no less on any weekday than a part of the mean."""
    forecast: float
    """What was expected, and `plain` without what is carried over from the days before."""
    plain: float
    before: float
    """By what part of it the days before exceeded what was expected of them."""


class Errors:
    """The errors of one series, by window; sums that fade."""

    __slots__ = ("_across", "_along", "_scale", "_squares", "seen")

    def __init__(self) -> None:
        self.seen = 0.0
        """Days, those long ago counting less."""
        self._squares = dict.fromkeys(WINDOWS, 0.0)
        self._scale = dict.fromkeys(WINDOWS, 0.0)
        self._along = dict.fromkeys(WINDOWS, 0.0)
        self._across = dict.fromkeys(WINDOWS, 0.0)

    def learn(self, windows: Mapping[int, tuple[Look, float]]) -> None:
        """Takes in a day's windows by length, with the variation that each was taken to have."""
        self.seen = FADE * self.seen + 1
        for length, (look, variation) in windows.items():
            variance = look.forecast + variation * look.forecast**2
            squared = _cut(look.observed - look.forecast, sqrt(variance)) ** 2
            self._squares[length] = FADE * self._squares[length] + squared - look.forecast
            self._scale[length] = FADE * self._scale[length] + look.forecast**2
            told = look.before * look.plain
            error = _cut(look.observed - look.plain, sqrt(variance))
            self._along[length] = FADE * self._along[length] + told * error / variance
            self._across[length] = FADE * self._across[length] + told**2 / variance

    def carried(self, length: int, usual: float) -> float:
        """Which part of the days' excess before a window comes back in it; `usual` is that of most series."""
        known = self._along[length] + CARRIED_PRIOR * usual
        return min(max(known / (self._across[length] + CARRIED_PRIOR), 0.0), 1.0)

    def variation(self, length: int, forecast: float, usual: float) -> float:
        """Squared coefficient of variation of a window's true rate, a standard error above what is known."""
        windows = VARIATION_DAYS * length  # of those that overlap one in `length` is new
        prior = windows * forecast**2
        unsure = 1 + sqrt(2 * length / (windows + self.seen))
        known = max(0.0, self._squares[length]) + usual * prior
        return max(unsure * known / (self._scale[length] + prior), LEAST_VARIATION)

    def own_variation(self, length: int) -> float:
        """The same by its own errors alone."""
        return self._squares[length] / self._scale[length] if self._scale[length] else 0.0

    def regression(self, length: int) -> tuple[float, float]:
        """The two sums whose ratio is the coefficient."""
        return self._along[length], self._across[length]


def _cut(error: float, deviation: float) -> float:
    return min(max(error, -FEWER_SD * deviation), MORE_SD * deviation)
