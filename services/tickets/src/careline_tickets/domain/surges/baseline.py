"""What a series of daily counts is expected to bring, learned from its own past.

A gamma-Poisson model with discount (West and Harrison, *Bayesian Forecasting and Dynamic Models*, 1997):
level and weekday factors are sums that fade, so that slow growth, season and a new week are followed; what
the last days before a window were off by is carried over as far as it usually comes back (`errors`).
A day is learned only after `GAP` days, and cut down to what is plausible, so that a burst
neither hides itself nor the next one (as in Noufaily et al., *Statistics in Medicine* 32, 2013).
"""

from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from math import inf, isfinite, sqrt

from careline_tickets.domain.surges.calibration import Tail
from careline_tickets.domain.surges.common import Shared
from careline_tickets.domain.surges.errors import (
    CARRIED_PRIOR,
    LEAST_VARIATION,
    LONGEST,
    VARIATION_DAYS,
    VARIATION_PRIOR,
    WINDOWS,
    Errors,
    Look,
)
from careline_tickets.domain.surges.tails import upper_tail

GAP = 5
"""Days before a day is learned: a burst is found by then, and its days are left out."""
LEVEL_FADES = 1 - 1 / 28
WEEKDAY_FADES = 0.9
"""A week."""
WEEKDAY_PRIOR = 20.0
"""The profile that is shared counts as much as so many arrivals."""
LEVEL_PRIOR = 0.5
EXPOSURE_PRIOR = 0.1
LEARNED = 10.0
"""Days after which the level is known well enough to judge days and errors by it."""
VARIATION_QUANTILE = 0.5
"""What a series is taken to vary by, before it knows better, is what so many of the others stay below."""
LEAST_SERIES = 5
"""With fewer that know, nothing is borrowed."""
CLUMPS_PRIOR = 30.0
"""How many arrivals the clumping of all sparse series together is worth to one of them."""
LEAST_FACTOR = 0.2
"""No weekday is expected to bring less than so much of the mean: patterns change."""
IDLE_FACTOR = 0.15
MISSING = 7.0
"""No arrivals where so many were expected: the day is missing, it was not quiet."""
PLAUSIBLE_SD = 3.0
NEARER = 0.6
"""Of the days before a window each counts so much less than the one after it."""
BEFORE_PRIOR = 3.0
"""How many arrivals the belief is worth that those days were as expected."""
LEAST_BEFORE, MOST_BEFORE = -0.6, 0.8
TAIL_LEAST = 2.0
"""Windows that are expected to bring fewer say nothing about the tail: their chances come in steps."""
TAIL_SD = 2.0
"""What is nearer than this is no tail: a chance of one in a hundred is further out in skewed counts."""


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
    common: float = 1.0
    alone: float = 0.0
    """What was expected without what the others exceeded."""
    forecast: float = 0.0
    """What was expected, where `expected` is what a surge is held against: no less on any weekday
    than a part of the mean."""
    plausible: float = inf
    """The most that it may teach, once the series is known."""
    carry: tuple[float, float] = (0.0, 0.0)
    """By how much it and the days before exceeded their forecast, and the forecast; the last counting most."""
    looks: tuple[Look, ...] = ()
    """The windows that it ends."""
    excluded: bool = False


@dataclass(slots=True)
class Pool:
    """What the series of a journal know together and none of them can know by itself.

    `clumps` is variance over mean of the sparse ones: above 1 where people write several appeals at
    once; the few that clump most, as in a surge, do not count. `variation` and `carried` are by window what
    most of the others do, for series with a short past, `shared` how much of what the others
    exceed comes true in a series, and `tails` how far small chances can be believed.
    """

    clumps: float = 1.1
    variation: dict[int, float] = field(
        default_factory=lambda: dict.fromkeys(WINDOWS, VARIATION_PRIOR)
    )
    carried: dict[int, float] = field(default_factory=lambda: dict.fromkeys(WINDOWS, 0.0))
    shared: Shared = field(default_factory=Shared)
    tails: dict[int, Tail] = field(default_factory=lambda: {each: Tail() for each in WINDOWS})

    def learn(self, series: Collection["Baseline"]) -> None:
        """Once a week, from all series."""
        self._learn_clumps(series)
        self.shared.fade()
        those = [each.errors for each in series if each.knows]
        for length in WINDOWS:
            self.tails[length].fade()
            if len(those) >= LEAST_SERIES:
                known = sorted(each.own_variation(length) for each in those)
                middle = known[int(VARIATION_QUANTILE * len(known))]
                self.variation[length] = max(LEAST_VARIATION, middle)
            sums = [each.regression(length) for each in those]
            along, across = (sum(each) for each in zip(*sums, strict=True)) if sums else (0, 0)
            self.carried[length] = min(max(along / (across + CARRIED_PRIOR), 0.0), 1.0)

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
        "_arrivals", "_burst", "_by_day", "_clumps", "_days", "_exposure", "_pending", "_shared", "_squares", "_usual",
        "errors", "recent",
    )  # fmt: skip

    def __init__(self, shared: "Pool | None" = None) -> None:
        self._shared = shared or Pool()
        self._clumps = self._squares = self._usual = 0.0
        self._arrivals = 0.0
        self._exposure = 0.0
        self.errors = Errors()
        self._burst = -LONGEST
        self._by_day = [0.0] * 7
        self._days = [0.0] * 7
        self._pending: deque[Day] = deque()
        self.recent: deque[Day] = deque(maxlen=LONGEST + 1)
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
        day.common, day.alone = common, day.expected
        shared = 1 + self._shared.shared.part * (common - 1)
        day.forecast = day.alone * shared
        day.expected = max(day.alone, self.level * LEAST_FACTOR) * shared
        if self._exposure >= LEARNED:
            spread = day.expected + self._variation(1, day.expected) * day.expected**2
            day.plausible = day.expected + PLAUSIBLE_SD * sqrt(spread) + 1
        if self.recent:
            day.carry = self.recent[-1].carry
        day.carry = _carried(day, day.carry)
        self.recent.append(day)
        day.looks = self._looks()
        self._pending.append(day)
        return True

    def _looks(self) -> tuple[Look, ...]:
        """The windows that end with the last day."""
        days, found, seen = list(self.recent), [], 0
        observed, expected, plain = 0, 0.0, 0.0
        for length in WINDOWS:
            for day in days[-length : len(days) - seen]:
                observed += day.count
                expected += day.expected
                plain += day.forecast
            seen = min(length, len(days))
            before = _excess(days[-length - 1]) if len(days) > length else 0.0
            carried = 1 + before * self.errors.carried(length, self._shared.carried[length])
            found.append(Look(observed, carried * expected, carried * plain, plain, before))
        return tuple(found)

    def window(self, length: int) -> tuple[int, float]:
        """What came and what was expected on the last days."""
        look = self._looks()[WINDOWS.index(length)]
        return look.observed, look.expected

    def chance(self, length: int, observed: int, expected: float) -> float:
        """How often a window of this length brings at least so many arrivals."""
        return self._shared.tails[length].corrected(self._plain_chance(length, observed, expected))

    def _plain_chance(self, length: int, observed: int, expected: float) -> float:
        """The same if the model were exact."""
        uncertain = 1.0 / (self._arrivals + LEVEL_PRIOR)
        variation = self._variation(length, expected) + uncertain
        return upper_tail(observed, expected, 1.0 / variation)

    def _variation(self, length: int, expected: float) -> float:
        clumps = self._shared.clumps
        if self.level < 1:  # in denser series it cannot be told from the variation
            clumps = (self._clumps + CLUMPS_PRIOR * clumps) / (self._usual + CLUMPS_PRIOR)
        return max(
            self.errors.variation(length, expected, self._shared.variation[length]),
            LEAST_VARIATION + max(0.0, clumps - 1) / max(expected, 1e-9),
        )

    @property
    def knows(self) -> bool:
        """Whether it has seen enough to tell others how much series vary."""
        return self.errors.seen >= VARIATION_DAYS and self.level >= 1

    @property
    def clumps(self) -> tuple[float, float]:
        """Squared errors of single days, and what they are for Poisson counts."""
        return self._squares, self._usual

    def exclude(self, days: int) -> None:
        """Takes the last days for part of a burst: they are not learned, nor carried over."""
        self._exclude(list(self._pending)[-days:])

    def exclude_recent(self, days: int) -> None:
        """The same for the last days that were judged."""
        self._exclude(list(self.recent)[-days:])

    def _exclude(self, days: Iterable[Day]) -> None:
        for day in days:
            day.excluded = True
            self._burst = day.number
        for before, day in pairwise(self.recent):
            day.carry = _carried(day, before.carry)

    def restart(self) -> None:
        """Takes what came lately for the new level: a burst that does not end is none."""
        if self.recent:
            days = list(self.recent)[-LONGEST:]
            self._arrivals = float(sum(day.count for day in days))
            self._exposure = sum(max(day.factor, LEAST_FACTOR) for day in days)
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
        if isfinite(day.plausible):
            self._learn_clumps(day)
            count = min(count, day.expected if day.excluded else day.plausible)
            if not day.excluded:
                self._learn_errors(day)
        self._arrivals = LEVEL_FADES * self._arrivals + count
        self._exposure = LEVEL_FADES * self._exposure + day.factor
        self._by_day[day.weekday] = WEEKDAY_FADES * self._by_day[day.weekday] + count
        self._days[day.weekday] = WEEKDAY_FADES * self._days[day.weekday] + 1

    def _learn_clumps(self, day: Day) -> None:
        square = (day.count - day.expected) ** 2
        self._squares += square
        self._clumps += day.expected if day.excluded else square
        self._usual += day.expected

    def _learn_errors(self, day: Day) -> None:
        variance = day.alone + self._variation(1, day.alone) * day.alone**2
        error = min(day.count, day.plausible) - day.alone
        self._shared.shared.learn((day.common - 1) * day.alone, error, variance)
        windows = {}
        for length, look in zip(WINDOWS, day.looks, strict=True):
            if day.number - self._burst < length:
                continue  # it reaches into a burst, of which all else is left out
            variation = self._variation(length, look.expected)
            windows[length] = look, variation
            if look.expected >= TAIL_LEAST:
                near = look.expected + TAIL_SD * sqrt(look.expected + variation * look.expected**2)
                far = look.observed > near  # few are
                told = self._plain_chance(length, look.observed, look.expected) if far else 1.0
                self._shared.tails[length].learn(told)
        self.errors.learn(windows)


def _carried(day: Day, before: tuple[float, float]) -> tuple[float, float]:
    """Goes on with what the days before exceeded; a day of a burst adds nothing."""
    excess, forecast = NEARER * before[0], NEARER * before[1]
    if day.excluded:
        return excess, forecast
    return excess + min(day.count, day.plausible) - day.forecast, forecast + day.forecast


def _excess(day: Day) -> float:
    """By what part of it the days up to this one exceeded what was expected of them."""
    excess, forecast = day.carry
    return min(max(excess / (forecast + BEFORE_PRIOR), LEAST_BEFORE), MOST_BEFORE)
