"""What a released event version promises, and whether today's catalogue keeps it.

A field may be added when it is optional. Whatever else changes a field is a new version of the event.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

HERE = Path(__file__).parent
GOLDEN = HERE / "golden"
RECORD = HERE / "record.json"

Promise = dict[str, Any]


def promises_of(events: Mapping[str, type[BaseModel]], golden: Path) -> dict[str, Promise]:
    """For each event type its fields, with JSON Schema and whether they are always there, and the
    digest of its golden message."""
    return {
        event_type: {
            "fields": _fields(event),
            "golden_sha256": _digest(golden / f"{event_type}.json"),
        }
        for event_type, event in sorted(events.items())
    }


def _fields(event: type[BaseModel]) -> dict[str, Any]:
    schema = event.model_json_schema()
    required = schema.get("required", [])
    return {
        name: {"required": name in required, "schema": _essence(of, schema.get("$defs", {}))}
        for name, of in schema["properties"].items()
    }


def _essence(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """A field's schema without its words."""
    named = definitions and "#/$defs/" in json.dumps(schema)
    text = json.dumps({**schema, "$defs": definitions} if named else schema, sort_keys=True)
    essence: dict[str, Any] = json.loads(text)
    for word in ("title", "description"):
        essence.pop(word, None)
    return essence


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def broken(released: Mapping[str, Promise], today: Mapping[str, Promise]) -> list[str]:
    """Every promise of a release that is not kept today, in words."""
    faults = []
    for event_type, promise in released.items():
        if event_type not in today:
            faults.append(f"{event_type} is gone: publish both versions for a release")
            continue
        faults += [
            f"{event_type}: {fault}"
            for fault in _broken_fields(promise["fields"], today[event_type]["fields"])
        ]
    return faults


def _broken_fields(released: Mapping[str, Any], today: Mapping[str, Any]) -> list[str]:
    faults = [f"{name} is gone" for name in released.keys() - today.keys()]
    for name, field in today.items():
        if name not in released:
            if field["required"]:
                faults.append(f"{name} is new, so it has to be optional")
        elif field["schema"] != released[name]["schema"]:
            faults.append(f"{name} has changed: that is a new version of the event")
        elif field["required"] != released[name]["required"]:
            faults.append(f"{name} is required in one version and optional in the other")
    return sorted(faults)


def missing_from(released: Any, today: Any, path: str = "") -> list[str]:
    """What stood in a released message and does not stand in today's, at the same place."""
    if isinstance(released, dict) and isinstance(today, dict):
        return [
            fault
            for name, value in released.items()
            for fault in missing_from(value, today.get(name), f"{path}.{name}")
        ]
    return [] if released == today and type(released) is type(today) else [path.lstrip(".")]
