"""Policies held against each other, day by day over the same callers."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import stdtrit

from careline_router.simulation.days import Player, Task
from careline_router.simulation.figures import DayFigures, Share
from careline_router.simulation.policies import REFERENCE
from careline_router.simulation.runner import IDEAL, Conduct
from careline_router.simulation.scenario import Scenario

CONFIDENCE = 0.95
DECIMALS = 6
FIGURES = ("sl20", "lcr", "asa", "p95", "p99", "occupancy", "blocked", "callbacks")

Days = dict[str, list[DayFigures]]
"""By policy, one a seed in the order of the seeds."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is to be compared. The reference is always among the policies."""

    scenario: Scenario
    agents: int
    seeds: tuple[int, ...]
    policies: tuple[str, ...]
    conduct: Conduct = IDEAL

    @property
    def with_reference(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.policies, REFERENCE)))


def play_comparison(
    comparison: Comparison, player: Player, done: Callable[[], None] = lambda: None
) -> Days:
    """Plays every seed under every policy; `done` is called after each seed."""
    names = comparison.with_reference
    days: Days = {name: [] for name in names}
    tasks = [
        Task(comparison.scenario, seed, comparison.agents, names, comparison.conduct)
        for seed in comparison.seeds
    ]
    for played in player(tasks):
        for name, figures in zip(names, played, strict=True):
            days[name].append(figures)
        done()
    return days


def report(comparison: Comparison, days: Days) -> dict[str, Any]:
    """The result as JSON: percent and seconds, means with 95 % Student intervals over the seeds."""
    return {
        "scenario": comparison.scenario.name,
        "agents": comparison.agents,
        "seeds": list(comparison.seeds),
        "policies": {name: _policy(days[name], days[REFERENCE]) for name in days},
    }


def _policy(days: Sequence[DayFigures], reference: Sequence[DayFigures]) -> dict[str, Any]:
    return {
        **{name: interval([getattr(day, name) for day in days]) for name in FIGURES},
        "by_class": _shares([day.by_class for day in days]),
        "by_queue": _shares([day.by_queue for day in days]),
        "delta_sl20": interval([a.sl20 - b.sl20 for a, b in zip(days, reference, strict=True)]),
        "delta_lcr": interval([a.lcr - b.lcr for a, b in zip(days, reference, strict=True)]),
        "ratio_p99": _ratio(_mean([d.p99 for d in days]), _mean([d.p99 for d in reference])),
    }


def _shares(days: Sequence[dict[str, Share]]) -> dict[str, Any]:
    """By name: the service level of the days that had such calls, and how many calls there were."""
    return {
        name: {
            "sl20": interval([day[name].pct for day in days]),
            "n": sum(day[name].calls for day in days),
        }
        for name in days[0]
    }


def interval(values: Sequence[float]) -> dict[str, float | None]:
    """Mean and 95 % Student interval; values that are none are left out, and what cannot be said
    of so few is None."""
    known = np.array([value for value in values if not math.isnan(value)])
    if known.size == 0:
        return {"mean": None, "low": None, "high": None}
    mean = float(known.mean())
    if known.size == 1:
        return {"mean": _rounded(mean), "low": None, "high": None}
    quantile = float(stdtrit(known.size - 1, (1 + CONFIDENCE) / 2))
    half = quantile * float(known.std(ddof=1)) / math.sqrt(known.size)
    return {"mean": _rounded(mean), "low": _rounded(mean - half), "high": _rounded(mean + half)}


def _mean(values: Sequence[float]) -> float | None:
    return interval(values)["mean"]


def _ratio(value: float | None, reference: float | None) -> float | None:
    """None when there is nothing to divide by."""
    return _rounded(value / reference) if value is not None and reference else None


def _rounded(value: float) -> float:
    return round(value, DECIMALS) + 0.0  # no -0.0
