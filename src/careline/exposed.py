"""What an operator sees and sets: every metric and every setting of each service, out of the code."""

from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from careline import roster
from careline_common.clock import SystemClock
from careline_common.ids import UuidIds
from careline_common.lifecycle import Service
from careline_common.messaging.local import LocalTransport
from careline_common.observability.metrics import MetricsRegistry, exposition

NOWHERE = "postgresql://nobody@127.0.0.1:1/none"


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric as Prometheus knows it; a counter's `name` is without `_total`."""

    name: str
    kind: str
    text: str
    labels: tuple[str, ...]

    @property
    def samples(self) -> tuple[str, ...]:
        """Names of its series."""
        match self.kind:
            case "counter":
                return (f"{self.name}_total",)
            case "histogram":
                return (f"{self.name}_bucket", f"{self.name}_sum", f"{self.name}_count")
            case _:
                return (self.name,)


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting as an environment variable; `default` is None where it must be given."""

    variable: str
    text: str
    default: str | None


def assembled(name: str) -> Service:
    """A service that is put together but never started."""
    member = roster.member(name)
    return member.create_service(
        member.settings(database_url=NOWHERE),
        transport=LocalTransport(NOWHERE),
        clock=SystemClock(),
        ids=UuidIds(),
    )


def metrics(name: str) -> tuple[Metric, ...]:
    """Everything that a service has on `/metrics`, by name."""
    service = assembled(name)
    service.app.build_middleware_stack()  # the middleware counts too
    registry: MetricsRegistry = service.app.state.metrics
    labels = dict(_labels(registry.registry))
    page = exposition([registry]).decode()
    found = (
        Metric(family.name, family.type, family.documentation, labels.get(family.name, ()))
        for family in text_string_to_metric_families(page)
    )
    return tuple(sorted(filter(_is_wanted, found), key=lambda metric: metric.name))


def _is_wanted(metric: Metric) -> bool:
    # when each counter was made is a family of its own in this format, and of no use
    return not (metric.kind == "gauge" and metric.name.endswith("_created"))


def _labels(registry: CollectorRegistry) -> Iterator[tuple[str, tuple[str, ...]]]:
    # the client tells labels only of series that have been counted already
    for collector in registry._collector_to_names:  # noqa: SLF001
        yield collector._name, collector._labelnames  # type: ignore[attr-defined]  # noqa: SLF001


def settings(name: str) -> tuple[Setting, ...]:
    """Every setting of a service, in the order of the code."""
    return tuple(
        Setting(
            variable=f"CARELINE_{field.upper()}",
            text=info.description or "",
            default=None if info.is_required() else str(info.default),
        )
        for field, info in roster.member(name).settings.model_fields.items()
    )
