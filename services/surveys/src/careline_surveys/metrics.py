"""What operators see of surveys. Labels are kinds and provider ids, never a person."""

from careline_common.observability.metrics import MetricsRegistry


class SurveysMetrics:
    def __init__(self, registry: MetricsRegistry) -> None:
        self.invitations = registry.counter(
            "invitations_total", "Invitations that came into a status", ["status"]
        )
        self.sms = registry.counter(
            "sms_total", "Messages handed to a provider, by outcome", ["provider", "outcome"]
        )
        self.notices = registry.counter(
            "notices_total", "Notices that other services have patients sent", ["kind", "outcome"]
        )
        self.replies = registry.counter("replies_total", "Messages that came in", ["meaning"])
        self.receipts = registry.counter(
            "receipts_total", "Delivery receipts", ["provider", "result"]
        )
        self.closed = registry.counter(
            "sms_closed_total",
            "Unknown outcomes that became known after all",
            ["provider", "state"],
        )
        self.bound = registry.gauge(
            "sms_bound", "1 while this process holds the session with an SMSC", ["provider"]
        )
        self.looked_up = registry.counter(
            "sms_looked_up_total",
            "Look-ups of messages of unknown outcome at their provider",
            ["provider", "result"],
        )
        self.delivered_share = registry.gauge(
            "sms_delivered_share_ratio",
            "Share of the last messages that were delivered, of those with time for a receipt",
            ["provider"],
        )
        self.preferred = registry.gauge(
            "sms_preferred", "0 while messages had better go by another provider", ["provider"]
        )
        self.scores = registry.counter("scores_total", "Scores recorded", ["metric", "low"])
        self.unknown = registry.gauge(
            "sms_unknown", "Messages of the last day whose outcome nobody knows"
        )
        self.waiting = registry.gauge("sms_waiting", "Messages that are due and not yet sent")
        self.no_provider = registry.gauge(
            "sms_no_provider", "1 while messages are due and no provider can take them"
        )
