"""What all series have in common on a day: the one after a holiday, a season, a campaign."""

from collections.abc import Mapping
from math import sqrt

COMMON_PRIOR = 30.0
"""How many arrivals the belief is worth that days have nothing in common."""
MOST_OF_ALL = 0.8
SHARED_PRIOR = 20.0
"""What the belief is worth that what the others exceed comes true: as many series by as many deviations."""
FADE = 1 - 7 / 365
"""A week."""
LEAST_COMMON = 0.5
"""On a day on which most brought less than so much, those that did not are no surge."""


class Outside:
    """What the parts of the whole brought on a day as (count, expected), and what they have in common.

    A part that stands out is cut down to what the others make plausible, so that a burst in one of them
    does not pass for something that all have in common.
    """

    def __init__(self, parts: Mapping[str | None, tuple[int, float]]) -> None:
        self.parts = parts
        self.common = 1.0
        self._count = float(sum(count for count, _ in parts.values()))
        self._expected = sum(expected for _, expected in parts.values())
        self._plausible = 0.0
        for _ in range(4):
            self._plausible = sum(self._cut(part) for part in parts.values())
            self.common = _excess(self._plausible, self._expected)

    def _cut(self, part: tuple[int, float]) -> float:
        count, expected = part
        usual = self.common * expected
        return min(float(count), usual + 3 * sqrt(usual) + 1)

    def without_part(self, part: tuple[int, float]) -> float:
        """What the others have in common."""
        return _excess(self._plausible - self._cut(part), self._expected - part[1])

    def without(self, count: int, expected: float) -> float:
        """The same for a series that goes through the parts; of what is nearly the whole there are no others."""
        if count > MOST_OF_ALL * self._count or expected > MOST_OF_ALL * self._expected:
            return 1.0
        return _excess(self._count - count, self._expected - expected)


def _excess(count: float, expected: float) -> float:
    share = (max(0.0, count) + COMMON_PRIOR) / (max(0.0, expected) + COMMON_PRIOR)
    return max(LEAST_COMMON, share)


class Shared:
    """How much of what the others exceed comes true in a series: nearly all where days have something in common,
    little where each series wanders by itself. A regression over all series, by discounted least squares."""

    def __init__(self) -> None:
        self._across = SHARED_PRIOR
        self._along = SHARED_PRIOR

    @property
    def part(self) -> float:
        return min(max(self._along / self._across, 0.0), 1.0)

    def fade(self) -> None:
        """A week has passed; the belief stays."""
        self._across += (SHARED_PRIOR - self._across) * (1 - FADE)
        self._along += (SHARED_PRIOR - self._along) * (1 - FADE)

    def learn(self, told: float, error: float, variance: float) -> None:
        """A series that should have exceeded what it brings by `told` exceeded it by `error`."""
        self._across += told**2 / variance
        self._along += told * error / variance
