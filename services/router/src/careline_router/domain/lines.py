"""Who is first of many, found at once, though others come and go anywhere among them."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Entry = TypeVar("Entry", bound=tuple[Any, ...])
SPARE = 64
"""So many dead entries a line may hold besides as many as live ones."""


class Line(Generic[Entry]):
    """Entries in their own order, each an id after its place.

    `members` has the live entry of each id; `first` is the least of the line's live ones. Whoever takes
    an entry out of `members`, or puts another in its stead, tells by `left`; dead ones go when they have
    come to the front, or are too many.
    """

    __slots__ = ("_heap", "_members", "first")

    def __init__(self, members: dict[str, Entry]) -> None:
        self.first: Entry | None = None
        self._heap: list[Entry] = []
        self._members = members

    def add(self, entry: Entry) -> None:
        heap, first = self._heap, self.first
        heapq.heappush(heap, entry)
        if first is None or entry < first:
            self.first = entry
        if len(heap) > 2 * len(self._members) + SPARE:
            self.fill(entry for entry in set(heap) if self._members.get(entry[-1]) == entry)

    def fill(self, entries: Iterable[Entry]) -> None:
        """Holds these live entries and no others."""
        self._heap = sorted(entries)
        self.first = self._heap[0] if self._heap else None

    def left(self, entry: Entry) -> None:
        """An entry lives no more."""
        if entry == self.first:
            self._find_first()

    def take_first(self) -> None:
        """Takes the first entry out of this line; it lives on."""
        heapq.heappop(self._heap)
        self._find_first()

    def first_but(self, unwanted: Callable[[str], bool]) -> Entry | None:
        """The first of those whose ids are not unwanted."""
        aside: list[Entry] = []
        while (entry := self.first) is not None and unwanted(entry[-1]):
            aside.append(entry)
            self.take_first()
        for each in aside:
            heapq.heappush(self._heap, each)
        if aside:
            self.first = aside[0]
        return entry

    def _find_first(self) -> None:
        heap, members = self._heap, self._members
        while heap:
            entry = heap[0]
            if members.get(entry[-1]) == entry:
                self.first = entry
                return
            heapq.heappop(heap)
        self.first = None
