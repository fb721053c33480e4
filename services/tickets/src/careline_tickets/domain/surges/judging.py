"""When a window of a series is an alarm, and what a single day's jump is worth."""

from collections.abc import Iterable, Sequence

from careline_tickets.domain.surges.alarms import Alarm
from careline_tickets.domain.surges.baseline import Baseline, Day
from careline_tickets.domain.surges.errors import WINDOWS
from careline_tickets.domain.surges.series import Key

RATIO = {1: 4.0, 2: 1.5, 3: 1.5, 7: 1.5}
"""How many times the expected is worth an alert, by window: a single day can be an accident."""
LEAST = {1: 20, 2: 8, 3: 8, 7: 10}
"""Fewer appeals in a window are no surge, whatever was expected: one person can write several."""
MORE_THAN_OTHERS = 2.0
"""Times the excess of a window's other days that its greatest day counts for: one day may be a pile of letters."""
CALM = 2.0
"""Times the expected that the days beside a jump may bring for it to have been one day's alone."""
REMEMBERED = 365
"""Days for which a journal remembers that single days jump in it."""


def judged(key: Key, baseline: Baseline, length: int, limit: float) -> Alarm | None:
    """The alarm of one window; None when it is within `limit`."""
    if len(baseline.recent) < length:
        return None
    look = baseline.recent[-1].looks[WINDOWS.index(length)]
    observed, expected = look.observed, look.expected
    if observed < LEAST[length] or observed < RATIO[length] * expected:
        return None
    counted = observed if length == 1 else _tempered(list(baseline.recent)[-length:])
    if counted < RATIO[length] * expected:
        return None
    chance = baseline.chance(length, counted, expected)
    return Alarm(key, length, observed, expected, chance, limit) if chance <= limit else None


def _tempered(days: Sequence[Day]) -> int:
    """What came on the days, the greatest of them cut down to what the others bear out."""
    greatest = max(days, key=_excess)
    others = sum(day.count for day in days) - greatest.count
    usual = sum(day.expected for day in days) - greatest.expected
    most = MORE_THAN_OTHERS * greatest.expected * others / max(usual, 1e-9)
    return others + min(greatest.count, round(most))


def _excess(day: Day) -> float:
    return day.count - day.expected


class Jumps:
    """Whether single days jump in a journal and are over the next day, as where paper is entered by the pile.

    There a jump says nothing by itself, and its second day is waited for; elsewhere the first is enough.
    """

    def __init__(self) -> None:
        self._last: int | None = None

    def learn(self, number: int, series: Iterable[Baseline]) -> None:
        """Remembers when yesterday jumped in any series, and neither the day before nor today did; the series
        does not learn from it."""
        for baseline in series:
            if _jumped(baseline):
                self._last = number
                baseline.exclude_recent(2)

    def usual(self, number: int) -> bool:
        return self._last is not None and number - self._last <= REMEMBERED


def _jumped(baseline: Baseline) -> bool:
    if len(baseline.recent) < 3:
        return False
    before, day, after = list(baseline.recent)[-3:]
    if day.count < LEAST[1] or day.count < RATIO[1] * day.expected:
        return False
    return all(beside.count < max(CALM * beside.expected, 3) for beside in (before, after))
