"""Prints the event catalogue."""

import json
from typing import Any

from careline_common.events import CATALOGUE
from careline_common.events.registry import producer_of


def catalogue() -> list[dict[str, Any]]:
    """Every event: its type, producer, what it says, and the JSON Schema of its data."""
    return [
        {
            "type": event_type,
            "producer": producer_of(event),
            "summary": (event.__doc__ or "").strip().split("\n")[0] if event.__doc__ else "",
            "schema": event.model_json_schema(),
        }
        for event_type, event in sorted(CATALOGUE.items())
    ]


def as_json() -> str:
    return json.dumps(catalogue(), indent=2, sort_keys=True)


def as_text() -> str:
    lines = []
    for entry in catalogue():
        lines.append(f"{entry['type']}  (from {entry['producer']})")
        if entry["summary"]:
            lines.append(f"    {entry['summary']}")
        fields = entry["schema"].get("properties", {})
        lines.append("    " + ", ".join(fields))
    return "\n".join(lines)
