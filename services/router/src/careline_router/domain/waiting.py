"""The calls that wait, kept so that the first of any class is found at once, however many there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from careline_router.domain.lines import Line
from careline_router.domain.skills import Signature
from careline_router.domain.words import RANK, Priority

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from careline_router.domain.groups import Requirement
    from careline_router.domain.specs import QueueSpec
    from careline_router.domain.states import Call

Entry = tuple[float, str]
"""Since when a call waits, and its id."""
URGENT_S = 86_400.0
"""A call about an appeal that is due within this is urgent."""


class ClassKey(NamedTuple):
    """What the calls of a class have in common. `put_back` are those whose agent has dropped out; `target_s` is
    their flow's, None their queue's."""

    queue: str
    priority: Priority
    needs: Signature
    urgent: bool = False
    deferred: bool = False
    interruptible: bool = False
    put_back: bool = False
    target_s: float | None = None


FIRST_RANK = RANK["vip"]
"""Classes up to this rank go first whatever a policy thinks; they are few."""


class WaitingClass:
    """Waiting calls that differ only in how long they have waited.

    `fresh` are those whose wait is below the target, `late` the others; a call moves over when somebody
    looks. Of calls that were put back each has waited its longest. `deferred` callbacks wait for idle agents and are in nobody's way. `plain` are calls that are
    not deferred and not interruptible, `usual` those of them that no rule stands over but the longest wait.
    """

    __slots__ = (
        "deferred",
        "fresh",
        "interruptible",
        "key",
        "late",
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
        "usual",
        "weight",
    )  # fmt: skip

    def __init__(self, key: ClassKey, requirement: Requirement) -> None:
        self.key = key
        self.queue, self.priority = key.queue, key.priority
        self.rank = RANK[self.priority]
        self.requirement = requirement
        self.urgent, self.deferred, self.interruptible = key.urgent, key.deferred, key.interruptible
        self.members: dict[str, Entry] = {}
        self.fresh = Line(self.members)
        self.late = Line(self.members)
        self.plain = not (self.deferred or self.interruptible)
        self.usual = self.plain and self.rank > FIRST_RANK
        self.target_s, self.max_wait_s, self.min_idle = 20.0, 600.0, 0
        self.weight = 1.0

    def configure(self, queue: QueueSpec) -> None:
        """Takes the clocks of its queue; who was late may be so no more."""
        own = self.key.target_s
        target_s = queue.target_of(self.priority) if own is None else own
        if target_s > self.target_s:
            self.late.fill(())
            self.fresh.fill(self.members.values())
        self.target_s = target_s
        self.max_wait_s = 0.0 if self.key.put_back else queue.max_wait_of(self.priority)
        self.min_idle = queue.min_idle if self.priority == "deferrable" else 0
        self.usual = self.plain and self.rank > FIRST_RANK and not self.min_idle

    def age(self, late_before: float) -> Entry | None:
        """Moves over who is late by now; gives the first of those who are not."""
        fresh = self.fresh
        while (entry := fresh.first) is not None and entry[0] <= late_before:
            fresh.take_first()
            self.late.add(entry)
        return entry

    def heads_but(
        self, late_before: float, unwanted: Callable[[str], bool]
    ) -> tuple[Entry | None, Entry | None]:
        """The first fresh and the first late of those who are not unwanted."""
        self.age(late_before)
        return self.fresh.first_but(unwanted), self.late.first_but(unwanted)

    def first(self) -> Entry | None:
        """Who has waited longest of all."""
        fresh, late = self.fresh.first, self.late.first
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
        entry = into.members[call.id] = (call.queued_at, call.id)
        into.fresh.add(entry)
        self._class_of[call.id] = into
        self.in_queue[into.queue] = self.in_queue.get(into.queue, 0) + 1

    def remove(self, call_id: str) -> None:
        """Takes a call out; nothing happens when it does not wait."""
        found = self._class_of.pop(call_id, None)
        if found is not None:
            entry = found.members.pop(call_id)
            found.fresh.left(entry)
            found.late.left(entry)
            self.in_queue[found.queue] -= 1

    def class_of(self, call_id: str) -> WaitingClass | None:
        return self._class_of.get(call_id)

    def calls_in(self, queue: str) -> Iterator[str]:
        return (name for name, found in self._class_of.items() if found.queue == queue)


def is_urgent(due_at: float | None, now: float) -> bool:
    """Whether a call is about an appeal that is due soon."""
    return due_at is not None and due_at - now <= URGENT_S


def class_key(call: Call, needs_key: Signature, now: float) -> ClassKey:
    """The class that a call waits in from `now` on."""
    assert call.queue is not None
    assert call.priority is not None
    urgent = is_urgent(call.due_at, now)
    callback = call.callback
    deferred = callback is not None and callback.mode == "defer" and not callback.due
    return ClassKey(
        call.queue,
        call.priority,
        needs_key,
        urgent,
        deferred,
        call.interruptible,
        call.put_back,
        call.terms.target_s,
    )
