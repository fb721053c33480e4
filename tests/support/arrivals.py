"""Simulated arrivals of a journal: weekdays, season, growth, holidays, days that are worse than others."""

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from careline_tickets.domain.surges.series import Key

START = date(2024, 1, 1)
WEEKDAYS = (1.5, 1.4, 1.25, 1.25, 1.1, 0.3, 0.2)
HOLIDAYS = frozenset(
    START + timedelta(days=each) for each in (0, 1, 2, 3, 4, 53, 67, 120, 128, 163, 308)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """How a simulated journal behaves; `mean` is of an average cell, a day."""

    organisations: int = 20
    subjects: int = 6
    days: int = 365
    mean: float = 0.6
    variation: float = 0.05
    """Squared coefficient of variation of a cell's rate from day to day."""
    common: float = 0.08
    """Standard deviation of the logarithm of what all cells have in common on a day."""
    season: float = 0.2
    growth_a_year: float = 0.2
    closed_weekends: bool = False
    drift: float = 0.0
    """Standard deviation of a cell's own wandering (of the rate's logarithm, autoregressive)."""
    persistence: float = 0.8
    """How much of it is left on the next day."""
    piles_a_year: float = 0.0
    """Days on which one cell gets 15 to 60 appeals more, as where letters are entered by the pile."""


Days = dict[date, dict[Key, int]]


@dataclass(slots=True)
class Truth:
    """What days were made of: what no journal knows."""

    factors: list[float] = field(default_factory=list)
    """What every cell's rate was multiplied by on a day."""
    wandering: list[dict[Key, float]] = field(default_factory=list)
    """Where the logarithm of each cell's own factor stood."""


def rates(world: World, rng: random.Random) -> dict[Key, float]:
    """The mean arrivals a day of every cell; some are a hundred times busier than others."""
    found = {}
    for organisation in range(world.organisations):
        size = math.exp(rng.gauss(0, 0.9))
        for subject in range(world.subjects):
            key = Key(f"h{organisation}", f"s{subject}", f"t{organisation % 5}")
            found[key] = world.mean * size * math.exp(rng.gauss(0, 0.8))
    return found


def arrivals(
    world: World, cells: Mapping[Key, float], rng: random.Random, truth: Truth | None = None
) -> Days:
    """Appeals by day and cell; what they were made of is left in `truth`."""
    found: Days = {}
    wandering = dict.fromkeys(cells, 0.0)
    for number in range(world.days):
        day = START + timedelta(days=number)
        factor = _factor(world, day, number) * math.exp(rng.gauss(0, world.common))
        if world.drift:
            _wander(wandering, world, rng)
        if truth is not None:
            truth.factors.append(factor)
            truth.wandering.append(dict(wandering))
        counts = {
            key: poisson(
                rng,
                rate
                * math.exp(wandering[key])
                * factor
                * rng.gammavariate(1 / world.variation, world.variation),
            )
            for key, rate in cells.items()
        }
        if world.piles_a_year and rng.random() < world.piles_a_year / 365:
            counts[rng.choice(list(cells))] += rng.randint(15, 60)
        found[day] = {key: count for key, count in counts.items() if count}
    return found


def _wander(wandering: dict[Key, float], world: World, rng: random.Random) -> None:
    """One day on, so that neighbouring days hang together and the deviation stays."""
    step = world.drift * math.sqrt(1 - world.persistence**2)
    for key, at in wandering.items():
        wandering[key] = world.persistence * at + rng.gauss(0, step)


def _factor(world: World, day: date, number: int) -> float:
    weekday = WEEKDAYS[day.weekday()]
    if world.closed_weekends and day.weekday() > 4:
        weekday = 0.0
    if day in HOLIDAYS:
        weekday *= 0.15
    elif day - timedelta(days=1) in HOLIDAYS:
        weekday *= 1.35
    year = number / 365
    return (
        weekday
        * (1 + world.season * math.sin(2 * math.pi * year))
        * (1 + world.growth_a_year * year)
    )


def with_burst(days: Days, key: Key, first: date, length: int, size: int) -> Days:
    """The same days with `size` times the arrivals of a series on some days."""
    out = dict(days)
    for day in (first + timedelta(days=each) for each in range(length)):
        out[day] = {
            cell: count * size if key.meets(cell) == cell else count
            for cell, count in days.get(day, {}).items()
        }
    return out


def poisson(rng: random.Random, mean: float) -> int:
    """A Poisson count; of a mean above 50 by its normal approximation."""
    if mean > 50:
        return max(0, round(rng.gauss(mean, math.sqrt(mean))))
    limit, count, product = math.exp(-mean), 0, rng.random()
    while product > limit:
        count += 1
        product *= rng.random()
    return count
