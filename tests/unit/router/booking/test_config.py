"""The section `booking`: what is wrong with it is said, and where."""

from typing import Any

import pytest
from pydantic import ValidationError

from careline_router.booking_config import BookingEntry, booking_faults

pytestmark = pytest.mark.unit

HTTP: dict[str, Any] = {"kind": "http", "url": "https://b.example/api", "clinics": {"n": "17"}}
FHIR: dict[str, Any] = {**HTTP, "kind": "fhir", "clinics": {"n": "Location/17"}}


def faults(**entry: Any) -> list[str]:
    try:
        made = BookingEntry(**entry)
    except ValidationError as error:
        return [".".join(map(str, each["loc"])) or each["msg"] for each in error.errors()]
    return [path for path, _ in booking_faults(made)]


@pytest.mark.parametrize("entry", [{}, HTTP, FHIR, {**HTTP, "book": {"path": "/b/{reference}"}}])
def test_what_is_right_is_taken(entry: dict[str, Any]) -> None:
    assert faults(**entry) == []


@pytest.mark.parametrize(
    ("entry", "where"),
    [
        ({**HTTP, "url": "ftp://b.example"}, "url"),
        ({**HTTP, "url": "https://b.example/{phone}"}, "url"),
        ({**HTTP, "url": "https://u:p@b.example"}, "url"),
        ({**HTTP, "clinics": {}}, "Value error, a booking system of kind http needs clinics"),
        ({**HTTP, "find": {"path": "/a?phone={phone}"}}, "find.path"),
        ({**HTTP, "book": {"path": "/a/{name}", "body": {"r": "{reference}"}}}, "book.path"),
        ({**HTTP, "book": {"path": "//b.example/{reference}"}}, "book.path"),
        ({**HTTP, "book": {"path": "/a", "body": {"deep": [{"r": "{refrence}"}]}}}, "book.body"),
        ({**HTTP, "book": {"path": "/a", "body": {"slot": "{slot}"}}}, "book.body"),
        ({**HTTP, "find": {"path": "/a/{id}"}}, "find.path"),
        ({**HTTP, "find": {"path": "/a/{reference:>9}"}}, "find.path"),
        ({**HTTP, "book": {"path": "/a", "body": {"r": "{reference}", "x": "{"}}}, "book.body"),
        ({**HTTP, "slots": {"map": {"id": "$.id"}}}, "slots.map.starts_at"),
        ({**HTTP, "slots": {"map": {"id": "id", "starts_at": "$.s"}}}, "slots.map.id"),
        (
            {**HTTP, "appointment": {"id": "$.id", "slot": "$.slot", "reference": "$.r"}},
            "appointment.status",
        ),
        (
            {**HTTP, "appointment": {"id": "$.id", "slot": "$.slot", "status": "$.s"}},
            "appointment.reference",
        ),
        ({**HTTP, "system": "urn:x"}, "system"),
        ({**FHIR, "clinics": {"n": "17"}}, "clinics.n"),
        ({**FHIR, "book": {"path": "/b"}}, "book"),
        ({**HTTP, "deadline_s": 31}, "deadline_s"),
    ],
)
def test_what_is_wrong_is_named(entry: dict[str, Any], where: str) -> None:
    assert faults(**entry) == [where]
