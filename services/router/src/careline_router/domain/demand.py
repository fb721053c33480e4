"""What has been asked of the floor lately: how many calls of each class, and how long they took."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from careline_router.domain.waiting import ClassKey
from careline_router.domain.words import Priority

if TYPE_CHECKING:
    from collections.abc import Mapping

    from careline_router.domain.skills import Signature
    from careline_router.domain.waiting import WaitingClass

WINDOW_S = 1800.0
REMEMBERED = 0.8
"""What is left of a figure after each half hour."""
USUAL_HANDLE_S = 180.0
"""Handle time of a queue of which none is known yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemandFigures:
    """Everything a `Demand` knows, for snapshots. Rows are (queue, priority, needs, calls), (queue,
    seconds, calls) and (queue, offered now, in target now, offered before, in target before)."""

    window: int = 0
    arrivals: tuple[tuple[str, Priority, tuple[tuple[str, int], ...], float], ...] = ()
    handled: tuple[tuple[str, float, float], ...] = ()
    levels: tuple[tuple[str, int, int, int, int], ...] = ()


class Demand:
    """Counts that fade by the half hour."""

    def __init__(self, figures: DemandFigures | None = None) -> None:
        known = figures or DemandFigures()
        self._window = known.window
        self._arrivals: dict[tuple[str, Priority, Signature], float] = {
            (queue, priority, needs): calls for queue, priority, needs, calls in known.arrivals
        }
        self._handled: dict[str, list[float]] = {
            queue: [seconds, calls] for queue, seconds, calls in known.handled
        }
        self._levels: dict[str, list[int]] = {row[0]: list(row[1:]) for row in known.levels}

    def figures(self) -> DemandFigures:
        return DemandFigures(
            window=self._window,
            arrivals=tuple((*key, calls) for key, calls in self._arrivals.items()),
            handled=tuple((queue, total[0], total[1]) for queue, total in self._handled.items()),
            levels=tuple((queue, *counts) for queue, counts in self._levels.items()),  # type: ignore[misc]
        )

    def arrived(self, waiting: WaitingClass, at: float, *, is_call: bool = True) -> None:
        """An item has been queued; of its class only `class_keys` is remembered. Service levels are of
        calls alone."""
        if int(at // WINDOW_S) != self._window:
            self._fade(int(at // WINDOW_S))
        key = (waiting.queue, waiting.priority, waiting.requirement.key)
        self._arrivals[key] = self._arrivals.get(key, 0.0) + 1.0
        if is_call:
            self._level(waiting.queue)[0] += 1

    def class_keys(self) -> list[ClassKey]:
        """The classes of what has come, urgent or not."""
        return [ClassKey(*key) for key in self._arrivals]

    def answered(self, queue: str, *, in_target: bool) -> None:
        if in_target:
            self._level(queue)[1] += 1

    def handled(self, queue: str, seconds: float) -> None:
        total = self._handled.get(queue)
        if total is None:
            total = self._handled[queue] = [0.0, 0.0]
        total[0] += seconds
        total[1] += 1.0

    def service_level_pct(self, queue: str) -> float | None:
        """Answered in target of those offered in this half hour and the one before; None: nobody was."""
        now_offered, now_met, then_offered, then_met = self._levels.get(queue, (0, 0, 0, 0))
        offered = now_offered + then_offered
        return 100.0 * (now_met + then_met) / offered if offered else None

    def handle_s(self, queue: str) -> float:
        """Mean handle time of a queue's calls, in seconds."""
        total = self._handled.get(queue)
        return total[0] / total[1] if total and total[1] else USUAL_HANDLE_S

    def shares(self, classes: Mapping[ClassKey, WaitingClass]) -> dict[WaitingClass, float]:
        """Each class's share of the work that is offered: calls times handle time. Sums to 1, or to 0."""
        loads = {
            classes[ClassKey(*key)]: calls * self.handle_s(key[0])
            for key, calls in self._arrivals.items()
        }
        whole = sum(loads.values())
        return {waiting: load / whole for waiting, load in loads.items()} if whole else {}

    def _level(self, queue: str) -> list[int]:
        found = self._levels.get(queue)
        if found is None:
            found = self._levels[queue] = [0, 0, 0, 0]
        return found

    def _fade(self, window: int) -> None:
        left = REMEMBERED ** min(window - self._window, 100) if self._window else 1.0
        for key in self._arrivals:
            self._arrivals[key] *= left
        for total in self._handled.values():
            total[0] *= left
            total[1] *= left
        for counts in self._levels.values():
            counts[:] = [0, 0, *(counts[:2] if window == self._window + 1 else (0, 0))]
        self._window = window
