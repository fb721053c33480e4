"""What GeoReport v2 shows, as JSON and as XML."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree as ET

from pydantic_core import to_json
from starlette.responses import Response

from careline_common.config import Subject
from careline_ingest.db.open311 import Row
from careline_ingest.domain.georeport import LIMITS, PLACE, number
from careline_ingest.domain.normalise import clean

Item = Mapping[str, Any]

OUTCOMES = {
    "justified": "closed: justified",
    "partly": "closed: partly justified",
    "unjustified": "closed: not justified",
    "information": "closed: information was given",
    "withdrawn": "closed: withdrawn",
}
NOTES = {
    "new": "registered",
    "in_work": "in work",
    "with_expert": "in work: with an expert",
    "with_insurer": "with the insurer",
    "in_review": "the answer is being checked",
    "waiting": "waiting",
    "closed": "closed",
    "merged": "closed: dealt with under another appeal about the same",
}
"""`status_notes` by the journal's status: where an appeal stands, never what was answered."""


def service(subject: Subject) -> dict[str, Any]:
    name = subject.name or subject.id
    return {
        "service_code": subject.id,
        "service_name": name,
        "description": name,
        "metadata": False,
        "type": "realtime",
        "keywords": "",
        "group": subject.group or "",
    }


def request(row: Row, subjects: Mapping[str, Subject]) -> dict[str, Any]:
    subject = subjects.get(row.subject or "")
    notes = NOTES.get(row.journal_status or "", "received")
    if row.journal_status == "closed":
        notes = OUTCOMES.get(row.outcome or "", notes)
    given = row.given or {}
    place: dict[str, Any] = {name: given.get(name) for name in PLACE}
    place |= {name: number(given.get(name)) for name in LIMITS}
    return {
        "service_request_id": row.id,
        "status": row.status,
        "status_notes": notes,
        "service_name": (subject.name or subject.id) if subject else None,
        "service_code": row.subject,
        "description": row.description,
        "agency_responsible": row.insurer,
        "service_notice": f"appeal {row.number}" if row.number else None,
        "requested_datetime": _time(row.requested_at),
        "updated_datetime": _time(row.updated_at),
        "expected_datetime": _time(row.expected_at),
        "address": place.pop("address_string"),
        **place,
    }


def answer(suffix: str, root: str, item: str, items: Sequence[Item], status: int = 200) -> Response:
    """A list of things: a JSON array, or `<root><item>…</item></root>`."""
    return Response(
        document(suffix, root, item, items),
        status,
        media_type="application/xml" if suffix == "xml" else "application/json",
        headers={"Content-Type": content_type(suffix)},
    )


def content_type(suffix: str) -> str:
    return f"application/{suffix}; charset=utf-8"


def document(suffix: str, root: str, item: str, items: Sequence[Item]) -> bytes:
    if suffix == "json":
        return to_json(items)
    tree = ET.Element(root)
    for each in items:
        _fill(ET.SubElement(tree, item), each)
    written: bytes = ET.tostring(tree, encoding="utf-8", xml_declaration=True)
    return written


def definition(suffix: str, code: str) -> bytes:
    """`services/{code}`: no subject asks for more than the specification has."""
    if suffix == "json":
        return to_json({"service_code": code, "attributes": []})
    tree = ET.Element("service_definition")
    _fill(tree, {"service_code": code, "attributes": ""})
    written: bytes = ET.tostring(tree, encoding="utf-8", xml_declaration=True)
    return written


def _fill(element: ET.Element, values: Item) -> None:
    for name, value in values.items():
        child = ET.SubElement(element, name)
        if isinstance(value, bool):
            child.text = str(value).lower()
        elif value is not None:
            child.text = clean(str(value))


def _time(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
