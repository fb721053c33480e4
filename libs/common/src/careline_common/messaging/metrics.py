"""What messaging counts. `service` keeps the four services apart where they share one page."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class MessagingMetrics:
    """The messaging metrics of one service."""

    def __init__(self, registry: CollectorRegistry, *, service: str) -> None:
        self.unpublished = Gauge(
            "careline_outbox_unpublished",
            "Events in the outbox that are not yet confirmed by the transport",
            ["service"],
            registry=registry,
        ).labels(service)
        self.oldest_age = Gauge(
            "careline_outbox_oldest_age_seconds",
            "Age of the oldest event that is not yet confirmed; 0 when there is none",
            ["service"],
            registry=registry,
        ).labels(service)
        self.published = Counter(
            "careline_outbox_published_total",
            "Events confirmed by the transport",
            ["service"],
            registry=registry,
        ).labels(service)
        self.publish_failures = Counter(
            "careline_outbox_failures_total",
            "Publishing attempts that the transport refused",
            ["service"],
            registry=registry,
        ).labels(service)
        self.relaying = Gauge(
            "careline_outbox_relaying",
            "1 while this process is the one that publishes for its service",
            ["service"],
            registry=registry,
        ).labels(service)
        self._service = service
        self._consumed = Counter(
            "careline_events_consumed_total",
            "Deliveries by outcome: done, duplicate, retried, parked, interrupted",
            ["service", "consumer", "outcome"],
            registry=registry,
        )
        self._seconds = Histogram(
            "careline_event_handling_seconds",
            "Time one delivery took, with the commit of its batch",
            ["service", "consumer"],
            registry=registry,
        )
        self._batches = Histogram(
            "careline_event_batch_events",
            "Deliveries that a consumer was handed at once",
            ["service", "consumer"],
            buckets=(1, 2, 4, 8, 16, 32, 64),
            registry=registry,
        )
        self._waiting = Gauge(
            "careline_events_waiting",
            "Messages in a consumer's queue",
            ["service", "consumer"],
            registry=registry,
        )
        self._parked = Gauge(
            "careline_events_parked",
            "Messages that were parked and wait for somebody to look at them",
            ["service", "consumer"],
            registry=registry,
        )

    def consumed(self, consumer: str, outcome: str, seconds: float) -> None:
        self._consumed.labels(self._service, consumer, outcome).inc()
        self._seconds.labels(self._service, consumer).observe(seconds)

    def batch(self, consumer: str, deliveries: int) -> None:
        self._batches.labels(self._service, consumer).observe(deliveries)

    def depth(self, consumer: str, *, waiting: int, parked: int) -> None:
        self._waiting.labels(self._service, consumer).set(waiting)
        self._parked.labels(self._service, consumer).set(parked)
