"""What the journal counts."""

from collections.abc import Mapping

from careline_common.observability.metrics import MetricsRegistry
from careline_tickets.domain.vocabulary import Status

ENDED = frozenset({Status.CLOSED, Status.MERGED})


class TicketsMetrics:
    """All of it under `careline_tickets_…`."""

    def __init__(self, registry: MetricsRegistry) -> None:
        self.created = registry.counter("created_total", "Appeals registered", ["channel"])
        self.moved = registry.counter("moved_total", "Actions done", ["action"])
        self.steps = registry.counter(
            "steps_fired_total", "Steps of clocks done", ["action", "result"]
        )
        self.step_lag = registry.gauge(
            "step_lag_seconds", "So long the step has been due that has waited longest"
        )
        self.tracked = registry.counter("tracked_total", "Questions by tracking code", ["result"])
        self._open = registry.gauge("open", "Appeals that are not ended", ["status"])
        self._overdue = registry.gauge("overdue", "Open appeals past their due time", ["status"])

    def show_open(self, counts: Mapping[str, tuple[int, int]]) -> None:
        """Shows open and overdue appeals by status; what is not counted is none."""
        for status in Status:
            if status not in ENDED:
                number, overdue = counts.get(status, (0, 0))
                self._open.labels(status).set(number)
                self._overdue.labels(status).set(overdue)
