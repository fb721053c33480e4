"""Writes what is made from code: docs/openapi, docs/events, docs/settings.md, docs/metrics.md,
docs/floor-states.md, docs/workflow.md, docs/flow.schema.json, the dashboard and the
operator's form of the Prometheus rules.

With --check nothing is written: exits 1 and names what is out of date.
"""

import json
import sys
from pathlib import Path
from typing import Any

from dashboard import dashboard
from floor_states import floor_states_page
from operations import metrics_page, prometheus_rule, settings_page
from workflow_page import workflow_page

from careline import asyncapi, exposed, roster
from careline_router.api.flows import flow_json_schema

ROOT = Path(__file__).resolve().parents[1]
DOCS, K8S = ROOT / "docs", ROOT / "deploy" / "k8s"
GOLDEN = ROOT / "tests" / "contract" / "golden"


def examples() -> dict[str, Any]:
    """The golden message of every event type."""
    return {path.stem: json.loads(path.read_bytes()) for path in GOLDEN.glob("*.json")}


def as_json(document: dict[str, Any], *, sort_keys: bool = True) -> str:
    text = json.dumps(document, indent=1, sort_keys=sort_keys, ensure_ascii=False) + "\n"
    return text.replace("#/$defs/", "#/components/schemas/")


def as_plain_json(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def documents() -> dict[Path, str]:
    made = {
        DOCS / "openapi" / f"{name}.json": as_json(exposed.assembled(name).app.openapi())
        for name in roster.NAMES
    }
    return made | {
        DOCS / "events" / "asyncapi.json": as_json(asyncapi.document(examples())),
        DOCS / "flow.schema.json": as_plain_json(flow_json_schema()),
        DOCS / "settings.md": settings_page(),
        DOCS / "metrics.md": metrics_page(),
        DOCS / "floor-states.md": floor_states_page(),
        DOCS / "workflow.md": workflow_page(),
        K8S / "dashboards" / "careline.json": as_json(dashboard(), sort_keys=False),
        K8S / "rules" / "prometheusrule.yaml": prometheus_rule(K8S / "rules" / "careline.yaml"),
    }


def main() -> None:
    stale = []
    for path, text in documents().items():
        if path.exists() and path.read_text() == text:
            continue
        stale.append(str(path.relative_to(ROOT)))
        if "--check" not in sys.argv:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    if "--check" in sys.argv and stale:
        sys.exit(f"out of date: {', '.join(stale)}: run make generated")


main()
