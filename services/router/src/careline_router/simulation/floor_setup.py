"""What the floor is told of a scenario and a roster, in the engine's words."""

import math

from careline_router.domain.skills import BEST_LEVEL
from careline_router.domain.specs import AgentSpec, QueueSpec
from careline_router.domain.words import Kind, Priority
from careline_router.simulation.policies import Contender
from careline_router.simulation.roster import RosterAgent
from careline_router.simulation.scenario import (
    DEFERRABLE_TARGET_S,
    INBOUND_TARGET_S,
    CallClass,
    QueueLoad,
    Scenario,
)

RING_TIMEOUT_S = 20.0


def _priority(one: CallClass) -> Priority:
    if one.queue.deferrable:
        return "deferrable"
    return "cash" if one.urgent else "insured"


def queueing(one: CallClass) -> tuple[Kind, str, dict[str, int], Priority]:
    """Kind, queue, requirement and priority of the class's calls: any rank will do."""
    kind: Kind = "outbound" if one.queue.deferrable else "call"
    return kind, one.queue.name, {one.queue.name: 1}, _priority(one)


def queue_specs(scenario: Scenario, contender: Contender) -> tuple[QueueSpec, ...]:
    return tuple(
        QueueSpec(
            id=queue.name,
            target_s=_target_s(queue),
            max_wait_s=contender.max_deferrable_wait_s
            if queue.deferrable
            else contender.max_wait_s,
            ring_timeout_s=RING_TIMEOUT_S,
            wrap_up_s=0.0,
        )
        for queue in scenario.queues
    )


def _target_s(queue: QueueLoad) -> float:
    """The least target of its payers, as a queue has one."""
    default = DEFERRABLE_TARGET_S if queue.deferrable else INBOUND_TARGET_S
    return min(payer.target or default for payer in queue.payers)


def agent_spec(agent: RosterAgent) -> AgentSpec:
    skills = {queue: BEST_LEVEL + 1 - rank for queue, rank in agent.ranks.items()}
    return AgentSpec(id=agent.id, skills=skills, endpoint="sim", accept="auto")


def factors(scenario: Scenario, agent: RosterAgent) -> tuple[float, ...]:
    """By class of calls: what the agent makes of a call's handle time; infinite where he cannot."""
    return tuple(
        scenario.level_factor[agent.ranks[one.queue.name]] * agent.speed
        if one.queue.name in agent.ranks
        else math.inf
        for one in scenario.classes
    )
