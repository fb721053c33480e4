"""What the floor keeps sorted, so that a decision looks at few things however many wait."""

import heapq
from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from careline_router.domain.states import RANK, Agent, Call, QueueSpec

Signature = tuple[tuple[str, int], ...]


def signature(skills: Mapping[str, int]) -> Signature:
    """Skills in a form that can be compared: agents with the same one are interchangeable."""
    return tuple(sorted(skills.items()))


def shown(skills: Signature) -> str:
    """A signature for people: `adult:10,child:5`."""
    return ",".join(f"{skill}:{level}" for skill, level in skills)


def lacking(has: Mapping[str, int], needs: Mapping[str, int]) -> str | None:
    """The first required skill that is missing or too low; None when all are there."""
    for skill, level in needs.items():
        if has.get(skill, 0) < level:
            return f"skill:{skill}" if skill not in has else f"level:{skill}"
    return None


@dataclass(slots=True)
class WaitingBucket:
    """Waiting calls that differ only in how long they have waited, longest first."""

    queue: str
    rank: int
    needs: Mapping[str, int]
    calls: list[tuple[float, str]] = field(default_factory=list)


class WaitingCalls:
    """All waiting calls, in buckets of equal queue, class and requirement."""

    def __init__(self) -> None:
        self._buckets: dict[tuple[str, int, Signature], WaitingBucket] = {}
        self._places: dict[str, tuple[tuple[str, int, Signature], float]] = {}

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, call_id: str) -> bool:
        return call_id in self._places

    def add(self, call: Call) -> None:
        assert call.queue is not None
        assert call.priority is not None
        assert call.queued_at is not None
        key = (call.queue, RANK[call.priority], signature(call.skills))
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = WaitingBucket(queue=key[0], rank=key[1], needs=dict(call.skills))
            self._buckets[key] = bucket
        insort(bucket.calls, (call.queued_at, call.id))
        self._places[call.id] = (key, call.queued_at)

    def remove(self, call_id: str) -> None:
        place = self._places.pop(call_id, None)
        if place is None:
            return
        key, queued_at = place
        calls = self._buckets[key].calls
        del calls[bisect_left(calls, (queued_at, call_id))]
        if not calls:
            del self._buckets[key]

    def buckets(self) -> Iterator[WaitingBucket]:
        yield from self._buckets.values()


def order(bucket: WaitingBucket, queued_at: float, queue: QueueSpec, now: float) -> tuple[int, int]:
    """Where a call stands before waiting time counts: the late ones first, then by class."""
    return (0, 0) if now - queued_at >= queue.max_wait_s else (1, bucket.rank)


@dataclass(slots=True)
class SkillGroup:
    """The logged-in agents of one skill signature; `idle` are the ready ones, longest idle first."""

    skills: Mapping[str, int]
    members: set[str] = field(default_factory=set)
    idle: list[tuple[float, str]] = field(default_factory=list)


class AgentGroups:
    """Logged-in agents by skill signature."""

    def __init__(self) -> None:
        self._groups: dict[Signature, SkillGroup] = {}
        self._places: dict[str, tuple[Signature, float | None]] = {}

    def put(self, agent: Agent) -> None:
        """Files an agent by his present skills and state."""
        self.remove(agent.id)
        if agent.state == "logged_out":
            return
        key = signature(agent.spec.skills)
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = SkillGroup(skills=dict(agent.spec.skills))
        group.members.add(agent.id)
        idle_since = agent.idle_since if agent.state == "ready" else None
        if idle_since is not None:
            insort(group.idle, (idle_since, agent.id))
        self._places[agent.id] = (key, idle_since)

    def remove(self, agent_id: str) -> None:
        place = self._places.pop(agent_id, None)
        if place is None:
            return
        key, idle_since = place
        group = self._groups[key]
        group.members.discard(agent_id)
        if idle_since is not None:
            del group.idle[bisect_left(group.idle, (idle_since, agent_id))]
        if not group.members:
            del self._groups[key]

    def items(self) -> Iterator[tuple[Signature, SkillGroup]]:
        yield from self._groups.items()

    def values(self) -> Iterator[SkillGroup]:
        yield from self._groups.values()


class Timers:
    """Deadlines, soonest first. One that was overtaken stays until its time and is then ignored."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, str, str]] = []

    def set(self, at: float, kind: str, subject: str) -> None:
        heapq.heappush(self._heap, (at, kind, subject))

    def first(self) -> tuple[float, str, str] | None:
        return self._heap[0] if self._heap else None

    def pop(self) -> tuple[float, str, str]:
        return heapq.heappop(self._heap)
