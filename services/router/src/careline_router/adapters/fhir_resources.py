"""FHIR R4 resources as far as booking goes: Slot, Appointment, Bundle, OperationOutcome (HL7 FHIR 4.0.1)."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic_core import from_json

from careline_common.clock import rfc3339
from careline_router.adapters.booking_wire import moment
from careline_router.booking_port import (
    Appointment,
    BookingFault,
    BookingRefused,
    NewAppointment,
    Patient,
    Slot,
)
from careline_router.domain.bookings import Standing

_NOT_STANDING = frozenset({"cancelled", "noshow", "entered-in-error"})
ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_CODE = re.compile(r"[a-z-]{1,40}")


def entries(bundle: Mapping[str, Any], kind: str) -> Iterator[dict[str, Any]]:
    """The resources of a kind in a search's bundle; others, such as hints of the server, are passed over."""
    for entry in _list(bundle.get("entry")):
        resource = entry.get("resource") if isinstance(entry, Mapping) else None
        if isinstance(resource, dict) and resource.get("resourceType") == kind:
            yield resource


def next_link(bundle: Mapping[str, Any]) -> str | None:
    for link in _list(bundle.get("link")):
        if isinstance(link, Mapping) and link.get("relation") == "next":
            url = link.get("url")
            return url if isinstance(url, str) else None
    return None


def slot_of(resource: Mapping[str, Any]) -> Slot:
    """Raises `BookingFault` for a slot without id or times, which FHIR does not allow."""
    identity, starts_at = resource.get("id"), moment(resource.get("start"))
    if not isinstance(identity, str) or starts_at is None:
        raise BookingFault("bad_answer", "a slot without id or start", sent=False)
    return Slot(
        id=identity,
        starts_at=starts_at,
        ends_at=moment(resource.get("end")),
        speciality=_coded(resource.get("specialty")),
        practitioner=_practitioner(resource),
    )


def appointment_of(resource: Mapping[str, Any]) -> Appointment:
    """Raises `BookingFault` for one without id."""
    identity = resource.get("id")
    if not isinstance(identity, str) or not identity:
        raise BookingFault("bad_answer", "an appointment without id")
    standing: Standing = "cancelled" if resource.get("status") in _NOT_STANDING else "booked"
    slots = [_id_in(each) for each in _list(resource.get("slot"))]
    return Appointment(
        id=identity,
        standing=standing,
        slot_id=slots[0] if slots else None,
        starts_at=moment(resource.get("start")),
        ends_at=moment(resource.get("end")),
    )


def appointment_for(new: NewAppointment, slot: Slot, *, system: str, place: str) -> dict[str, Any]:
    """A new appointment. A patient whom the server has not named comes along in it (`contained`)."""
    patient = new.patient
    known = patient.id is not None
    if known and not ID.fullmatch(patient.id or ""):
        raise BookingRefused("refused", "no id of FHIR")
    reference = f"Patient/{patient.id}" if known else "#patient"
    made: dict[str, Any] = {
        "resourceType": "Appointment",
        "identifier": [{"system": system, "value": new.reference}],
        "status": "booked",
        **_times(slot),
        "participant": [
            {"actor": {"reference": reference}, "status": "accepted"},
            {"actor": {"reference": place}, "status": "accepted"},
        ],
    }
    return made if known else {**made, "contained": [_contained(patient)]}


def moved(resource: Mapping[str, Any], slot: Slot) -> dict[str, Any]:
    return {**resource, **_times(slot)}


def cancelled(resource: Mapping[str, Any]) -> dict[str, Any]:
    return {**resource, "status": "cancelled"}


def is_ours(resource: Mapping[str, Any], system: str, reference: str) -> bool:
    """Whether it has our reference: a server that ignores a condition gives everybody's."""
    wanted = (system, reference)
    return any(
        isinstance(each, Mapping) and (each.get("system"), each.get("value")) == wanted
        for each in _list(resource.get("identifier"))
    )


def version_tag(resource: Mapping[str, Any]) -> str | None:
    """`meta.versionId` as an entity tag (§3.1.0.5)."""
    meta = resource.get("meta")
    version = meta.get("versionId") if isinstance(meta, Mapping) else None
    if not isinstance(version, str) or not ID.fullmatch(version):
        return None
    return f'W/"{version}"'


def issue_codes(body: bytes) -> str:
    """The codes of an OperationOutcome, for the log; its texts may name a patient and stay out."""
    try:
        outcome = from_json(body)
    except ValueError:
        return ""
    if not isinstance(outcome, Mapping) or outcome.get("resourceType") != "OperationOutcome":
        return ""
    codes = [each.get("code") for each in _list(outcome.get("issue")) if isinstance(each, Mapping)]
    return " ".join(code for code in codes if isinstance(code, str) and _CODE.fullmatch(code))


def _times(slot: Slot) -> dict[str, Any]:
    """A slot in an appointment. Start and end are both there, or neither is (invariants app-2, app-3)."""
    if slot.ends_at is None:
        raise BookingFault("bad_answer", "a slot without end", sent=False)
    return {
        "slot": [{"reference": f"Slot/{slot.id}"}],
        "start": rfc3339(slot.starts_at),
        "end": rfc3339(slot.ends_at),
    }


def _contained(patient: Patient) -> dict[str, Any]:
    made: dict[str, Any] = {"resourceType": "Patient", "id": "patient"}
    if patient.name is not None:
        made["name"] = [{"text": patient.name}]
    if patient.phone is not None:
        made["telecom"] = [{"system": "phone", "value": patient.phone}]
    if patient.birth_date is not None:
        made["birthDate"] = patient.birth_date.isoformat()
    return made


def _coded(value: Any) -> str | None:
    """What the first of several CodeableConcepts is called."""
    for concept in _list(value):
        if not isinstance(concept, Mapping):
            continue
        codings = [each for each in _list(concept.get("coding")) if isinstance(each, Mapping)]
        texts = [
            concept.get("text"),
            *(each.get("display") or each.get("code") for each in codings),
        ]
        found = next((text for text in texts if isinstance(text, str) and text), None)
        if found is not None:
            return found[:200]
    return None


def _practitioner(resource: Mapping[str, Any]) -> str | None:
    """Whom the schedule is called after, where the server says so with the reference."""
    schedule = resource.get("schedule")
    display = schedule.get("display") if isinstance(schedule, Mapping) else None
    return display[:200] if isinstance(display, str) and display else None


def _id_in(reference: Any) -> str | None:
    """The id in a reference, relative or absolute, with a version or without."""
    text = reference.get("reference") if isinstance(reference, Mapping) else None
    if not isinstance(text, str):
        return None
    return text.partition("/_history/")[0].rpartition("/")[2] or None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
