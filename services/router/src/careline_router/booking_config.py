"""The section `booking` of the configuration: where appointments are made, and in what words."""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from careline_common.config.models import ConfigModel, Id
from careline_router.adapters.crm_fields import CrmField
from careline_router.crm_config import JSON_PATH, CrmFieldEntry, in_full
from careline_router.login_config import SystemEntry
from careline_router.look_up_config import AskingBounds

PLACEHOLDER = re.compile(r"\{(\w+)\}")
_ASKED = frozenset({"clinic", "speciality", "from", "to"})
_PLACED = frozenset({"id", "reference", "slot", "clinic"})
_PERSONAL = frozenset({"patient_id", "name", "phone", "birth_date"})
_STANDING = frozenset({"booked", "cancelled"})


def placeholders(text: str) -> frozenset[str]:
    """The names in curly brackets; raises ValueError for brackets around anything else."""
    if set("{}") & set(PLACEHOLDER.sub("", text)):
        raise ValueError("curly brackets are for placeholders such as {reference}")
    return frozenset(PLACEHOLDER.findall(text))


def _path(allowed: frozenset[str], text: str) -> str:
    if not text.startswith("/") or text.startswith("//"):
        raise ValueError("give a path that begins with one /")
    personal = placeholders(text) & _PERSONAL
    if personal:
        raise ValueError(f"{', '.join(sorted(personal))} is personal: put it into the body")
    unknown = placeholders(text) - allowed
    if unknown:
        raise ValueError(f"no {{{min(unknown)}}} here: one of {', '.join(sorted(allowed))}")
    return text


def texts_in(value: Any) -> Iterator[str]:
    """The texts in a document, however deep."""
    match value:
        case str():
            yield value
        case Mapping():
            for each in value.values():
                yield from texts_in(each)
        case list():
            for each in value:
                yield from texts_in(each)
        case _:
            pass


def _body(body: dict[str, Any]) -> dict[str, Any]:
    for text in texts_in(body):
        unknown = placeholders(text) - _PLACED - _PERSONAL
        if unknown:
            allowed = ", ".join(sorted(_PLACED | _PERSONAL))
            raise ValueError(f"no {{{min(unknown)}}} here: one of {allowed}")
    return body


Place = Annotated[str, Field(min_length=1, max_length=500)]
JsonPath = Annotated[str, Field(pattern=JSON_PATH, max_length=200)]
MappedField = Annotated[CrmFieldEntry, BeforeValidator(in_full)]
AskPath = Annotated[Place, AfterValidator(lambda text: _path(_ASKED, text))]
OrderPath = Annotated[Place, AfterValidator(lambda text: _path(_PLACED, text))]
OrderBody = Annotated[dict[str, Any], AfterValidator(_body)]


class SlotsEntry(ConfigModel):
    """How free slots are asked for, and where in the answer they stand."""

    path: AskPath = "/slots?clinic={clinic}&speciality={speciality}&from={from}&to={to}"
    items: JsonPath = "$.items"
    map: dict[Literal["id", "starts_at", "ends_at", "speciality", "practitioner"], MappedField] = (
        Field(
            default_factory=lambda: {
                name: CrmFieldEntry(field=f"$.{name}")
                for name in ("id", "starts_at", "ends_at", "speciality", "practitioner")
            }
        )
    )


class OrderEntry(ConfigModel):
    """One order: method, path and, with placeholders, the JSON body."""

    method: Literal["POST", "PUT", "PATCH", "DELETE"] = "POST"
    path: OrderPath
    body: OrderBody | None = None


class FindEntry(ConfigModel):
    """How an appointment is asked for by our reference; `items` is where it, or a list of it, stands."""

    path: OrderPath = "/appointments?reference={reference}"
    items: JsonPath = "$.items"


def _book() -> OrderEntry:
    patient = {"id": "{patient_id}", "name": "{name}", "phone": "{phone}"}
    return OrderEntry(
        path="/appointments",
        body={
            "reference": "{reference}",
            "slot": "{slot}",
            "patient": {**patient, "birth_date": "{birth_date}"},
        },
    )


class BookingEntry(SystemEntry, AskingBounds):
    """Where appointments are made: nowhere, at a FHIR R4 server, or at any system that speaks JSON.

    `clinics` says how the booking system calls each of our clinics; durations in seconds. With
    `kind: http` what is said and what is read is data: `slots`, `book`, `move`, `cancel`, `find`,
    `appointment`.
    """

    kind: Literal["fhir", "http", "none"] = "none"
    clinics: Annotated[dict[Id, Place], Field(max_length=5000)] = Field(default_factory=dict)

    deadline_s: Annotated[float, Field(ge=0.01, le=30)] = 5
    settle_for_s: Annotated[float, Field(ge=1, le=3600)] = 120

    system: Annotated[str, Field(min_length=1, max_length=200)] = "urn:careline:appointment"
    clinic_parameter: Annotated[str, Field(pattern=r"^[\w.:-]{1,64}$")] = "schedule.actor"
    speciality_parameter: Annotated[str, Field(pattern=r"^[\w.:-]{1,64}$")] = "specialty"

    slots: SlotsEntry = Field(default_factory=SlotsEntry)
    book: OrderEntry = Field(default_factory=_book)
    move: OrderEntry = OrderEntry(method="PUT", path="/appointments/{id}", body={"slot": "{slot}"})
    cancel: OrderEntry = OrderEntry(method="DELETE", path="/appointments/{id}")
    find: FindEntry = Field(default_factory=FindEntry)
    appointment: dict[
        Literal["id", "reference", "slot", "status", "starts_at", "ends_at"], MappedField
    ] = Field(
        default_factory=lambda: {
            name: CrmFieldEntry(field=f"$.{name}")
            for name in ("id", "reference", "slot", "status", "starts_at", "ends_at")
        }
    )

    @model_validator(mode="after")
    def _complete(self) -> Self:
        missing = [name for name in ("url", "clinics") if not getattr(self, name)]
        if self.kind != "none" and missing:
            raise ValueError(f"a booking system of kind {self.kind} needs {', '.join(missing)}")
        return self

    def fields(self, of: Literal["slots", "appointment"]) -> Mapping[str, CrmField]:
        entries = self.slots.map if of == "slots" else self.appointment
        return {name: field.mapped() for name, field in entries.items()}


_ONLY_HTTP = ("slots", "book", "move", "cancel", "find", "appointment")
_ONLY_FHIR = ("system", "clinic_parameter", "speciality_parameter")


def booking_faults(entry: BookingEntry) -> Iterator[tuple[str, str]]:
    """What does not fit together, as path and reason."""
    others = {"fhir": _ONLY_HTTP, "http": _ONLY_FHIR, "none": ()}[entry.kind]
    for name in others:
        if name in entry.model_fields_set:
            yield name, f"a booking system of kind {entry.kind} has no such setting"
    if entry.kind == "fhir":
        for clinic, place in entry.clinics.items():
            if not re.fullmatch(r"[A-Z][A-Za-z]+/[A-Za-z0-9\-.]{1,64}", place):
                yield f"clinics.{clinic}", "give a FHIR reference such as Location/17"
    if entry.kind == "http":
        yield from _http_faults(entry)


def _http_faults(entry: BookingEntry) -> Iterator[tuple[str, str]]:
    for name in ("id", "starts_at"):
        if name not in entry.slots.map:
            yield f"slots.map.{name}", "say where it stands: no slot is booked without"
    for name in ("id", "slot", "status"):
        if name not in entry.appointment:
            yield f"appointment.{name}", "say where it stands: orders are settled by it"
    if "reference" not in entry.appointment:
        reason = (
            "say where {reference} stands in an answer: what belongs to somebody else is told by it"
        )
        yield "appointment.reference", reason
    status = entry.appointment.get("status")
    if status is not None and not set(status.values.values()) <= _STANDING:
        yield "appointment.status.values", "an appointment is booked or cancelled"
    for place, fields in (
        ("slots.map", entry.fields("slots")),
        ("appointment", entry.fields("appointment")),
    ):
        for name, field in fields.items():
            if not re.fullmatch(JSON_PATH, field.path):
                yield f"{place}.{name}", "give a path such as $.doctor.name"
    said = [entry.book.path, *texts_in(entry.book.body)]
    if not any("reference" in placeholders(text) for text in said):
        yield "book.body", "send {reference}: by it an appointment is found again"
    if "reference" not in placeholders(entry.find.path):
        yield "find.path", "ask by {reference}"
