"""The calls that wait, kept so that the first of any class is found at once, however many there are."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

from careline_router.domain.skills import Signature
from careline_router.domain.words import RANK, Priority

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from careline_router.domain.groups import Requirement
    from careline_router.domain.specs import QueueSpec
    from careline_router.domain.states import Call

Entry = tuple[float, str]
ClassKey = tuple[str, Priority, Signature, bool, bool, bool]
"""Queue, priority, needs, urgent, deferred, interruptible."""
URGENT_S = 86_400.0
"""A call about an appeal that is due within this is urgent."""
SPARE = 64
"""So many dead entries a heap may hold besides as many as live ones."""


class Line:
    """Calls in the order of their places in time; who has left is dropped when he comes to the front."""

    __slots__ = ("_members", "heap")

    def __init__(self, members: dict[str, float]) -> None:
        self.heap: list[Entry] = []
        self._members = members

    def add(self, queued_at: float, call_id: str) -> None:
        heapq.heappush(self.heap, (queued_at, call_id))
        if len(self.heap) > 2 * len(self._members) + SPARE:
            self.heap[:] = [entry for entry in set(self.heap) if self._lives(entry)]
            heapq.heapify(self.heap)

    def first(self) -> Entry | None:
        """Who has waited longest."""
        heap, members = self.heap, self._members
        while heap:
            entry = heap[0]
            if members.get(entry[1]) == entry[0]:
                return entry
            heapq.heappop(heap)
        return None

    def _lives(self, entry: Entry) -> bool:
        return self._members.get(entry[1]) == entry[0]

    def first_but(self, unwanted: Callable[[str], bool]) -> Entry | None:
        """Who has waited longest of those who are not unwanted."""
        found, aside = None, []
        while (entry := self.first()) is not None:
            if not unwanted(entry[1]):
                found = entry
                break
            aside.append(heapq.heappop(self.heap))
        for entry in aside:
            heapq.heappush(self.heap, entry)
        return found


class WaitingClass:
    """Waiting calls that differ only in how long they have waited.

    `fresh` are those whose wait is below the target, `late` the others; a call moves over when somebody
    looks. `deferred` callbacks wait for idle agents and are in nobody's way.
    """

    __slots__ = (
        "deferred",
        "fresh",
        "fresh_heap",
        "interruptible",
        "key",
        "late",
        "late_heap",
        "max_wait_s",
        "members",
        "min_idle",
        "plain",
        "priority",
        "queue",
        "rank",
        "requirement",
        "target_s",
        "urgent",
        "weight",
    )  # fmt: skip

    def __init__(self, key: ClassKey, requirement: Requirement) -> None:
        self.key = key
        self.queue = key[0]
        self.priority: Priority = key[1]
        self.rank = RANK[self.priority]
        self.requirement = requirement
        self.urgent, self.deferred, self.interruptible = key[3], key[4], key[5]
        self.members: dict[str, float] = {}
        self.fresh = Line(self.members)
        self.late = Line(self.members)
        self.fresh_heap, self.late_heap = self.fresh.heap, self.late.heap
        self.plain = not (self.deferred or self.interruptible)
        self.target_s, self.max_wait_s, self.min_idle = 20.0, 600.0, 0
        self.weight = 1.0

    def configure(self, queue: QueueSpec) -> None:
        """Takes the clocks of its queue; who was late may be so no more."""
        target_s = queue.target_of(self.priority)
        if target_s > self.target_s:
            self.late_heap.clear()
            self.fresh_heap[:] = sorted((at, call_id) for call_id, at in self.members.items())
        self.target_s = target_s
        self.max_wait_s = queue.max_wait_of(self.priority)
        self.min_idle = queue.min_idle if self.priority == "deferrable" else 0

    def first_fresh(self, late_before: float) -> Entry | None:
        """Who has waited longest of those who are not late; who is by now moves over."""
        fresh = self.fresh
        while (entry := fresh.first()) is not None and entry[0] <= late_before:
            heapq.heappop(fresh.heap)
            self.late.add(*entry)
        return entry

    def heads_but(
        self, late_before: float, unwanted: Callable[[str], bool]
    ) -> tuple[Entry | None, Entry | None]:
        """The first fresh and the first late of those who are not unwanted."""
        self.first_fresh(late_before)
        return self.fresh.first_but(unwanted), self.late.first_but(unwanted)

    def first(self) -> Entry | None:
        """Who has waited longest of all."""
        fresh, late = self.fresh.first(), self.late.first()
        if fresh is None or late is None:
            return late or fresh
        return min(fresh, late)

    def turn(self, now: float, entry: Entry) -> tuple[bool, bool, int, Entry]:
        """The place of one of its calls among all: past the longest wait, by class, by wait."""
        overdue = self.plain and now - entry[0] >= self.max_wait_s
        return not self.plain, not overdue, 0 if overdue else self.rank, entry


class WaitingCalls:
    """All waiting calls by class. A class stays once it has been."""

    def __init__(self) -> None:
        self.classes: dict[ClassKey, WaitingClass] = {}
        self._class_of: dict[str, WaitingClass] = {}
        self.in_queue: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._class_of)

    def __contains__(self, call_id: str) -> bool:
        return call_id in self._class_of

    def add(self, call: Call, into: WaitingClass) -> None:
        assert call.queued_at is not None
        into.members[call.id] = call.queued_at
        into.fresh.add(call.queued_at, call.id)
        self._class_of[call.id] = into
        self.in_queue[into.queue] = self.in_queue.get(into.queue, 0) + 1

    def remove(self, call_id: str) -> None:
        """Takes a call out; nothing happens when it does not wait."""
        found = self._class_of.pop(call_id, None)
        if found is not None:
            del found.members[call_id]
            self.in_queue[found.queue] -= 1

    def class_of(self, call_id: str) -> WaitingClass | None:
        return self._class_of.get(call_id)

    def calls_in(self, queue: str) -> Iterator[str]:
        return (name for name, found in self._class_of.items() if found.queue == queue)


def class_key(call: Call, needs_key: Signature, now: float) -> ClassKey:
    """The class that a call waits in from `now` on."""
    assert call.queue is not None
    assert call.priority is not None
    urgent = call.due_at is not None and call.due_at - now <= URGENT_S
    callback = call.callback
    deferred = callback is not None and callback.mode == "defer" and not callback.due
    return (call.queue, call.priority, needs_key, urgent, deferred, call.interruptible)
