"""What ingest counts. Sources are configured, so their ids are bounded labels."""

from careline_common.observability.metrics import MetricsRegistry
from careline_ingest.domain.counts import Counts


class IngestMetrics:
    def __init__(self, registry: MetricsRegistry) -> None:
        self._rows = registry.counter(
            "rows_total", "rows settled, by what became of them", ("source", "result")
        )
        self._runs = registry.counter("runs_total", "runs ended", ("source", "status"))
        self._replayed = registry.counter(
            "replayed_rows_total", "rows taken out of quarantine", ("source", "result")
        )
        self._finished = registry.gauge(
            "last_run_timestamp_seconds", "when a source's last good run ended", ("source",)
        )
        self._reachable = registry.gauge(
            "source_reachable", "1 when the source could be read last time, else 0", ("source",)
        )

    def rows(self, source: str, counts: Counts) -> None:
        for result in ("created", "updated", "unchanged", "quarantined"):
            self._rows.labels(source, result).inc(getattr(counts, result))

    def replayed(self, source: str, counts: Counts) -> None:
        for result in ("created", "updated", "unchanged"):
            self._replayed.labels(source, result).inc(getattr(counts, result))

    def run_ended(self, source: str, status: str, at: float) -> None:
        self._runs.labels(source, status).inc()
        if status == "done":
            self._finished.labels(source).set(at)

    def reachable(self, source: str, *, yes: bool) -> None:
        self._reachable.labels(source).set(1 if yes else 0)
