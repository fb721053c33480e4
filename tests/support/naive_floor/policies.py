"""What each policy prefers: an order of agents for a call, an order of calls for an agent."""

from collections.abc import Callable
from dataclasses import dataclass

Order = tuple[float, ...]


@dataclass
class Worker:
    """An agent as policies see him; `last` is when his last call ended, None before the first."""

    number: int
    ranks: dict[str, int]
    speed: float
    present: bool = False
    busy_until: float | None = None
    ready_since: float = 0.0
    last: float | None = None


@dataclass
class Waiter:
    """A call as policies see it; `urgency` is 0 for cash or urgent, 1, and 2 for work that waits."""

    number: int
    queue: str
    urgency: int
    arrived: float


@dataclass(frozen=True)
class Policy:
    """The least goes first. `tier_s`: so long a call waits for each rank below the best."""

    agents: Callable[[Worker, Waiter, int], Order]
    calls: Callable[[Worker, Waiter], Order]
    tier_s: float = 0.0


def level_then_least_recent(agent: Worker, call: Waiter, _turn: int) -> Order:
    last = agent.ready_since if agent.last is None else agent.last
    return (agent.ranks[call.queue], last, agent.number)


def level_then_longest_ready(agent: Worker, call: Waiter, _turn: int) -> Order:
    return (agent.ranks[call.queue], agent.ready_since, agent.number)


def next_in_turn(agent: Worker, _call: Waiter, turn: int) -> Order:
    """`turn`: who had the queue's last call."""
    return (agent.number <= turn, agent.number)


def by_wait(_agent: Worker, call: Waiter) -> Order:
    return (call.arrived,)


def by_urgency(_agent: Worker, call: Waiter) -> Order:
    return (call.urgency, call.arrived)


def by_own_level(agent: Worker, call: Waiter) -> Order:
    return (agent.ranks[call.queue], call.urgency, call.arrived)


def by_score(_agent: Worker, call: Waiter) -> Order:
    return (call.arrived - (60.0, 30.0, -600.0)[call.urgency],)


POLICIES = {
    "leastrecent_penalties": Policy(level_then_least_recent, by_urgency),
    "rrmemory_w0": Policy(next_in_turn, by_wait),
    "skill_preference": Policy(level_then_longest_ready, by_own_level),
    "fs_tier_rules": Policy(level_then_longest_ready, by_score, tier_s=30.0),
}
