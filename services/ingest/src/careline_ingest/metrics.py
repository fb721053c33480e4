"""What ingest counts. Sources are configured, so their ids are bounded labels."""

from collections.abc import Iterable
from contextlib import suppress
from typing import Literal

from careline_common.observability.metrics import MetricsRegistry
from careline_ingest.domain.counts import Counts

FetchResult = Literal["new", "nothing", "refused", "failed"]
"""New files; nothing new; a file that cannot be taken; the server could not be read."""


NoticeResult = Literal["delivered", "failed", "refused"]
"""Taken; to be tried again; never taken."""


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

        self._fetches = registry.counter(
            "fetches_total", "looks at partners' servers, by how they ended", ("source", "result")
        )
        self._fetch_age = registry.gauge(
            "fetch_age_seconds", "since a source was last fetched without an error", ("source",)
        )
        self._answers = registry.counter(
            "answers_total", "answers put where senders find them", ("source", "result")
        )
        self._notices = registry.counter(
            "notices_total", "news of appeals told to partners, or tried to", ("source", "result")
        )
        self._refused = registry.gauge(
            "notices_refused", "news that the partner refuses, until it is told again", ("source",)
        )
        self._late = registry.gauge(
            "feed_late", "1 when no new file has come for late_after_s, else 0", ("source",)
        )
        self._volume = registry.gauge(
            "feed_volume",
            "1 while the feed is missing, short, doubled, drifting",
            ("source", "problem"),
        )
        self._stopped = registry.gauge(
            "source_stopped", "1 when its server is not trusted any more, else 0", ("source",)
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

    def fetched(self, source: str, result: FetchResult) -> None:
        self._fetches.labels(source, result).inc()

    def fetch_age(self, source: str, seconds: float) -> None:
        self._fetch_age.labels(source).set(seconds)

    def answered(self, source: str, *, well: bool) -> None:
        self._answers.labels(source, "delivered" if well else "failed").inc()

    def told(self, source: str, result: NoticeResult, count: int) -> None:
        self._notices.labels(source, result).inc(count)

    def late(self, source: str, *, yes: bool) -> None:
        self._late.labels(source).set(1 if yes else 0)

    def stopped(self, source: str, *, yes: bool) -> None:
        self._stopped.labels(source).set(1 if yes else 0)

    def volume(self, source: str, problem: str, *, yes: bool) -> None:
        self._volume.labels(source, problem).set(1 if yes else 0)

    def refused(self, source: str, count: int) -> None:
        self._refused.labels(source).set(count)

    def forget_volume(self, source: str, problems: Iterable[str]) -> None:
        with suppress(KeyError):
            self._refused.remove(source)
        for problem in problems:
            with suppress(KeyError):
                self._volume.remove(source, problem)

    def forget(self, source: str) -> None:
        """A source that is not watched any more is neither late nor out of reach."""
        for gauge in (self._reachable, self._fetch_age, self._late, self._stopped):
            with suppress(KeyError):
                gauge.remove(source)
