"""When something on the floor is due."""

import heapq

Timer = tuple[float, str, str]


class Timers:
    """Deadlines, soonest first. One that was overtaken stays until its time and is then ignored."""

    def __init__(self) -> None:
        self._heap: list[Timer] = []

    def set(self, at: float, kind: str, subject: str) -> None:
        heapq.heappush(self._heap, (at, kind, subject))

    def first(self) -> Timer | None:
        return self._heap[0] if self._heap else None

    def pop(self) -> Timer:
        return heapq.heappop(self._heap)
