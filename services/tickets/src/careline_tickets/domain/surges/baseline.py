"""What a series of daily counts is expected to bring, learned from its own past.

A gamma-Poisson model with discount (West and Harrison, *Bayesian Forecasting and Dynamic Models*, 1997):
level and weekday factors are sums that fade, so that slow growth, season and a new week are followed.
How much more than a Poisson count a window varies is learned from the forecast's own past errors, drift
included. A day is learned only after `GAP` days, and cut down to what is plausible, so that a burst
neither hides itself nor the next one (as in Noufaily et al., *Statistics in Medicine* 32, 2013).
"""

from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from math import sqrt

from careline_tickets.domain.surges.tails import upper_tail

GAP = 5
"""Days before a day is learned: a burst is found by then, and its days are left out."""
LEVEL_FADES = 1 - 1 / 28
WEEKDAY_FADES = 0.9
"""A week."""
ERRORS_FADE = 1 - 1 / 120
WEEKDAY_PRIOR = 20.0
"""The profile that is shared counts as much as so many arrivals."""
LEVEL_PRIOR = 0.5
EXPOSURE_PRIOR = 0.1
LEARNED = 10.0
"""Days after which the level is known well enough to judge days and errors by it."""
VARIATION_PRIOR = 0.03
"""Squared coefficient of variation of a window's true rate, before anything is known..."""
VARIATION_DAYS = 14.0
"""...and how many windows that belief is worth."""
VARIATION_QUANTILE = 0.5
"""What a series is taken to vary by, before it knows better, is what so many of the others stay below."""
LEAST_SERIES = 5
"""With fewer that know, nothing is borrowed."""
CLUMPS_PRIOR = 30.0
"""How many arrivals the clumping of all sparse series together is worth to one of them."""
LEAST_FACTOR = 0.3
"""No weekday is expected to bring less than so much of the mean: patterns change."""
IDLE_FACTOR = 0.15
MISSING = 7.0
"""No arrivals where so many were expected: the day is missing, it was not quiet."""
PLAUSIBLE_SD = 3.0
MORE_SD, FEWER_SD = 4.0, 2.0
"""Errors are cut down to so many standard deviations: a day off says little about days on."""
WINDOWS = (1, 2, 3, 7)
"""Days that are looked at together."""
LONGEST = max(WINDOWS)


@dataclass(slots=True)
class Day:
    """A day of a series: what came, and what was expected when it came."""

    number: int
    count: int
    expected: float
    factor: float
    weekday: int
    quiet: bool
    """Closed by the calendar, so that few arrivals teach nothing."""
    forecast: float = 0.0
    """What was expected, where `expected` is what a surge is held against: no less on any weekday
    than a part of the mean."""
    windows: tuple[tuple[int, float], ...] = ()
    forecasts: tuple[float, ...] = ()
    excluded: bool = False


@dataclass(slots=True)
class Pool:
    """What the series of a journal know together and none of them can know by itself.

    `clumps` is variance over mean of the sparse ones: above 1 where people write several appeals at
    once; the few that clump most, as in a surge, do not count. `variation` is by window what most of the
    others stay below, for series with a short past.
    """

    clumps: float = 1.1
    variation: dict[int, float] = field(
        default_factory=lambda: dict.fromkeys(WINDOWS, VARIATION_PRIOR)
    )

    def learn(self, series: Collection["Baseline"]) -> None:
        self._learn_clumps(series)
        for length in WINDOWS:
            known = sorted(each.own_variation(length) for each in series if each.knows)
            if len(known) >= LEAST_SERIES:
                middle = known[int(VARIATION_QUANTILE * len(known))]
                self.variation[length] = max(VARIATION_PRIOR, middle)

    def _learn_clumps(self, series: Iterable["Baseline"]) -> None:
        known = sorted(
            (each.clumps for each in series if each.level < 1 and each.clumps[1] > 1),
            key=lambda each: each[0] / each[1],
        )
        counted = known[: len(known) * 9 // 10]
        squares = sum(each[0] for each in counted) + CLUMPS_PRIOR * 1.1
        self.clumps = max(1.0, squares / (sum(each[1] for each in counted) + CLUMPS_PRIOR))


class Baseline:
    """The state of one series; days are given to it one after the other."""

    __slots__ = (
        "_arrivals", "_by_day", "_clumps", "_days", "_den", "_errors", "_exposure", "_num", "_pending",
        "_shared", "_squares", "_usual", "recent",
    )  # fmt: skip

    def __init__(self, shared: "Pool | None" = None) -> None:
        self._shared = shared or Pool()
        self._clumps = self._squares = self._usual = 0.0
        self._arrivals = 0.0
        self._exposure = 0.0
        self._errors = 0.0
        self._by_day = [0.0] * 7
        self._days = [0.0] * 7
        self._num = dict.fromkeys(WINDOWS, 0.0)
        self._den = dict.fromkeys(WINDOWS, 0.0)
        self._pending: deque[Day] = deque()
        self.recent: deque[Day] = deque(maxlen=LONGEST)
        """The last days that were neither missing nor idle, the newest last."""

    @property
    def level(self) -> float:
        """Arrivals expected on a day of mean factor."""
        return (self._arrivals + LEVEL_PRIOR) / (self._exposure + EXPOSURE_PRIOR)

    def factor(self, weekday: int, shared: float) -> float:
        """How a weekday stands to the mean day, drawn to the `shared` profile where little is known."""
        known = sum(self._days)
        mean = sum(self._by_day) / known if known else 0.0
        prior = WEEKDAY_PRIOR
        return (self._by_day[weekday] + prior * shared) / (self._days[weekday] * mean + prior)

    def expect(self, number: int, count: int, weekday: int, shared: float, *, quiet: bool) -> Day:
        """The forecast for a day, which is not among the `recent` ones before `take`."""
        factor = self.factor(weekday, shared)
        return Day(number, count, self.level * factor, factor, weekday, quiet)

    def take(self, day: Day, common: float) -> bool:
        """Adds a day; `common` is by how much all others exceed what was expected of them.

        False when the day says nothing: it is missing, or one on which nothing ever comes.
        """
        while self._pending and self._pending[0].number <= day.number - GAP:
            self._learn(self._pending.popleft())
        idle = day.factor < IDLE_FACTOR
        missing = day.count == 0 and (idle or day.expected >= MISSING)
        if missing or (day.quiet and day.count < day.expected):
            if day.factor < IDLE_FACTOR:
                self._pending.append(day)
            return False
        day.forecast = day.expected * common
        day.expected = max(day.expected, self.level * LEAST_FACTOR) * common
        self.recent.append(day)
        day.windows = tuple(self.window(length) for length in WINDOWS)
        day.forecasts = tuple(
            sum(each.forecast for each in list(self.recent)[-length:]) for length in WINDOWS
        )
        self._pending.append(day)
        return True

    def window(self, length: int) -> tuple[int, float]:
        """What came and what was expected on the last days."""
        days = list(self.recent)[-length:]
        return sum(day.count for day in days), sum(day.expected for day in days)

    def chance(self, length: int, observed: int, expected: float) -> float:
        """The probability of at least so many arrivals in a window of this length."""
        uncertain = 1.0 / (self._arrivals + LEVEL_PRIOR)
        variation = self._variation(length, expected) + uncertain
        return upper_tail(observed, expected, 1.0 / variation)

    def _variation(self, length: int, expected: float) -> float:
        prior = VARIATION_DAYS * expected * expected
        known = self._num[length] + self._shared.variation[length] * prior
        days = VARIATION_DAYS + self._errors
        unsure = 1 + sqrt(2 / days)  # a standard error of a variance
        clumps = (self._clumps + CLUMPS_PRIOR * self._shared.clumps) / (self._usual + CLUMPS_PRIOR)
        return max(
            unsure * known / (self._den[length] + prior),
            VARIATION_PRIOR / 4 + max(0.0, clumps - 1) / max(expected, 1e-9),
        )

    @property
    def knows(self) -> bool:
        """Whether it has seen enough to tell others how much series vary."""
        return self._errors >= VARIATION_DAYS and self.level >= 1

    def own_variation(self, length: int) -> float:
        """Squared coefficient of variation of a window's true rate, by its own errors alone."""
        return self._num[length] / self._den[length] if self._den[length] else 0.0

    @property
    def clumps(self) -> tuple[float, float]:
        """Squared errors of single days, and what they are for Poisson counts."""
        return self._squares, self._usual

    def exclude(self, days: int) -> None:
        """Takes the last days for part of a burst: they are not learned."""
        for day in list(self._pending)[-days:]:
            day.excluded = True

    def exclude_recent(self, days: int) -> None:
        """The same for the last days that were judged."""
        for day in list(self.recent)[-days:]:
            day.excluded = True

    def restart(self) -> None:
        """Takes what came lately for the new level: a burst that does not end is none."""
        if self.recent:
            factors = sum(max(day.factor, LEAST_FACTOR) for day in self.recent)
            self._arrivals = float(sum(day.count for day in self.recent))
            self._exposure = factors
        self._pending.clear()

    @property
    def weekday_means(self) -> list[float]:
        return [
            count / days if days else 0.0
            for count, days in zip(self._by_day, self._days, strict=True)
        ]

    def join(self, part: "Baseline") -> None:
        """Takes in a part that was counted by itself before."""
        self._arrivals += part.level * self._exposure
        for weekday, mean in enumerate(part.weekday_means):
            self._by_day[weekday] += mean * self._days[weekday]

    def _learn(self, day: Day) -> None:
        if day.quiet and day.count < day.expected:
            return
        count = float(day.count)
        if day.windows and self._exposure >= LEARNED:
            self._learn_clumps(day)
            count = min(count, self._plausible(day))
        if day.windows and self._exposure >= LEARNED + GAP and not day.excluded:
            self._learn_errors(day)
        self._arrivals = LEVEL_FADES * self._arrivals + count
        self._exposure = LEVEL_FADES * self._exposure + day.factor
        self._by_day[day.weekday] = WEEKDAY_FADES * self._by_day[day.weekday] + count
        self._days[day.weekday] = WEEKDAY_FADES * self._days[day.weekday] + 1

    def _plausible(self, day: Day) -> float:
        """The most that a day may teach."""
        if day.excluded:
            return day.expected
        spread = day.expected + self._variation(1, day.expected) * day.expected**2
        return day.expected + PLAUSIBLE_SD * sqrt(spread) + 1

    def _learn_clumps(self, day: Day) -> None:
        square = (day.count - day.expected) ** 2
        self._squares += square
        self._clumps += day.expected if day.excluded else square
        self._usual += day.expected

    def _learn_errors(self, day: Day) -> None:
        self._errors = ERRORS_FADE * self._errors + 1
        for length, (observed, _), expected in zip(
            WINDOWS, day.windows, day.forecasts, strict=True
        ):
            spread = sqrt(expected + self._variation(length, expected) * expected**2)
            error = min(max(observed - expected, -FEWER_SD * spread), MORE_SD * spread) ** 2
            self._num[length] = ERRORS_FADE * self._num[length] + error - expected
            self._den[length] = ERRORS_FADE * self._den[length] + expected**2
