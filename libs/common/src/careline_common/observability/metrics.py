"""Prometheus metrics of one service, all named `careline_<service>_…`."""

from collections.abc import Iterable, Sequence
from typing import TypeVar, cast

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client import Metric as MetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

CONTENT_TYPE = CONTENT_TYPE_LATEST
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

_PROCESS = CollectorRegistry()
ProcessCollector(registry=_PROCESS)

Metric = TypeVar("Metric", Counter, Gauge, Histogram)


class MetricsRegistry:
    """The metrics of a service. Asking for a name again gives the metric that is there.

    `counter("offers_total", …)` of the router is `careline_router_offers_total`. Labels must be
    bounded: routes, kinds and reasons; never an id, a number or a hash of one.
    """

    def __init__(self, service: str) -> None:
        self.service = service
        self.registry = CollectorRegistry()
        self._metrics: dict[str, Counter | Gauge | Histogram] = {}

    def counter(self, name: str, text: str, labels: Sequence[str] = ()) -> Counter:
        return self._known(name, Counter) or self._keep(
            name, Counter(self._full(name), text, labels, registry=self.registry)
        )

    def gauge(self, name: str, text: str, labels: Sequence[str] = ()) -> Gauge:
        return self._known(name, Gauge) or self._keep(
            name, Gauge(self._full(name), text, labels, registry=self.registry)
        )

    def histogram(
        self,
        name: str,
        text: str,
        labels: Sequence[str] = (),
        buckets: Sequence[float] = SECONDS,
    ) -> Histogram:
        return self._known(name, Histogram) or self._keep(
            name, Histogram(self._full(name), text, labels, buckets=buckets, registry=self.registry)
        )

    def value(self, name: str, **labels: str) -> float:
        """The present value of a sample, 0 when there is none (for tests and demos)."""
        return self.registry.get_sample_value(self._full(name), labels) or 0.0

    def _full(self, name: str) -> str:
        return f"careline_{self.service}_{name}"

    def _known(self, name: str, kind: type[Metric]) -> Metric | None:
        metric = self._metrics.get(name)
        if metric is not None and not isinstance(metric, kind):
            raise TypeError(f"{self._full(name)} is a {type(metric).__name__}")
        return metric

    def _keep(self, name: str, metric: Metric) -> Metric:
        self._metrics[name] = metric
        return metric


class _Together:
    """Several registries as one: families of one name become one family, as the format wants it."""

    def __init__(self, registries: Iterable[CollectorRegistry]) -> None:
        self._registries = list(registries)

    def collect(self) -> Iterable[MetricFamily]:
        families: dict[str, MetricFamily] = {}
        for registry in self._registries:
            for family in registry.collect():
                if family.name in families:
                    families[family.name].samples.extend(family.samples)
                else:
                    families[family.name] = family
        return families.values()


def exposition(registries: Iterable[MetricsRegistry]) -> bytes:
    """The body of `/metrics` over one or more services, with the process's own figures once."""
    together = _Together([*(metrics.registry for metrics in registries), _PROCESS])
    return generate_latest(cast("CollectorRegistry", together))
