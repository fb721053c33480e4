"""Appointments at a FHIR R4 server (HL7 FHIR 4.0.1: Slot, Appointment; RESTful API §3.1.0).

- Free slots are searched by Schedule actor and specialty; pages are followed under the same base alone.
- An appointment is created with our reference as identifier and `If-None-Exist`, so that a server which
  honours it would not even make a second one of the same request.
- It is moved and cancelled by reading it, changing that, and `PUT` with `If-Match` of the version read: what
  others keep in it stays, and nobody's change is overwritten.
- An OperationOutcome that comes with 200 is no answer.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode, urljoin

from careline_common.clock import rfc3339
from careline_router.adapters import fhir_resources as fhir
from careline_router.adapters.authorised import Way
from careline_router.adapters.booking_wire import document_of, exchange, refusal, segment
from careline_router.adapters.crm_exchange import Answer
from careline_router.booking_port import (
    MOST_SLOTS,
    Appointment,
    BookingFault,
    BookingRefused,
    NewAppointment,
    Slot,
    SlotQuery,
)
from careline_router.domain.bookings import RefusalReason

MIME = "application/fhir+json"
MOST_PAGES = 10
PAGE = 50
_OCCUPIED = frozenset({"conflict", "duplicate", "business-rule"})
"""Codes of an OperationOutcome by which servers say with 422 that a slot is not free any more."""


class FhirBooking:
    """One server; `clinics` are references such as `Location/17` by our clinic."""

    def __init__(
        self,
        way: Way,
        *,
        base: str,
        clinics: Mapping[str, str],
        system: str,
        clinic_parameter: str,
        speciality_parameter: str,
    ) -> None:
        self._way = way
        self._base = base
        self._clinics = clinics
        self._system = system
        self._clinic_parameter = clinic_parameter
        self._speciality_parameter = speciality_parameter

    async def slots(self, query: SlotQuery) -> Sequence[Slot]:
        asked = [
            ("status", "free"),
            (self._clinic_parameter, self._clinics[query.clinic]),
            ("start", f"ge{rfc3339(query.since)}"),
            ("start", f"lt{rfc3339(query.until)}"),
            ("_sort", "start"),
            ("_count", str(PAGE)),
        ]
        if query.speciality is not None:
            asked.append((self._speciality_parameter, query.speciality))
        found: list[Slot] = []
        page: str | None = f"{self._base}/Slot?{urlencode(asked)}"
        for _ in range(MOST_PAGES):
            bundle = await self._read(page or "", "Bundle")
            free = (each for each in fhir.entries(bundle, "Slot") if each.get("status") == "free")
            found += [fhir.slot_of(each) for each in free]
            page = self._next(bundle)
            if page is None or len(found) >= MOST_SLOTS:
                break
        inside = [slot for slot in found if query.since <= slot.starts_at < query.until]
        return sorted(inside, key=lambda slot: (slot.starts_at, slot.id))[:MOST_SLOTS]

    async def book(self, new: NewAppointment) -> Appointment:
        slot = await self._free_slot(new.slot_id)
        body = fhir.appointment_for(new, slot, system=self._system, place=self._clinics[new.clinic])
        wanted = urlencode({"identifier": f"{self._system}|{new.reference}"})
        answer = await self._send("POST", "Appointment", body, **{"If-None-Exist": wanted})
        self._refuse(answer, {409: "slot_taken", 412: "slot_taken"})
        return self._made(answer)

    async def move(self, appointment_id: str, slot_id: str) -> Appointment:
        found, version = await self._present(appointment_id)
        if fhir.appointment_of(found).standing != "booked":
            raise BookingRefused("gone", "it does not stand any more")
        slot = await self._free_slot(slot_id)
        return await self._put(appointment_id, fhir.moved(found, slot), version)

    async def cancel(self, appointment_id: str) -> Appointment:
        found, version = await self._present(appointment_id)
        if fhir.appointment_of(found).standing == "cancelled":
            return fhir.appointment_of(found)
        return await self._put(appointment_id, fhir.cancelled(found), version)

    async def find(self, reference: str, appointment_id: str | None) -> Appointment | None:
        if appointment_id is not None:
            answer = await self._send("GET", f"Appointment/{self._id(appointment_id)}")
            if answer.status in {404, 410}:
                return None
            found = self._resource(answer, "Appointment")
            if found.get("id") != appointment_id:
                raise BookingFault("bad_answer", "another appointment")
            return fhir.appointment_of(found)
        asked = urlencode({"identifier": f"{self._system}|{reference}"})
        bundle = await self._read(f"{self._base}/Appointment?{asked}", "Bundle")
        return next(
            (
                fhir.appointment_of(each)
                for each in fhir.entries(bundle, "Appointment")
                if fhir.is_ours(each, self._system, reference)
            ),
            None,
        )

    async def close(self) -> None:
        await self._way.close()

    async def _present(self, appointment_id: str) -> tuple[dict[str, Any], str]:
        """The appointment as it is now, and its version as an entity tag."""
        answer = await self._before_an_order(f"Appointment/{self._id(appointment_id)}", "gone")
        found = self._resource(answer, "Appointment")
        version = answer.headers.get("ETag") or fhir.version_tag(found)
        if version is None:
            raise BookingFault("bad_answer", "an appointment without version", sent=False)
        return found, version

    async def _free_slot(self, slot_id: str) -> Slot:
        answer = await self._before_an_order(f"Slot/{self._id(slot_id)}", "slot_gone")
        found = self._resource(answer, "Slot")
        if found.get("status") != "free":
            raise BookingRefused("slot_taken", "the slot is not free")
        return fhir.slot_of(found)

    async def _before_an_order(self, path: str, absent: RefusalReason) -> Answer:
        """Reads what an order needs: whatever goes wrong here, nothing was ordered yet."""
        try:
            answer = await self._send("GET", path)
        except BookingFault as fault:
            raise BookingFault(fault.reason, fault.detail, sent=False) from fault
        self._refuse(answer, {404: absent, 410: absent})
        return answer

    async def _put(self, appointment_id: str, body: dict[str, Any], version: str) -> Appointment:
        path = f"Appointment/{self._id(appointment_id)}"
        answer = await self._send("PUT", path, body, **{"If-Match": version})
        self._refuse(answer, {404: "gone", 409: "slot_taken", 410: "gone", 412: "changed"})
        return self._made(answer)

    def _made(self, answer: Answer) -> Appointment:
        """The appointment that an order has made, out of the answer to it."""
        return fhir.appointment_of(self._resource(answer, "Appointment"))

    def _refuse(self, answer: Answer, reasons: Mapping[int, RefusalReason]) -> None:
        """Raises the refusal that a status means, or the codes of the OperationOutcome with it."""
        if answer.status >= 400:
            codes = fhir.issue_codes(answer.body)
            taken: Mapping[int, RefusalReason] = {answer.status: "slot_taken"}
            occupied = answer.status == 422 and not _OCCUPIED.isdisjoint(codes.split())
            refusal(answer, taken if occupied else reasons, codes)

    async def _read(self, url: str, kind: str) -> dict[str, Any]:
        answer = await exchange(self._way, "GET", url, headers={"Accept": MIME})
        if answer.status >= 400:
            detail = f"status {answer.status} {fhir.issue_codes(answer.body)}".strip()
            raise BookingFault("refused", detail, sent=False)
        return self._resource(answer, kind)

    async def _send(
        self, method: str, path: str, body: dict[str, Any] | None = None, **headers: str
    ) -> Answer:
        wanted = {"Accept": MIME, "Prefer": "return=representation", **headers}
        url = f"{self._base}/{path}"
        return await exchange(self._way, method, url, body=body, headers=wanted, content_type=MIME)

    def _resource(self, answer: Answer, kind: str) -> dict[str, Any]:
        found = document_of(answer)
        if not isinstance(found, dict) or found.get("resourceType") != kind:
            raise BookingFault("bad_answer", f"no {kind}")
        return found

    def _next(self, bundle: Mapping[str, Any]) -> str | None:
        """The next page; a fault where that is not under the same base, whoever says so."""
        link = fhir.next_link(bundle)
        if link is None:
            return None
        page = urljoin(f"{self._base}/", link)
        if not page.startswith((f"{self._base}/", f"{self._base}?")):
            raise BookingFault("bad_answer", "the next page is elsewhere")
        return page

    def _id(self, identity: str) -> str:
        if not fhir.ID.fullmatch(identity):
            raise BookingRefused("slot_gone", "no id of FHIR")
        return segment(identity)
