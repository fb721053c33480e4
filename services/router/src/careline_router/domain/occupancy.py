"""How busy an agent has been: the share of his time at work that he talked or wrapped up, fading."""

from math import exp, log

from careline_router.domain.states import Agent
from careline_router.domain.words import AgentState

MEMORY_S = 1800.0
"""What was so long ago counts 1/e of what is now."""
BUSY: frozenset[AgentState] = frozenset({"talking", "wrap_up"})


def busy_now(agent: Agent, at: float) -> float:
    """His fading seconds of work at `at`: `MEMORY_S` when he has worked without a pause for ever."""
    elapsed = max(at - agent.busy_at, 0.0)
    left = exp(-elapsed / MEMORY_S)
    worked = MEMORY_S * (1.0 - left) if agent.state in BUSY else 0.0
    return agent.busy * left + worked


def occupancy_pct(agent: Agent, at: float) -> float:
    return 100.0 * busy_now(agent, at) / MEMORY_S


def rest_s(occupancy: float, cap_pct: float) -> float:
    """How long he has to be idle until his occupancy (percent) has fallen to the cap."""
    return MEMORY_S * log(occupancy / cap_pct) if occupancy > cap_pct else 0.0
