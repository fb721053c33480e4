"""Closed forms for one queue of exponential calls, agents who are all alike, and first come first
served. `load` is offered work in Erlang: calls a second × handle time."""

from dataclasses import dataclass

import numpy as np
from scipy.special import betainc, psi
from scipy.stats import gamma, poisson


@dataclass(frozen=True)
class Exact:
    """Percent and seconds; `asa` is over the answered, `sl20` and `lost` over all who came in."""

    sl20: float
    asa: float
    lost: float
    occupancy: float
    blocked: float = 0.0


def erlang_c(calls_per_h: float, aht: float, agents: int, within_s: float = 20) -> Exact:
    """Nobody gives up."""
    load = calls_per_h * aht / 3600
    blocked = poisson.pmf(agents, load) / poisson.cdf(agents, load)
    waits = blocked / (1 - load / agents * (1 - blocked))
    drained = (agents - load) / aht
    return Exact(
        sl20=100 * (1 - waits * np.exp(-drained * within_s)),
        asa=waits / drained,
        lost=0,
        occupancy=100 * load / agents,
    )


def erlang_a(
    calls_per_h: float, aht: float, agents: int, patience: float, within_s: float = 20
) -> Exact:
    """Each caller gives up after an exponential time, with mean `patience`.

    Who finds agents + j calls would wait -ln(B) / theta, B of the distribution Beta(agents mu / theta,
    j + 1), and stays so long with probability B.
    """
    rate, mu, theta = calls_per_h / 3600, 1 / aht, 1 / patience
    waiting = np.arange(20 * agents + 1000)
    deaths = np.concatenate([mu * np.arange(1, agents + 1), agents * mu + theta * waiting[1:]])
    logs = np.concatenate([[0], np.cumsum(np.log(rate / deaths))])
    states = np.exp(logs - logs.max())
    states /= states.sum()
    beside, queue = states[:agents], states[agents:]
    length = float((queue * waiting).sum())
    lost = theta * length / rate
    a = agents * mu / theta
    served = a / (a + waiting + 1)
    in_time = served * (1 - betainc(a + 1, waiting + 1, np.exp(-theta * within_s)))
    wait_of_served = (queue * served * (psi(a + waiting + 2) - psi(a + 1))).sum() / theta
    return Exact(
        sl20=100 * float(beside.sum() + (queue * in_time).sum()),
        asa=float(wait_of_served) / (1 - lost),
        lost=100 * lost,
        occupancy=100 * rate * (1 - lost) * aht / agents,
    )


def with_lines(
    calls_per_h: float, aht: float, agents: int, lines: int, within_s: float = 20
) -> Exact:
    """Nobody gives up, and who finds so many calls in the system is turned away."""
    load = calls_per_h * aht / 3600
    served = np.minimum(np.arange(1, lines + 1), agents)
    states = np.concatenate([[1], np.cumprod(load / served)])
    states /= states.sum()
    entered = 1 - states[-1]
    waiting = np.arange(lines - agents)
    queue = states[agents:-1]
    late = (queue * gamma.sf(within_s, waiting + 1, scale=aht / agents)).sum() / entered
    length = (states[agents:] * np.arange(lines - agents + 1)).sum()
    return Exact(
        sl20=100 * float(1 - late),
        asa=3600 * float(length) / calls_per_h / entered,
        lost=0,
        occupancy=100 * load * float(entered) / agents,
        blocked=100 * float(states[-1]),
    )
