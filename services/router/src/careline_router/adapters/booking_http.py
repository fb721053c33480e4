"""Appointments at any system that speaks JSON over HTTP; what is said and where it stands is configured.

Our reference goes with an order as `Idempotency-Key` besides, for a system that heeds it. A patient's data
stands in bodies alone. 409 is a slot that is taken, 404 what is not there, another 4xx a refusal; an
answer of 2xx in which no appointment stands, such as an error told with 200, tells of no outcome. Whether an
appointment that is found is the one that was asked for is not left to the system's filter.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import structlog

from careline_common.clock import rfc3339
from careline_router.adapters.authorised import Way
from careline_router.adapters.booking_wire import document_of, exchange, moment, refusal, segment
from careline_router.adapters.crm_exchange import Answer
from careline_router.adapters.crm_fields import CrmField, word_of
from careline_router.adapters.crm_http import NOTHING, at
from careline_router.booking_config import PLACEHOLDER, BookingEntry, OrderEntry, texts_in
from careline_router.booking_port import (
    MOST_SLOTS,
    Appointment,
    BookingFault,
    NewAppointment,
    Slot,
    SlotQuery,
)

log = structlog.get_logger(__name__)
_CANCELLED = "cancelled"


class HttpBooking:
    """One system, as its entry says it is spoken to."""

    def __init__(self, way: Way, entry: BookingEntry) -> None:
        self._way = way
        self._base = entry.url or ""
        self._entry = entry
        self._slot_fields = entry.fields("slots")
        self._fields = entry.fields("appointment")

    async def slots(self, query: SlotQuery) -> Sequence[Slot]:
        path = _filled(
            self._entry.slots.path,
            {
                "clinic": self._entry.clinics[query.clinic],
                "speciality": query.speciality or "",
                "from": rfc3339(query.since),
                "to": rfc3339(query.until),
            },
        )
        answer = await exchange(self._way, "GET", self._base + path)
        if answer.status >= 400:
            raise BookingFault("refused", f"status {answer.status}", sent=False)
        found = [self._slot(each) for each in _items(answer, self._entry.slots.items)]
        inside = [slot for slot in found if query.since <= slot.starts_at < query.until]
        return sorted(inside, key=lambda slot: (slot.starts_at, slot.id))[:MOST_SLOTS]

    async def book(self, new: NewAppointment) -> Appointment:
        born, patient = new.patient.birth_date, new.patient
        values = {
            "reference": new.reference,
            "slot": new.slot_id,
            "clinic": self._entry.clinics[new.clinic],
            "patient_id": patient.id,
            "name": patient.name,
            "phone": patient.phone,
            "birth_date": None if born is None else born.isoformat(),
        }
        answer = await self._order(self._entry.book, values, {"Idempotency-Key": new.reference})
        refusal(answer, {404: "slot_gone", 409: "slot_taken", 410: "slot_gone"})
        made = document_of(answer)
        if self._text(made, "reference", self._fields) not in {None, new.reference}:
            raise BookingFault("bad_answer", "another appointment")
        return self._appointment(made)

    async def move(self, appointment_id: str, slot_id: str) -> Appointment:
        values = {"id": appointment_id, "slot": slot_id}
        answer = await self._order(self._entry.move, values)
        refusal(answer, {404: "gone", 409: "slot_taken", 410: "gone", 412: "changed"})
        return self._appointment(document_of(answer))

    async def cancel(self, appointment_id: str) -> Appointment:
        answer = await self._order(self._entry.cancel, {"id": appointment_id})
        if answer.status not in {404, 410}:  # what is not there stands no more
            refusal(answer, {409: "changed", 412: "changed"})
        return Appointment(id=appointment_id, standing="cancelled")

    async def find(self, reference: str, appointment_id: str | None) -> Appointment | None:
        path = _filled(self._entry.find.path, {"reference": reference, "id": appointment_id})
        answer = await exchange(self._way, "GET", self._base + path)
        if answer.status in {204, 404, 410}:
            return None
        if answer.status >= 400:
            raise BookingFault("refused", f"status {answer.status}", sent=False)
        found = _items(answer, self._entry.find.items)
        his = [each for each in found if self._is_his(each, reference, appointment_id)]
        if len(his) < len(found):
            log.warning("booking.not_his", refused=len(found) - len(his))
        if found and not his:  # it does not filter: whether his is there, it has not said
            raise BookingFault("bad_answer", "appointments of others alone")
        return self._appointment(his[0]) if his else None

    async def close(self) -> None:
        await self._way.close()

    async def _order(
        self,
        order: OrderEntry,
        values: Mapping[str, str | None],
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        url = self._base + _filled(order.path, values)
        body = None if order.body is None else _body(order.body, values)
        return await exchange(self._way, order.method, url, body=body, headers=headers)

    def _is_his(self, item: Any, reference: str, appointment_id: str | None) -> bool:
        """Whether an answer is the appointment that was asked for, and no other patient's: it names our reference;
        one that names none has the id that we were given."""
        has_his_id = appointment_id is not None and appointment_id == self._text(
            item, "id", self._fields
        )
        if "reference" not in self._fields:  # an older configuration does not say where it stands
            return has_his_id or reference in texts_in(item)
        said = self._text(item, "reference", self._fields)
        return has_his_id if said is None else said == reference

    def _slot(self, item: Any) -> Slot:
        identity = self._text(item, "id", self._slot_fields)
        starts_at = moment(self._text(item, "starts_at", self._slot_fields))
        if identity is None or starts_at is None:
            raise BookingFault("bad_answer", "a slot without id or start", sent=False)
        return Slot(
            id=identity,
            starts_at=starts_at,
            ends_at=moment(self._text(item, "ends_at", self._slot_fields)),
            speciality=self._text(item, "speciality", self._slot_fields),
            practitioner=self._text(item, "practitioner", self._slot_fields),
        )

    def _appointment(self, item: Any) -> Appointment:
        identity = self._text(item, "id", self._fields)
        status = self._text(item, "status", self._fields)
        if identity is None or status is None:
            raise BookingFault("bad_answer", "no appointment with id and status in it")
        return Appointment(
            id=identity,
            standing="cancelled" if status == _CANCELLED else "booked",
            slot_id=self._text(item, "slot", self._fields),
            starts_at=moment(self._text(item, "starts_at", self._fields)),
            ends_at=moment(self._text(item, "ends_at", self._fields)),
        )

    def _text(self, item: Any, name: str, fields: Mapping[str, CrmField]) -> str | None:
        mapped = fields.get(name)
        value = NOTHING if mapped is None else at(item, mapped.path)
        return None if mapped is None or value is NOTHING else word_of(value, mapped.values)


def _items(answer: Answer, path: str) -> list[Any]:
    """What stands at a place of the answer: a list, or one alone; a fault when the place is not there."""
    found = at(document_of(answer), path)
    if found is NOTHING:
        raise BookingFault("bad_answer", "nothing where it should be")
    return found if isinstance(found, list) else [] if found is None else [found]


def _filled(path: str, values: Mapping[str, str | None]) -> str:
    """A path with its placeholders; a value is one segment, or one value of the query."""
    before, question, query = path.partition("?")
    before = PLACEHOLDER.sub(lambda found: segment(values.get(found[1]) or ""), before)
    query = PLACEHOLDER.sub(lambda found: quote(values.get(found[1]) or "", safe=""), query)
    return before + question + query


def _body(value: Any, values: Mapping[str, str | None]) -> Any:
    """A body with its placeholders; a text that is nothing but one whose value is not known is null."""
    match value:
        case str():
            alone = PLACEHOLDER.fullmatch(value)
            if alone is not None:
                return values.get(alone[1])
            return PLACEHOLDER.sub(lambda found: values.get(found[1]) or "", value)
        case Mapping():
            return {name: _body(each, values) for name, each in value.items()}
        case list():
            return [_body(each, values) for each in value]
        case _:
            return value
