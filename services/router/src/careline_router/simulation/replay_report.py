"""A day as it was, played again as it was, and played with what is to be published.

Every replay meets the same callers with the same draws, so what a policy differs by from the replay as
it was is its own doing; what that replay differs by from the day is the error of replaying.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from careline_router.simulation.drawing import complete
from careline_router.simulation.figures import HalfHours
from careline_router.simulation.past import PastDay
from careline_router.simulation.policies import CONTENDERS, Contender
from careline_router.simulation.record import DayRecord
from careline_router.simulation.replay_figures import difference, figures, half_hours
from careline_router.simulation.replaying import replay, without_agents
from careline_router.simulation.rerouting import Changed, with_configuration

AS_IT_WAS = "as it was"
REPLAYED = "replayed as it was"
SEED = 1


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be tried. No policies: the one that would be in force. `utc_offset_s` is for the hour of
    the day in pictures."""

    policies: tuple[str, ...] = ()
    changed: Changed | None = None
    without_agents: tuple[str, ...] = ()
    utc_offset_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Answer:
    """`report` is JSON: percent and seconds. `half_hours` are by what was played."""

    report: dict[str, Any]
    half_hours: dict[str, HalfHours]


def answer(past: PastDay, was: DayRecord, question: Question) -> Answer:
    """Raises `NothingHandledError` for a day on which nobody was answered."""
    calls, drawn = complete(past.calls, SEED)
    day = replace(past, calls=calls)
    tried = day
    if question.changed is not None:
        tried = with_configuration(tried, question.changed)
    if question.without_agents:
        tried = without_agents(tried, question.without_agents)
    names = question.policies or (tried.floor.policy,)
    played: list[tuple[str, PastDay, DayRecord]] = [
        (AS_IT_WAS, day, was),
        (REPLAYED, day, replay(day)),
        *((name, tried, replay(tried, _contender(name, question))) for name in names),
    ]
    targets = {**tried.queues, **day.queues}
    told = [figures(each, record, targets) for _, each, record in played]
    return Answer(
        report={
            "calls": told[0]["calls"],
            "agents": sum(bool(agent.presence) for agent in day.agents),
            "policy": day.floor.policy,
            "without_agents": list(question.without_agents),
            "drawn": {"seed": SEED, "patience": drawn.patience, "handle_time": drawn.handle_time},
            "as_it_was": told[0],
            "replayed": {**told[1], "error": difference(told[1], told[0])},
            "policies": _deltas(names, told),
        },
        half_hours={
            name: half_hours(each, record, targets, utc_offset_s=question.utc_offset_s)
            for name, each, record in played
        },
    )


def _contender(name: str, question: Question) -> Contender | None:
    return CONTENDERS[name] if question.policies else None


def _deltas(names: Sequence[str], told: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {
        name: {**of_policy, "delta": difference(of_policy, told[1])}
        for name, of_policy in zip(names, told[2:], strict=True)
    }
