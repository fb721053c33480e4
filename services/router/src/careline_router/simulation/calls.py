"""A day's calls. They depend on the scenario and the seed alone, so that every policy and every
number of agents meets the same callers (common random numbers).

Each class of calls draws from streams of its own: a surge in one queue leaves the others' calls.
"""

import math
from collections.abc import Callable, Iterator
from itertools import pairwise
from random import Random

from careline_router.simulation.scenario import DAY_S, SLOT_S, SLOTS_A_DAY, CallClass, Scenario

ACCEPTS_CALLBACK = 0.37
"""Callers who take a callback that is offered (Hathaway, Emadi, Deshpande: a bank's callers)."""
REACHED_BY_CALLBACK = 0.93
"""Those among them who answer when they are called back (the same study)."""

Call = tuple[float, int, float, float, bool, bool]
"""Arrival (s from the start), index of the class, handle time of an agent of factor 1 (s), patience
(s, infinite for who never gives up), whether he would accept a callback, and answer it."""


def day_calls(scenario: Scenario, seed: int) -> list[Call]:
    """All calls of a seed's day, in the order of arrival."""
    days = math.ceil(scenario.horizon_s / DAY_S)
    chance = _stream(scenario, seed, "day")
    day_factors = [max(0.5, 1 + scenario.day_cv * chance.gauss(0, 1)) for _ in range(days)]
    calls = [
        (at, index, *marks)
        for index, one in enumerate(scenario.classes)
        for at, marks in zip(
            _arrivals(scenario, one, day_factors, _stream(scenario, seed, f"{one.name} arrivals")),
            _marks(scenario, one, _stream(scenario, seed, f"{one.name} marks")),
            strict=False,  # marks never end
        )
    ]
    calls.sort()
    return calls


def _stream(scenario: Scenario, seed: int, purpose: str) -> Random:
    """Seeded by a text, which Python hashes in the same way everywhere; a name is no content."""
    return Random(f"{scenario.salt} {seed} {purpose}")  # noqa: S311 - no secret


def _arrivals(
    scenario: Scenario, one: CallClass, day_factors: list[float], chance: Random
) -> Iterator[float]:
    """The class's moments of arrival, ascending. Exponential gaps at a constant rate are a Poisson
    number of moments, uniform in the stretch."""
    for start, end, rate in _rates(scenario, one, day_factors, chance):
        if rate <= 0:
            continue
        at = start + chance.expovariate(rate)
        while at < end:
            yield at
            at += chance.expovariate(rate)


def _rates(
    scenario: Scenario, one: CallClass, day_factors: list[float], chance: Random
) -> Iterator[tuple[float, float, float]]:
    """Stretches of constant rate: start and end in s, calls a second."""
    expected = scenario.calls * scenario.load * one.share / sum(scenario.profile)
    for slot in range(math.ceil(scenario.horizon_s / SLOT_S)):
        day, slot_of_day = divmod(slot, SLOTS_A_DAY)
        slot_factor = max(0.3, 1 + scenario.slot_cv * chance.gauss(0, 1))
        rate = expected * scenario.profile[slot_of_day] * day_factors[day] * slot_factor / SLOT_S
        start, end = slot * SLOT_S, min((slot + 1) * SLOT_S, scenario.horizon_s)
        yield from _surged(scenario, one.queue.name, start, end, rate)


def _surged(
    scenario: Scenario, queue: str, start: float, end: float, rate: float
) -> Iterator[tuple[float, float, float]]:
    """A half hour, cut where a surge of the queue begins or ends."""
    midnight = start - start % DAY_S
    surges = [
        (midnight + surge.from_h * 3600, midnight + surge.to_h * 3600, surge.factor)
        for surge in scenario.surges
        if surge.queue == queue
    ]
    bounds = {bound for surge in surges for bound in surge[:2] if start < bound < end}
    cuts = [start, *sorted(bounds), end]
    for left, right in pairwise(cuts):
        factor = math.prod(f for since, until, f in surges if since <= left < until)
        yield left, right, rate * factor


def _marks(
    scenario: Scenario, one: CallClass, chance: Random
) -> Iterator[tuple[float, float, bool, bool]]:
    """What else there is to say of each call of the class, without end."""
    handle, patience = _handle_time(scenario, one, chance), _patience(scenario, one, chance)
    uniform = chance.random
    while True:
        yield (
            handle(),
            patience(),
            uniform() < ACCEPTS_CALLBACK,
            uniform() < REACHED_BY_CALLBACK,
        )


def _handle_time(scenario: Scenario, one: CallClass, chance: Random) -> Callable[[], float]:
    if scenario.service == "exp":
        return _exponential(one.queue.aht, chance)
    return _lognormal(one.queue.aht, one.queue.cv, chance)


def _patience(scenario: Scenario, one: CallClass, chance: Random) -> Callable[[], float]:
    mean = one.payer.patience
    if not mean:
        return lambda: math.inf
    if scenario.patience_dist == "ln":
        return _lognormal(mean, scenario.patience_cv, chance)
    return _exponential(mean, chance)


def _exponential(mean: float, chance: Random) -> Callable[[], float]:
    rate = 1 / mean
    return lambda: chance.expovariate(rate)


def _lognormal(mean: float, cv: float, chance: Random) -> Callable[[], float]:
    """Lognormal with this mean and this standard deviation / mean."""
    variance = math.log1p(cv * cv)
    middle, sigma = math.log(mean) - variance / 2, math.sqrt(variance)
    return lambda: math.exp(chance.gauss(middle, sigma))
