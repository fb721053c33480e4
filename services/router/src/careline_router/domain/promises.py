"""What was promised to callers who chose to be called back, and whether it was kept."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from careline_router.domain.states import Call

ANSWER_S = 30.0
"""So long an offer of a callback counts as one that may be accepted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuePromises:
    """One queue's: callbacks promised, called in time, called late, and not called at all."""

    queue: str
    made: int = 0
    kept: int = 0
    late: int = 0
    dropped: int = 0


class Promises:
    """Counts by queue, and how many promises are outstanding."""

    def __init__(self, known: tuple[QueuePromises, ...] = ()) -> None:
        self.outstanding = 0
        self._counts = {
            each.queue: [each.made, each.kept, each.late, each.dropped] for each in known
        }
        self._offers: deque[tuple[float, str]] = deque()
        self._open: set[str] = set()

    def figures(self) -> tuple[QueuePromises, ...]:
        return tuple(
            QueuePromises(queue=queue, made=made, kept=kept, late=late, dropped=dropped)
            for queue, (made, kept, late, dropped) in self._counts.items()
        )

    def offered(self, call_id: str, at: float) -> None:
        self._offers.append((at, call_id))
        self._open.add(call_id)

    def gone(self, call_id: str) -> None:
        """The caller accepts nothing any more."""
        self._open.discard(call_id)

    def to_expect(self, now: float) -> int:
        """Promises outstanding, and those that may come of offers that were just made."""
        while self._offers and self._offers[0][0] + ANSWER_S <= now:
            self._open.discard(self._offers.popleft()[1])
        return self.outstanding + len(self._open)

    def made(self, call: Call, from_call: str | None) -> None:
        self._open.discard(from_call or "")
        if self._is_promise(call):
            self.outstanding += 1
            self._of(call)[0] += 1

    def called(self, call: Call, at: float) -> None:
        """The person is being called; only the first try counts."""
        callback = call.callback
        if callback is None or callback.promise_due is None or callback.attempts != 1:
            return
        self.outstanding -= 1
        self._of(call)[1 if at <= callback.promise_due else 2] += 1

    def ended(self, call: Call) -> None:
        if self._is_promise(call):
            self.outstanding -= 1
            self._of(call)[3] += 1

    def found_all(self, calls: Iterable[Call]) -> None:
        """The calls of a snapshot; offers count in the order in which they were made."""
        offered = []
        for call in calls:
            if call.state == "ended":
                continue
            if call.callback_offered_at is not None and call.callback is None:
                offered.append((call.callback_offered_at, call.id))
            self.outstanding += self._is_promise(call)
        for at, call_id in sorted(offered):
            self.offered(call_id, at)

    def _is_promise(self, call: Call) -> bool:
        """Whether somebody was promised a call and has not been called yet."""
        callback = call.callback
        return callback is not None and callback.promise_due is not None and callback.attempts == 0

    def _of(self, call: Call) -> list[int]:
        return self._counts.setdefault(call.queue or "", [0, 0, 0, 0])
