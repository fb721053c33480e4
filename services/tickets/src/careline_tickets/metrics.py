"""What the journal counts."""

from collections.abc import Mapping

from careline_common.observability.metrics import MetricsRegistry
from careline_tickets.domain.ticket import ENDED
from careline_tickets.domain.vocabulary import Status


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
        self.mail_in = registry.counter("mail_in_total", "Mails that came in", ["outcome"])
        self.mail_held = registry.gauge("mail_held", "Mails that wait for a person to judge them")
        self.mail_held_s = registry.gauge(
            "mail_held_seconds", "So long the mail has been held that has waited longest"
        )
        self.mail_judged = registry.counter(
            "mail_judged_total", "Held mails that were judged, or whose time was over", ["decision"]
        )
        self.mail_away = registry.gauge(
            "mail_away", "1 while a mailbox cannot be looked into", ["mailbox"]
        )
        self.mail_out = registry.counter(
            "mail_out_total", "Mails that were handed over", ["outcome"]
        )
        self.mail_waiting = registry.gauge(
            "mail_waiting_seconds", "So long the mail has been due that has waited longest"
        )
        self.scanned = registry.counter("scanned_total", "Files scanned for viruses", ["result"])
        self.unscanned = registry.gauge(
            "unscanned_seconds", "So long the file has waited for its scan that has waited longest"
        )
        self._open = registry.gauge("open", "Appeals that are not ended", ["status"])
        self._overdue = registry.gauge("overdue", "Open appeals past their due time", ["status"])

    def show_open(self, counts: Mapping[str, tuple[int, int]]) -> None:
        """Shows open and overdue appeals by status; what is not counted is none."""
        for status in Status:
            if status not in ENDED:
                number, overdue = counts.get(status, (0, 0))
                self._open.labels(status).set(number)
                self._overdue.labels(status).set(overdue)
