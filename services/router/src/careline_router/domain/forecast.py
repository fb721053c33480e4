"""How many calls each half hour of the coming days will bring, and how sure that is.

A half hour's mean is what its weekday and time of day have brought in the last weeks, the recent ones
counting more, at the level of the last days, and with the drift of the weeks, shrunk by its own
uncertainty and damped (Gardner and McKenzie, *Management Science* 31, 1985). Half hours of which little is
known lean on the shape of all days, and the level on the profile, as a gamma prior of a Poisson mean
does (discounted as by Harvey and Fernandes, *Journal of Business & Economic Statistics* 7, 1989). The
interval is a negative binomial one: calls at random, around a mean that varies from day to day by as
much as past half hours have differed from theirs, and that is itself not known exactly.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, log, sqrt

from careline_router.domain.counts import interval

HALF_HOURS = 48
LEAST_DAYS = 14
LEAST_CALLS = 50
"""Without so many days and calls nothing is said."""
LEAST_WEEKS_FOR_DRIFT = 4
WEEK_FADES = 0.9
"""What a week counts less than the one after it, in the profile and in the drift."""
DAY_FADES = 0.85
"""What a day counts less than the one after it, in the level."""
PRIOR_CALLS = 2.0
LEVEL_PRIOR = 1.0
"""For how much the shape of all days counts in one half hour, in calls, and the profile in the level, in days."""
DAMPED = 0.9
"""What of the drift goes on, from week to week."""
LEAST_VARIATION = 0.002
INTERVAL_PCT = 90.0


@dataclass(frozen=True, slots=True, order=True)
class Slot:
    """A half hour where the calls come from: the day as a running number, Mondays being multiples of 7,
    and its place in the day from 0."""

    day: int
    place: int

    @property
    def of_week(self) -> tuple[int, int]:
        return self.day % 7, self.place


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """Calls of a half hour; the count lies from `low` to `high` nine times of ten, or more."""

    mean: float
    low: int
    high: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Drift:
    """Growth of the logarithm a week, and its standard error."""

    a_week: float = 0.0
    error: float = 0.0

    def factor(self, weeks: float) -> float:
        return exp(self.a_week * weeks)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cell:
    """A half hour of the week: mean calls at the present level, squared relative error of it."""

    mean: float
    error: float


def forecast(past: Mapping[Slot, int], today: int, ahead: Sequence[Slot]) -> list[Expected] | None:
    """For each half hour to come; None when the past is too short or too empty.

    `past` has every half hour of whole days, those without a call too, and nothing from `today` on.
    """
    days = {slot.day for slot in past}
    if len(days) < LEAST_DAYS or sum(past.values()) < LEAST_CALLS:
        return None
    drift = _drift(past, today)
    cells = _profile(past, today, drift)
    level, level_error = _level(past, today, cells, drift)
    varies = _variation(past, today, cells, drift)
    told = []
    for slot in ahead:
        cell, reach = cells[slot.of_week], _reach((slot.day - today) / 7)
        unsure = cell.error + level_error + (drift.error * reach) ** 2
        mean = cell.mean * level * drift.factor(reach)
        low, high = interval(mean, varies + unsure, INTERVAL_PCT)
        told.append(Expected(mean=mean, low=low, high=high))
    return told


def _reach(weeks: float) -> float:
    """For how many weeks a damped drift goes on in so many weeks."""
    whole = int(weeks)
    return sum(DAMPED**week for week in range(whole)) + (weeks - whole) * DAMPED**whole


def _drift(past: Mapping[Slot, int], today: int) -> _Drift:
    """By weighted least squares over the logarithms of whole weeks, counted back from today."""
    totals: dict[int, int] = defaultdict(int)
    for slot, calls in past.items():
        totals[(today - 1 - slot.day) // 7] += calls
    days = {slot.day for slot in past}
    whole = [age for age in totals if all(today - 1 - 7 * age - each in days for each in range(7))]
    if len(whole) < LEAST_WEEKS_FOR_DRIFT:
        return _Drift()
    xs = [-float(age) for age in whole]
    ys = [log(totals[age] + 0.5) for age in whole]
    weights = [WEEK_FADES**age for age in whole]
    slope, error = _line(xs, ys, weights)
    if slope == 0:
        return _Drift(error=error)
    kept = max(0.0, 1 - (error / slope) ** 2)  # James and Stein's: what is not sure is not told
    return _Drift(a_week=slope * kept, error=error)


def _line(
    xs: Sequence[float], ys: Sequence[float], weights: Sequence[float]
) -> tuple[float, float]:
    """The slope and its standard error, the points' own spread taken for their error."""
    whole = sum(weights)
    x_mean = sum(w * x for w, x in zip(weights, xs, strict=True)) / whole
    y_mean = sum(w * y for w, y in zip(weights, ys, strict=True)) / whole
    across = sum(w * (x - x_mean) ** 2 for w, x in zip(weights, xs, strict=True))
    slope = (
        sum(w * (x - x_mean) * (y - y_mean) for w, x, y in zip(weights, xs, ys, strict=True))
        / across
    )
    missed = [y - y_mean - slope * (x - x_mean) for x, y in zip(xs, ys, strict=True)]
    spread = sum(w * each**2 for w, each in zip(weights, missed, strict=True)) / whole
    spread *= len(xs) / (len(xs) - 2)
    squares = sum((w * (x - x_mean)) ** 2 for w, x in zip(weights, xs, strict=True))
    return slope, sqrt(spread * squares) / across


def _weight(slot: Slot, today: int) -> float:
    return float(WEEK_FADES ** ((today - 1 - slot.day) // 7))


def _profile(past: Mapping[Slot, int], today: int, drift: _Drift) -> dict[tuple[int, int], _Cell]:
    """Every half hour of the week, at the level of today."""
    calls: dict[tuple[int, int], float] = defaultdict(float)
    weights: dict[tuple[int, int], float] = defaultdict(float)
    for slot, count in past.items():
        weight = _weight(slot, today)
        calls[slot.of_week] += weight * count * drift.factor((today - slot.day) / 7)
        weights[slot.of_week] += weight
    a_day = [
        sum(calls[weekday, place] for place in range(HALF_HOURS))
        / weights[weekday, HALF_HOURS // 2]
        for weekday in range(7)
    ]
    shape = _shape(calls)
    cells = {}
    for weekday in range(7):
        for place in range(HALF_HOURS):
            prior = a_day[weekday] * shape[place]
            seen, weight = calls[weekday, place], weights[weekday, place]
            mean = (seen + PRIOR_CALLS) / (weight + PRIOR_CALLS / prior) if prior else 0.0
            cells[weekday, place] = _Cell(mean=mean, error=1 / (seen + PRIOR_CALLS))
    return cells


def _shape(calls: Mapping[tuple[int, int], float]) -> list[float]:
    """Each half hour's share of the calls of all days."""
    whole = sum(calls.values())
    return [
        sum(calls[weekday, place] for weekday in range(7)) / whole for place in range(HALF_HOURS)
    ]


def _level(
    past: Mapping[Slot, int],
    today: int,
    cells: Mapping[tuple[int, int], _Cell],
    drift: _Drift,
) -> tuple[float, float]:
    """How the last days lie to the profile, and the squared relative error of that."""
    came: dict[int, int] = defaultdict(int)
    told: dict[int, float] = defaultdict(float)
    for slot, count in past.items():
        came[slot.day] += count
        told[slot.day] += cells[slot.of_week].mean / drift.factor((today - slot.day) / 7)
    prior = LEVEL_PRIOR * sum(told.values()) / len(told)
    weights = {day: DAY_FADES ** (today - 1 - day) for day in came}
    seen = sum(weights[day] * count for day, count in came.items()) + prior
    expected = sum(weights[day] * mean for day, mean in told.items()) + prior
    missed = sum((weights[day] * (came[day] - told[day])) ** 2 for day in came)
    return seen / expected, missed / expected**2


def _variation(
    past: Mapping[Slot, int],
    today: int,
    cells: Mapping[tuple[int, int], _Cell],
    drift: _Drift,
) -> float:
    """Squared variation of half hours about their mean, beyond what chance alone makes."""
    weights: dict[tuple[int, int], float] = defaultdict(float)
    for slot in past:
        weights[slot.of_week] += _weight(slot, today)
    excess = squares = 0.0
    for slot, count in past.items():
        mean = cells[slot.of_week].mean / drift.factor((today - slot.day) / 7)
        pulled = _weight(slot, today) / weights[slot.of_week]  # the mean has this count in it
        excess += (count - mean) ** 2 / (1 - min(pulled, 0.9)) - mean
        squares += mean**2
    return max(excess / squares, LEAST_VARIATION)
