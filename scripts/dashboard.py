"""The Grafana dashboard: what operators look at, in the order in which they ask, then all the rest.

A metric that no panel here names gets one of its own in the last rows, so none is out of sight.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from careline import exposed, roster

WIDTH, HEIGHT, WHOLE = 8, 7, 24
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
_NAME = re.compile(r"\b(?:careline|process)_\w+")


@dataclass(frozen=True, slots=True)
class Query:
    """PromQL and what its lines are called."""

    expr: str
    legend: str


@dataclass(frozen=True, slots=True)
class Panel:
    """Lines over time. `unit` is Grafana's name of it."""

    title: str
    queries: tuple[Query, ...]
    unit: str = "short"
    text: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    title: str
    panels: tuple[Panel, ...]
    collapsed: bool = False


def lines(title: str, expr: str, legend: str, unit: str = "short") -> Panel:
    return Panel(title, (Query(expr, legend),), unit)


def per_minute(title: str, counter: str, *by: str) -> Panel:
    return lines(title, f"sum by ({', '.join(by)}) (rate({counter}[5m])) * 60", _legend(by))


def quantiles(title: str, histogram: str, *by: str, unit: str = "s") -> Panel:
    """The median and the slowest hundredth."""
    groups = ", ".join(("le", *by))
    return Panel(
        title,
        tuple(
            Query(
                f"histogram_quantile({q}, sum by ({groups}) (rate({histogram}_bucket[5m])))",
                f"p{int(q * 100)} {_legend(by)}".strip(),
            )
            for q in (0.5, 0.99)
        ),
        unit,
    )


def _legend(labels: Iterable[str]) -> str:
    return " ".join(f"{{{{{label}}}}}" for label in labels)


CALLS = Row(
    "Calls",
    (
        lines("Calls that wait", "sum(careline_router_waiting_calls)", "waiting"),
        lines(
            "Longest wait",
            "max by (queue) (careline_router_longest_wait_seconds)",
            "{{queue}}",
            "s",
        ),
        lines("Agents", "sum by (state) (careline_router_agents)", "{{state}}"),
        Panel(
            "Calls a minute",
            (
                Query("sum(rate(careline_router_calls_arrived_total[5m])) * 60", "arrived"),
                Query(
                    "sum by (outcome) (rate(careline_router_calls_total[5m])) * 60", "{{outcome}}"
                ),
            ),
        ),
        per_minute("Offers a minute, by their end", "careline_router_offers_total", "end"),
        per_minute("Look-ups in the CRM a minute", "careline_router_crm_lookups_total", "status"),
        quantiles("Time of a decision with its commit", "careline_router_commit_seconds"),
        per_minute("Commands a PBX refused", "careline_router_pbx_commands_failed_total", "type"),
        lines("Who leads the floor", "careline_router_leading", "{{instance}}"),
    ),
)
APPEALS = Row(
    "Appeals",
    (
        lines("Open", "max by (status) (careline_tickets_open)", "{{status}}"),
        lines("Past their due time", "max by (status) (careline_tickets_overdue)", "{{status}}"),
        per_minute("Registered a minute", "careline_tickets_created_total", "channel"),
    ),
)
SURVEYS = Row(
    "Surveys",
    (
        per_minute("Invitations a minute", "careline_surveys_invitations_total", "status"),
        per_minute("Messages a minute", "careline_surveys_sms_total", "provider", "outcome"),
        Panel(
            "Messages that are stuck",
            (
                Query("max(careline_surveys_sms_waiting)", "due and not sent"),
                Query("max(careline_surveys_sms_unknown)", "outcome unknown"),
                Query("min(careline_surveys_sms_no_provider)", "no provider"),
            ),
        ),
    ),
)
FEEDS = Row(
    "Feeds",
    (
        per_minute("Rows a minute", "careline_ingest_rows_total", "source", "result"),
        lines(
            "Since the last good run",
            "time() - max by (source) (careline_ingest_last_run_timestamp_seconds)",
            "{{source}}",
            "s",
        ),
        Panel(
            "Late or out of reach",
            (
                Query("max by (source) (careline_ingest_feed_late)", "late: {{source}}"),
                Query(
                    "1 - max by (source) (careline_ingest_source_reachable)",
                    "out of reach: {{source}}",
                ),
            ),
        ),
    ),
)
EVENTS = Row(
    "Events",
    (
        lines(
            "Age of the oldest event that has not gone out",
            "max by (service) (careline_outbox_oldest_age_seconds)",
            "{{service}}",
            "s",
        ),
        lines(
            "Messages that wait",
            "max by (service, consumer) (careline_events_waiting)",
            "{{consumer}}",
        ),
        lines("Parked", "max by (service, consumer) (careline_events_parked)", "{{consumer}}"),
        per_minute("Published a minute", "careline_outbox_published_total", "service"),
        per_minute("Handled a minute", "careline_events_consumed_total", "consumer", "outcome"),
        quantiles("Time to handle one", "careline_event_handling_seconds", "consumer"),
    ),
)
REQUESTS = Row(
    "Requests and processes",
    (
        Panel(
            "Requests a second",
            tuple(
                Query(
                    f"sum by (status) (rate(careline_{name}_http_requests_total[5m]))",
                    f"{name} {{{{status}}}}",
                )
                for name in roster.NAMES
            ),
            "reqps",
        ),
        Panel(
            "Slowest hundredth of requests",
            tuple(
                Query(
                    "histogram_quantile(0.99, sum by (le) "
                    f"(rate(careline_{name}_http_request_seconds_bucket[5m])))",
                    name,
                )
                for name in roster.NAMES
            ),
            "s",
        ),
        lines(
            "Memory",
            'process_resident_memory_bytes{job=~"careline-.+"}',
            "{{job}} {{instance}}",
            "bytes",
        ),
        lines(
            "Processors",
            'rate(process_cpu_seconds_total{job=~"careline-.+"}[5m])',
            "{{job}} {{instance}}",
        ),
        lines("Open files", 'process_open_fds{job=~"careline-.+"}', "{{job}} {{instance}}"),
        lines("Answers", 'up{job=~"careline-.+"}', "{{job}} {{instance}}"),
    ),
)
ROWS = (CALLS, APPEALS, SURVEYS, FEEDS, EVENTS, REQUESTS)


def rest() -> Iterator[Row]:
    """Rows with what the rows above do not show, one a service."""
    seen = {
        name
        for row in ROWS
        for panel in row.panels
        for query in panel.queries
        for name in _NAME.findall(query.expr)
    }
    for name in roster.NAMES:
        panels = []
        for metric in exposed.metrics(name):
            if metric.name.startswith("careline_") and seen.isdisjoint(metric.samples):
                panels.append(_plain(metric))
                seen.update(metric.samples)
        if panels:
            yield Row(f"More of {name}", tuple(panels), collapsed=True)


def _plain(metric: exposed.Metric) -> Panel:
    by, (series, *_) = metric.labels, metric.samples
    unit = "s" if metric.name.endswith("_seconds") else "short"
    match metric.kind:
        case "counter":
            panel = per_minute(metric.name, series, *by)
        case "histogram":
            panel = quantiles(metric.name, metric.name, *by, unit=unit)
        case _:
            panel = lines(metric.name, f"max by ({', '.join(by)}) ({series})", _legend(by), unit)
    return Panel(panel.title, panel.queries, panel.unit, metric.text)


def dashboard() -> dict[str, Any]:
    """The dashboard as Grafana imports it."""
    panels: list[dict[str, Any]] = []
    top = 0
    for row in (*ROWS, *rest()):
        inner = [_panel(panel, n, top + 1) for n, panel in enumerate(row.panels)]
        head = {
            "type": "row",
            "title": row.title,
            "collapsed": row.collapsed,
            "gridPos": {"x": 0, "y": top, "w": WHOLE, "h": 1},
            "panels": inner if row.collapsed else [],
        }
        panels += [head] if row.collapsed else [head, *inner]
        top += 1 + (0 if row.collapsed else HEIGHT * -(-len(inner) * WIDTH // WHOLE))
    for number, panel in enumerate(_all(panels), start=1):
        panel["id"] = number
    return {
        "uid": "careline",
        "title": "Careline",
        "tags": ["careline"],
        "schemaVersion": 39,
        "editable": False,
        "refresh": "15s",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {
            "list": [
                {
                    "name": "datasource",
                    "label": "Prometheus",
                    "type": "datasource",
                    "query": "prometheus",
                }
            ]
        },
        "panels": panels,
    }


def _panel(panel: Panel, number: int, top: int) -> dict[str, Any]:
    across = WHOLE // WIDTH
    return {
        "type": "timeseries",
        "title": panel.title,
        "description": panel.text,
        "datasource": DATASOURCE,
        "gridPos": {
            "x": number % across * WIDTH,
            "y": top + number // across * HEIGHT,
            "w": WIDTH,
            "h": HEIGHT,
        },
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "targets": [
            {
                "refId": chr(ord("A") + n),
                "datasource": DATASOURCE,
                "expr": query.expr,
                "legendFormat": query.legend,
            }
            for n, query in enumerate(panel.queries)
        ],
    }


def _all(panels: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for panel in panels:
        yield panel
        yield from _all(panel.get("panels", ()))
