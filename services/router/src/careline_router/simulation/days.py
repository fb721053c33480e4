"""Many days under many policies, over as many processes as there are; the result does not depend on
how many that is."""

import gc
import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from careline_router.simulation.calls import day_calls
from careline_router.simulation.figures import DayFigures, day_figures
from careline_router.simulation.policies import CONTENDERS
from careline_router.simulation.roster import make_roster, pooled
from careline_router.simulation.runner import IDEAL, Conduct, play_day
from careline_router.simulation.scenario import Scenario


@dataclass(frozen=True, slots=True)
class Task:
    """One seed's day under some policies, with so many agents."""

    scenario: Scenario
    seed: int
    agents: int
    policies: tuple[str, ...]
    conduct: Conduct = IDEAL


def play(task: Task) -> list[DayFigures]:
    """The figures of each policy, in the order of the task. All meet the same callers and agents."""
    scenario = task.scenario
    calls = day_calls(scenario, task.seed)
    roster = make_roster(scenario, task.agents)
    all_rounders = pooled(roster, [queue.name for queue in scenario.queues])
    played = []
    for name in task.policies:
        contender = CONTENDERS[name]
        agents = all_rounders if contender.pooled else roster
        with _no_collection():
            record = play_day(
                scenario, calls, agents, contender, conduct=task.conduct, seed=task.seed
            )
        played.append(day_figures(scenario, calls, agents, record))
    return played


@contextmanager
def _no_collection() -> Iterator[None]:
    """A day makes millions of small things, and hardly a cycle: looking for some takes a sixth of it."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


Player = Callable[[Sequence[Task]], Iterator[list[DayFigures]]]
"""Plays tasks and gives their figures in the tasks' order, each as soon as it is there."""


@contextmanager
def player(processes: int | None = None, *, at_once: int) -> Iterator[Player]:
    """A player over so many processes, as many as the machine has cores when None, and no more than
    there are tasks at once."""
    wanted = min(processes or os.cpu_count() or 1, at_once)
    if wanted == 1:
        yield lambda tasks: map(play, tasks)
        return
    # Started afresh: a copy of a process with threads (a progress bar's) may hang.
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(wanted, mp_context=fresh) as pool:
        try:
            yield lambda tasks: pool.map(play, tasks)
        finally:
            pool.shutdown(cancel_futures=True)
