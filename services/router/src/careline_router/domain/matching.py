"""Who gets whom: the agent who has been idle longest among those with all required skills, and
the call that is late, else of the first class, else has waited longest.
"""

from collections.abc import Mapping

from careline_router.domain.indexes import (
    AgentGroups,
    SkillGroup,
    WaitingCalls,
    lacking,
    order,
    shown,
)
from careline_router.domain.states import Agent, AgentGroup, Call, Decision, QueueSpec

POLICY = "longest_idle"
SHOWN_AGENTS = 20


def best_agent(call: Call, groups: AgentGroups) -> str | None:
    """The idle agent who should have this call; None when nobody can serve it now."""
    found: tuple[float, str] | None = None
    for group in groups.values():
        if not group.idle or lacking(group.skills, call.skills) is not None:
            continue
        first = next((entry for entry in group.idle if entry[1] not in call.excluded), None)
        if first is not None and (found is None or first < found):
            found = first
    return None if found is None else found[1]


def best_call(
    agent: Agent,
    waiting: WaitingCalls,
    calls: Mapping[str, Call],
    queues: Mapping[str, QueueSpec],
    now: float,
) -> str | None:
    """The waiting call that should have this agent; None when none is for him."""
    found: tuple[tuple[int, int], float, str] | None = None
    for bucket in waiting.buckets():
        if lacking(agent.spec.skills, bucket.needs) is not None:
            continue
        for queued_at, call_id in bucket.calls:
            if agent.id in calls[call_id].excluded:
                continue
            place = (order(bucket, queued_at, queues[bucket.queue], now), queued_at, call_id)
            if found is None or place < found:
                found = place
            break
    return None if found is None else found[2]


def decision(offer_id: str, call: Call, chosen: Agent, groups: AgentGroups, now: float) -> Decision:
    """Why this agent: every group of logged-in agents and what removed it."""
    seen: list[AgentGroup] = []
    idle_of_chosen: tuple[str, ...] = ()
    for skills, group in groups.items():
        removed_by = _removed_by(call, group)
        longest = now - group.idle[0][0] if group.idle and removed_by is None else None
        seen.append(
            AgentGroup(
                signature=shown(skills), idle=len(group.idle), removed_by=removed_by, score=longest
            )
        )
        if chosen.id in group.members:
            idle_of_chosen = tuple(name for _, name in group.idle[:SHOWN_AGENTS])
    return Decision(
        offer_id=offer_id,
        call_id=call.id,
        at=now,
        policy=POLICY,
        groups=tuple(seen),
        agents=idle_of_chosen,
        chosen=chosen.id,
        flow_version=call.flow_version,
        crm=call.crm,
    )


def _removed_by(call: Call, group: SkillGroup) -> str | None:
    lack = lacking(group.skills, call.skills)
    if lack is not None:
        return lack
    if not group.idle:
        return "nobody_idle"
    if all(name in call.excluded for _, name in group.idle):
        return "excluded"
    return None
