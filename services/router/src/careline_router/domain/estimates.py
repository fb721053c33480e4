"""How long a caller will wait, and how far such words can be trusted.

The estimate is the wait of who stands first in his class now, or of who was last answered when nobody
stands (head-of-line and last-to-enter-service estimators, Ibrahim & Whitt 2009). The order is not
first come first served, so no position is ever told, and the wait only in coarse bands (Yu, Allon &
Bassamboo 2017 find that coarse is enough).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

KEPT = 200
LEAST_N = 30
MOST_MAE_S = 45.0
MOST_MAE_SHARE = 0.6
BANDS_S: tuple[float, ...] = (60.0, 180.0, 300.0, 600.0, 1200.0)
"""Where one band ends and the next begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimateError:
    """How good the estimates of a queue have been: of the last `n`, in seconds.

    `bias` is mean estimate minus wait: above 0 callers waited less than they were told.
    """

    n: int
    mae_s: float | None
    p90_s: float | None
    bias_s: float | None
    trusted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueEstimates:
    """One queue's, for snapshots: the last (estimate, wait) pairs and the last wait that ended."""

    queue: str
    pairs: tuple[tuple[float, float], ...]
    last_wait_s: float


class Estimates:
    """Estimates and what became of them, by queue."""

    def __init__(self, known: tuple[QueueEstimates, ...] = ()) -> None:
        self._pairs: dict[str, deque[tuple[float, float]]] = {
            each.queue: deque((tuple(pair) for pair in each.pairs), maxlen=KEPT)  # type: ignore[misc]
            for each in known
        }
        self._last: dict[str, float] = {each.queue: each.last_wait_s for each in known}

    def figures(self) -> tuple[QueueEstimates, ...]:
        return tuple(
            QueueEstimates(
                queue=queue, pairs=tuple(self._pairs.get(queue, ())), last_wait_s=last_wait_s
            )
            for queue, last_wait_s in self._last.items()
        )

    def estimate(self, queue: str, head_wait_s: float | None) -> float:
        """Seconds; `head_wait_s` is the wait of the first of the caller's class, None if nobody waits."""
        return self._last.get(queue, 0.0) if head_wait_s is None else head_wait_s

    def came_true(self, queue: str, estimate_s: float | None, wait_s: float) -> None:
        """A call was answered; an estimate of None was never made."""
        self._last[queue] = wait_s
        if estimate_s is None:
            return
        pairs = self._pairs.get(queue)
        if pairs is None:
            pairs = self._pairs[queue] = deque(maxlen=KEPT)
        pairs.append((estimate_s, wait_s))

    def error(self, queue: str) -> EstimateError:
        """Mean absolute error, its 90th percentile and the bias over the last calls that waited."""
        pairs = self._pairs.get(queue, ())
        n = len(pairs)
        if not n:
            return EstimateError(n=0, mae_s=None, p90_s=None, bias_s=None, trusted=False)
        errors = sorted(abs(estimate - wait) for estimate, wait in pairs)
        mae = sum(errors) / n
        mean_wait = sum(wait for _, wait in pairs) / n
        return EstimateError(
            n=n,
            mae_s=mae,
            p90_s=errors[min(n - 1, int(0.9 * n))],
            bias_s=sum(estimate - wait for estimate, wait in pairs) / n,
            trusted=n >= LEAST_N and mae <= max(MOST_MAE_S, MOST_MAE_SHARE * mean_wait),
        )

    def band(self, queue: str, estimate_s: float) -> tuple[float, float | None] | None:
        """From and to in seconds, `to` None for the last band; None: not to be said, nobody could trust it."""
        if not self.error(queue).trusted:
            return None
        lower = 0.0
        for upper in BANDS_S:
            if estimate_s < upper:
                return (lower, upper)
            lower = upper
        return (lower, None)
