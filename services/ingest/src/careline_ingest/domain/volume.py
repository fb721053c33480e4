"""How much a feed brings against what it should: by weekday, as it was said or as it has been.

What a feed brings on a day are its rows that were news: a file that comes twice, or a list that is
given whole each time, adds nothing. Without a number said by its owner the usual is the median of the
same weekday in the eight weeks before, once there are three of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from statistics import median
from typing import Literal

Problem = Literal["missing", "short", "doubled", "drifting"]
PROBLEMS: tuple[Problem, ...] = ("missing", "short", "doubled", "drifting")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LEARNED_WEEKS = 8
FEWEST_SAMPLES = 3
DRIFT_DAYS = 14
DRIFT_PCT = 30.0
FEW_ROWS = 5.0
"""Less than so many rows more or fewer is chance, whatever it is in percent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What the owner of a source has said."""

    rows: float | None = None
    weekdays: Mapping[str, float] = field(default_factory=dict)
    """`mon` … `sun`, over `rows`; 0 for days on which nothing comes."""
    low_pct: float = 50.0
    high_pct: float = 180.0
    by: time | None = None
    """When the feed of a day has come at the latest; None: with the end of the day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What came on a day of the source's zone."""

    date: date
    files: int = 0
    rows: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A day against what was expected of it."""

    day: Day
    expected: float | None
    problems: frozenset[Problem] = frozenset()


def expected_on(said: Expectation, days: Mapping[date, Day], day: date) -> float | None:
    """The rows that a day should bring; None: nobody knows."""
    weekday = WEEKDAYS[day.weekday()]
    if weekday in said.weekdays:
        return said.weekdays[weekday]
    if said.rows is not None:
        return said.rows
    if not days:
        return None
    first = min(days)
    before = [day - timedelta(weeks=week) for week in range(1, LEARNED_WEEKS + 1)]
    samples = [_rows(days, one) for one in before if one >= first]
    return float(median(samples)) if len(samples) >= FEWEST_SAMPLES else None


def judge(said: Expectation, days: Mapping[date, Day], day: date, *, over: bool) -> Verdict:
    """A day, which is `over` or in which the feed was due; a day that still goes on can only have
    brought too much."""
    found = days.get(day, Day(date=day))
    expected = expected_on(said, days, day)
    problems: set[Problem] = set()
    if expected is not None:
        low, high = expected * said.low_pct / 100, expected * said.high_pct / 100
        if over and expected > 0 and found.files == 0:
            problems.add("missing")
        elif over and found.rows < low and expected - found.rows >= FEW_ROWS:
            problems.add("short")
        if found.rows > high and found.rows - expected >= FEW_ROWS:
            problems.add("doubled")
    return Verdict(day=found, expected=expected, problems=frozenset(problems))


def drifts(said: Expectation, days: Mapping[date, Day], today: date) -> bool:
    """Whether the last two weeks together are off what they should bring, though no day of them need
    be. What is learned is learned from before them."""
    window = [today - timedelta(days=back) for back in range(1, DRIFT_DAYS + 1)]
    known = {day: one for day, one in days.items() if day < window[-1]} or {}
    expected = [expected_on(said, known, day) for day in window]
    if any(one is None for one in expected):
        return False
    should = sum(one for one in expected if one is not None)
    brought = sum(_rows(days, day) for day in window)
    return abs(brought - should) > max(should * DRIFT_PCT / 100, FEW_ROWS)


def problems_of(
    said: Expectation, days: Mapping[date, Day], today: date, now: time
) -> frozenset[Problem]:
    """What is wrong with a feed now: today once its time has come, else the day before."""
    found = set(judge(said, days, today, over=False).problems)
    due = said.by is not None and now >= said.by
    found |= judge(said, days, today if due else today - timedelta(days=1), over=True).problems
    if drifts(said, days, today):
        found.add("drifting")
    return frozenset(found)


def by_date(days: Sequence[Day]) -> dict[date, Day]:
    return {day.date: day for day in days}


def _rows(days: Mapping[date, Day], day: date) -> int:
    return days[day].rows if day in days else 0
