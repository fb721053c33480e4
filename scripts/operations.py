"""What operators need of the code as pages and resources: settings, metrics, rules."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import yaml

from careline import exposed, roster

Item = TypeVar("Item", exposed.Setting, exposed.Metric)
Cells = tuple[str, ...]


def prometheus_rule(rules: Path) -> str:
    """The rules as the Prometheus operator takes them."""
    resource = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "careline"},
        "spec": yaml.safe_load(rules.read_text()),
    }
    head = f"# Made from {rules.name} by make generated.\n"
    return head + yaml.safe_dump(resource, sort_keys=False, width=200, allow_unicode=True)


def settings_page() -> str:
    """Every setting of every service."""
    return _page(
        "Settings",
        "Made from the code by `make generated`. All are environment variables.",
        {name: exposed.settings(name) for name in roster.NAMES},
        ("Variable", "Default", "What it is"),
        lambda setting: (f"`{setting.variable}`", _default(setting.default), setting.text),
    )


def metrics_page() -> str:
    """Every metric of every service."""
    return _page(
        "Metrics",
        "Made from the code by `make generated`. A counter's series ends in `_total`.",
        {name: exposed.metrics(name) for name in roster.NAMES},
        ("Metric", "Kind", "Labels", "What it is"),
        lambda metric: (f"`{metric.name}`", metric.kind, ", ".join(metric.labels), metric.text),
    )


def _default(default: str | None) -> str:
    if default is None:
        return "must be given"
    return f"`{default}`" if default not in {"", "None"} else "none"


def _page(
    title: str,
    lead: str,
    every: Mapping[str, Sequence[Item]],
    head: Cells,
    cells: Callable[[Item], Cells],
) -> str:
    """A table of what all services have, then one with what is a service's own."""
    of_all = [item for item in every["router"] if all(item in those for those in every.values())]
    groups = {"Every service": of_all} | {
        name.capitalize(): [item for item in those if item not in of_all]
        for name, those in every.items()
    }
    parts = [f"# {title}", "", lead, ""]
    for name, items in groups.items():
        parts += [f"## {name}", "", _table(head, [cells(item) for item in items])]
    return "\n".join(parts)


def _table(head: Cells, rows: Sequence[Cells]) -> str:
    lines = [_line(head), "|---" * len(head) + "|", *map(_line, rows)]
    return "\n".join(lines) + "\n"


def _line(cells: Cells) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
