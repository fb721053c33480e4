"""How well so many agents serve calls of which some give up: Erlang A, M/M/n+M.

Calls come at random, are all served alike, first come first served, and every caller gives up after an
exponential time (Garnett, Mandelbaum and Reiman, *Manufacturing & Service Operations Management* 4, 2002).
"""

from dataclasses import dataclass
from math import exp, isinf

NEGLIGIBLE = 1e-12
"""Of all that has been summed: where a tail is cut off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """Calls a second, mean handle time and mean patience in seconds, and within what time a call is to
    be answered. All above 0, `target_s` may be 0."""

    calls_per_s: float
    handle_s: float
    patience_s: float
    target_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """Of all who call, in percent: answered within the target, and lost."""

    in_target_pct: float
    lost_pct: float

    def meets(self, in_target_pct: float, lost_pct: float) -> bool:
        return self.in_target_pct >= in_target_pct and self.lost_pct <= lost_pct


def level_with(agents: int, service: Service) -> Level:
    """What `agents`, at least one, do.

    Who finds all agents busy and j calls before him would wait -ln(B) / theta, B of the distribution
    Beta(agents mu / theta, j + 1), and is served when he stays so long, which he does with probability
    B. The distribution function of B is stepped from one j to the next.
    """
    load = service.calls_per_s * service.handle_s
    theta = 1 / service.patience_s
    ratio = agents / service.handle_s / theta
    in_time_x = exp(-theta * service.target_s)
    # States are weighed against the one in which all agents are busy and nobody waits.
    free = _free(load, agents)
    if isinf(free):
        return Level(in_target_pct=100.0, lost_pct=0.0)
    all_states = free
    in_time, lost = free, 0.0
    weight, waiting = 1.0, 0
    too_late = in_time_x ** (ratio + 1)  # P(B' <= x), B' of Beta(ratio + 1, waiting + 1)
    step = (ratio + 1) * too_late * (1 - in_time_x)
    while weight > NEGLIGIBLE * all_states or waiting == 0:
        served = ratio / (ratio + waiting + 1)
        all_states += weight
        in_time += weight * served * max(0.0, 1 - too_late)
        lost += weight * (1 - served)
        waiting += 1
        too_late += step
        step *= (1 - in_time_x) * (ratio + 1 + waiting) / (waiting + 1)
        weight *= service.calls_per_s / (agents / service.handle_s + theta * waiting)
    return Level(in_target_pct=100 * in_time / all_states, lost_pct=100 * lost / all_states)


def _free(load: float, agents: int) -> float:
    """The weight of all states with an agent free, by the recursion of Erlang's loss formula (its
    inverse grows without loss of figures); infinite where all are as good as never busy."""
    inverse = 1.0
    for busy in range(1, agents + 1):
        inverse = 1 + busy / load * inverse
    return inverse - 1


def agents_needed(
    service: Service, *, in_target_pct: float, lost_pct: float, at_least: int = 1
) -> int:
    """The fewest agents, from `at_least` on, who reach the service level and lose no more calls."""
    load = service.calls_per_s * service.handle_s
    agents = max(at_least, int(load * (1 - lost_pct / 100)))  # fewer lose more than that
    while not level_with(agents, service).meets(in_target_pct, lost_pct):
        agents += 1
    return agents
