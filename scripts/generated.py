"""Writes the documents that are made from code: docs/openapi and docs/events.

With --check nothing is written: exits 1 and names what is out of date.
"""

import json
import sys
from pathlib import Path
from typing import Any

from careline import roster
from careline.catalogue import catalogue
from careline_common.clock import SystemClock
from careline_common.ids import UuidIds
from careline_common.messaging.local import LocalTransport

DOCS = Path(__file__).resolve().parents[1] / "docs"
NOWHERE = "postgresql://nobody@127.0.0.1:1/none"


def openapi(member: roster.Member) -> dict[str, Any]:
    """The HTTP interface of one service, which is put together but never started."""
    service = member.create_service(
        member.settings(database_url=NOWHERE),
        transport=LocalTransport(NOWHERE),
        clock=SystemClock(),
        ids=UuidIds(),
    )
    return service.app.openapi()


def asyncapi() -> dict[str, Any]:
    """Every event as an AsyncAPI 3 channel: routing key, producer, and the schema of `data`."""
    channels, messages, operations, schemas = {}, {}, {}, {}
    for entry in catalogue():
        kind = entry["type"]
        name = kind.replace(".", "_")
        schema = entry["schema"]
        schemas.update(schema.pop("$defs", {}))
        schemas[name] = schema
        messages[name] = {
            "name": kind,
            "summary": entry["summary"],
            "contentType": "application/cloudevents+json",
            "payload": {
                "type": "object",
                "required": ["specversion", "id", "source", "type", "subject", "time", "data"],
                "properties": {
                    "type": {"const": kind},
                    "source": {"const": f"/careline/{entry['producer']}"},
                    "data": {"$ref": f"#/components/schemas/{name}"},
                },
            },
        }
        channels[name] = {
            "address": kind,
            "messages": {name: {"$ref": f"#/components/messages/{name}"}},
        }
        operations[f"send_{name}"] = {
            "action": "send",
            "channel": {"$ref": f"#/channels/{name}"},
            "tags": [{"name": entry["producer"]}],
        }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Careline events",
            "version": "1",
            "description": "CloudEvents 1.0, structured mode, on the topic exchange careline.events.",
        },
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages, "schemas": schemas},
    }


def documents() -> dict[Path, dict[str, Any]]:
    made = {
        DOCS / "openapi" / f"{name}.json": openapi(roster.member(name)) for name in roster.NAMES
    }
    made[DOCS / "events" / "asyncapi.json"] = asyncapi()
    return made


def main() -> None:
    stale = []
    for path, document in documents().items():
        text = json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
        text = text.replace("#/$defs/", "#/components/schemas/")
        if path.exists() and path.read_text() == text:
            continue
        stale.append(str(path.relative_to(DOCS.parent)))
        if "--check" not in sys.argv:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    if "--check" in sys.argv and stale:
        sys.exit(f"out of date: {', '.join(stale)}: run make generated")


main()
