"""How full the floor is, as conditions of flows see it."""

from careline_router.domain.floor import Floor
from careline_router.floorplan import FloorPlan

LoadFacts = dict[str, dict[str, int]]


def load_of(floor: Floor, plan: FloorPlan, now: float) -> LoadFacts:
    """By queue: how many callers wait, the longest wait in whole seconds, how many agents are ready for it.

    Ready are those with the skills of the way into the queue that asks least.
    """
    facts: LoadFacts = {
        name: {"waiting": 0, "oldest_wait_s": 0, "ready": 0} for name in plan.queues
    }
    for waiting in floor.waiting.classes.values():
        first = waiting.first()
        if first is None or not waiting.plain or waiting.queue not in facts:
            continue
        of_queue = facts[waiting.queue]
        of_queue["waiting"] += len(waiting.members)
        of_queue["oldest_wait_s"] = max(of_queue["oldest_wait_s"], int(now - first[0]))
    for flow in plan.flows.values():
        for branch in flow.branches():
            if branch.queue in facts:
                of_queue = facts[branch.queue]
                idle = floor.groups.requirement(dict(branch.skills)).idle
                of_queue["ready"] = max(of_queue["ready"], idle)
    return facts
