"""How few agents would do: the service level reached, and no more callers lost than allowed.

For each policy the figures are taken on a grid of numbers of agents, over the same callers, and read
between its points. Few agents more or less change a roster by rounding, so a single step says
little; the grid's does not.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from careline_router.simulation.comparison import interval
from careline_router.simulation.days import Player, Task
from careline_router.simulation.figures import DayFigures, Floats
from careline_router.simulation.policies import REFERENCE
from careline_router.simulation.runner import IDEAL, Conduct
from careline_router.simulation.scenario import Scenario

SL20_PCT = 80.0
LCR_PCT = 5.0
STEP = 3
"""Between the grid's points, in agents."""
MARGIN = 2
"""Points beyond the one looked for, so that a resample of the days finds it too."""
RESAMPLES = 2000


class NoStaffError(Exception):
    """No number of agents, up to some times the scenario's, does what is asked for."""


@dataclass(frozen=True, slots=True)
class Target:
    """Service level at least, lost calls at most, both in percent."""

    sl20: float = SL20_PCT
    lcr: float = LCR_PCT


@dataclass(slots=True)
class Curve:
    """One policy's days by number of agents, played when asked for."""

    scenario: Scenario
    seeds: tuple[int, ...]
    policy: str
    conduct: Conduct
    player: Player
    done: Callable[[], None]
    days: dict[int, list[DayFigures]] = field(default_factory=dict)

    def at(self, agents: int) -> list[DayFigures]:
        """The days with so many agents, in the order of the seeds."""
        if agents not in self.days:
            tasks = [
                Task(self.scenario, seed, agents, (self.policy,), self.conduct)
                for seed in self.seeds
            ]
            played = []
            for figures in self.player(tasks):
                played += figures
                self.done()
            self.days[agents] = played
        return self.days[agents]

    def margin(self, agents: int, target: Target) -> float:
        """By how many points the target is met; negative where it is not."""
        days = self.at(agents)
        sl20, lcr = np.mean([day.sl20 for day in days]), np.mean([day.lcr for day in days])
        return float(min(sl20 - target.sl20, target.lcr - lcr))

    def cover(self, target: Target) -> None:
        """Plays the grid's points about the least number of agents that meets the target.

        Raises `NoStaffError`.
        """
        most = 4 * self.scenario.agents_on_phone + STEP
        agents = self._on_grid(self.scenario.agents_on_phone)
        while self.margin(agents, target) < 0:
            agents += STEP
            if agents > most:
                raise NoStaffError(
                    f"{self.policy} does not reach {target.sl20:g} % in 20 s and at most"
                    f" {target.lcr:g} % lost with {most} agents"
                )
        while agents > STEP and self.margin(agents - STEP, target) >= 0:
            agents -= STEP
        for step in range(-MARGIN - 1, MARGIN + 1):
            if agents + step * STEP >= STEP:
                self.at(agents + step * STEP)

    def fewest(self, target: Target) -> int:
        """The number of agents that meets the target while one fewer does not."""
        agents = max(1, round(self.needed(target)))
        while self.margin(agents, target) < 0:
            agents += 1
        while agents > 1 and self.margin(agents - 1, target) >= 0:
            agents -= 1
        return agents

    def needed(self, target: Target, sample: Sequence[int] | None = None) -> float:
        """The number of agents read off the grid, over all days or over those of a sample."""
        grid = sorted(agents for agents in self.days if agents % STEP == 0)
        chosen = np.arange(len(self.seeds)) if sample is None else np.asarray(sample)
        sl20 = np.array([[day.sl20 for day in self.days[n]] for n in grid])[:, chosen].mean(1)
        lcr = np.array([[day.lcr for day in self.days[n]] for n in grid])[:, chosen].mean(1)
        points = np.array(grid, dtype=np.float64)
        return max(crossing(points, sl20 - target.sl20), crossing(points, target.lcr - lcr))

    def lcr(self, agents: float) -> float:
        """Mean lost calls at a number of agents between the grid's points."""
        grid = sorted(n for n in self.days if n % STEP == 0)
        means = [float(np.mean([day.lcr for day in self.days[n]])) for n in grid]
        return float(np.interp(agents, grid, means))

    @staticmethod
    def _on_grid(agents: int) -> int:
        return max(STEP, agents // STEP * STEP)


def crossing(points: Floats, margins: Floats) -> float:
    """From where on the margins stay at 0 or above, between the points by a straight line; an end
    of the points when it is not between them."""
    below = np.flatnonzero(margins < 0)
    if below.size == 0:
        return float(points[0])
    last = int(below[-1])
    if last == len(points) - 1:
        return float(points[last])
    part = -margins[last] / (margins[last + 1] - margins[last])
    return float(points[last] + part * (points[last + 1] - points[last]))


@dataclass(frozen=True, slots=True)
class Staffing:
    """What is asked. The reference is always among the policies."""

    scenario: Scenario
    seeds: tuple[int, ...]
    policies: tuple[str, ...]
    conduct: Conduct = IDEAL


def find_staff(
    staffing: Staffing, player: Player, done: Callable[[], None] = lambda: None
) -> dict[str, Any]:
    """The result as JSON; `done` is called after each day. Raises `NoStaffError`."""
    target = Target()
    names = tuple(dict.fromkeys((REFERENCE, *staffing.policies)))
    curves = {
        name: Curve(staffing.scenario, staffing.seeds, name, staffing.conduct, player, done)
        for name in names
    }
    reference = curves[REFERENCE]
    reference.cover(target)
    as_lost = Target(target.sl20, reference.lcr(reference.needed(target)))
    for curve in curves.values():
        curve.cover(target)
        curve.cover(as_lost)
    return {
        "scenario": staffing.scenario.name,
        "seeds": list(staffing.seeds),
        "sl20_pct": target.sl20,
        "lcr_pct": target.lcr,
        "policies": {
            name: _policy(curve, reference, target, as_lost) for name, curve in curves.items()
        },
    }


def _policy(curve: Curve, reference: Curve, target: Target, as_lost: Target) -> dict[str, Any]:
    agents = curve.fewest(target)
    days = curve.at(agents)
    return {
        "agents": agents,
        "sl20": interval([day.sl20 for day in days]),
        "lcr": interval([day.lcr for day in days]),
        **_saved(curve, target, reference, target),
        "at_equal_lcr": {
            "lcr_pct": round(as_lost.lcr, 6),
            **_saved(curve, as_lost, reference, target),
        },
    }


def _saved(curve: Curve, target: Target, reference: Curve, its_target: Target) -> dict[str, Any]:
    """Agents needed and saved against the reference, with the interval of 2000 resamples of the days
    (bootstrap; the same days for both)."""
    chance, days = np.random.default_rng(0), len(curve.seeds)
    saved = [
        reference.needed(its_target, sample) - curve.needed(target, sample)
        for sample in chance.integers(days, size=(RESAMPLES, days))
    ]
    needed, by_reference = curve.needed(target), reference.needed(its_target)
    low, high = np.percentile(saved, [2.5, 97.5])
    return {
        "needed": round(needed, 2),
        "saved": {
            "mean": round(by_reference - needed, 2),
            "low": round(float(low), 2) if days > 1 else None,
            "high": round(float(high), 2) if days > 1 else None,
        },
        "saved_pct": round(100 * (by_reference - needed) / by_reference, 2),
    }
