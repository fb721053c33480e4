"""Prints the event catalogue."""

import json
from typing import Any

from careline import roster
from careline_common.events import CATALOGUE, Event
from careline_common.events.registry import producer_of


def catalogue() -> list[dict[str, Any]]:
    """Every event: its type, who tells it and who hears it, and the JSON Schema of its data."""
    return [
        {
            "type": event_type,
            "producer": producer_of(event),
            "consumers": _consumers(event),
            "summary": (event.__doc__ or "").strip().split("\n")[0] if event.__doc__ else "",
            "schema": event.model_json_schema(),
        }
        for event_type, event in sorted(CATALOGUE.items())
    ]


def _consumers(event: type[Event]) -> list[str]:
    return [
        consumer
        for service in roster.NAMES
        for consumer, events in roster.heard(service).items()
        if event in events
    ]


def as_json() -> str:
    return json.dumps(catalogue(), indent=2, sort_keys=True)


def as_text() -> str:
    lines = []
    for entry in catalogue():
        heard = ", ".join(entry["consumers"]) or "nobody yet"
        lines.append(f"{entry['type']}  (from {entry['producer']}, heard by {heard})")
        if entry["summary"]:
            lines.append(f"    {entry['summary']}")
        fields = entry["schema"].get("properties", {})
        lines.append("    " + ", ".join(fields))
    return "\n".join(lines)
