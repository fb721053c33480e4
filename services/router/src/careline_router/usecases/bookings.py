"""Appointments for a caller: free slots, booked, moved and cancelled while his agent has the call."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from careline_common.db.unit_of_work import UnitOfWork
from careline_common.http.problem import Conflict, NotFound, NotReady, invalid
from careline_router.booking_port import (
    Appointment,
    BookingFault,
    BookingSystem,
    NewAppointment,
    Patient,
    Slot,
    SlotQuery,
)
from careline_router.db import bookings
from careline_router.db.bookings import AppointmentRow
from careline_router.domain.bookings import Order
from careline_router.domain.states import Call
from careline_router.ports import Receipt
from careline_router.queries import unknown_call
from careline_router.usecases.booking_orders import Begin, BookingOrders, Send
from careline_router.usecases.booking_views import not_available, shown
from careline_router.usecases.customers import Customers, Looker
from careline_router.usecases.parts import Parts
from careline_router.views import AppointmentView

_TURNS = "/bookings"
"""No PBX is called that: the turns of orders are among those of calls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What an agent orders: a slot at a clinic, for a patient."""

    slot_id: str
    clinic: str
    speciality: str | None
    patient: Patient


class Bookings(Customers):
    """For the agent who has the call: while it lasts, and until he has wrapped it up. No call waits for it.

    404 `unknown-call` for a call of somebody else, 409 `call-over` after its wrap-up, 409 with the booking
    system's reason when it refuses, 503 `booking-unavailable` when it surely has not got the order.
    """

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self._orders = BookingOrders(
            database=parts.database, actor=parts.actor, desk=parts.bookings, clock=parts.clock
        )

    async def free_slots(self, query: SlotQuery) -> Sequence[Slot]:
        """Free slots, the earliest first; 422 for a clinic that is not configured."""
        self._require_clinic(query.clinic)
        try:
            return await self._bookings.system.slots(query)
        except BookingFault as fault:
            raise not_available(fault) from fault

    async def appointments(self, looker: Looker, call_id: str) -> list[AppointmentView]:
        """Those of this caller's number, the newest first; of this call alone when he has no number, or is
        to be verified and was not."""
        call = self._call_of(looker, call_id)
        async with self._database.unit_of_work() as uow:
            rows = await self._of_caller(uow, call)
            await self._note_in(uow, looker, "appointments", call_id)
        return [shown(row) for row in rows]

    async def book_appointment(
        self, looker: Looker, call_id: str, wanted: Wanted, *, receipt: Receipt | None = None
    ) -> AppointmentView:
        """Books a slot; 409 `already-ordered` when this call has an order or an appointment for it."""

        async def begin(uow: UnitOfWork) -> AppointmentRow:
            self._call_of(looker, call_id)
            self._require_clinic(wanted.clinic)
            self._require_somebody(self._with_number(call_id, wanted.patient))
            await self._require_none_yet(uow, call_id, wanted.slot_id)
            await self._note_in(uow, looker, "appointment book", call_id)
            now = uow.clock.now()
            return await bookings.add(
                uow.connection,
                id=self._ids.new(),
                call_id=call_id,
                agent=looker.subject,
                clinic=wanted.clinic,
                speciality=wanted.speciality,
                made_at=now,
                **self._orders.placed("book", wanted.slot_id, receipt, now),
            )

        async def send(row: AppointmentRow, system: BookingSystem) -> Appointment:
            return await system.book(
                NewAppointment(
                    reference=row.id,
                    slot_id=wanted.slot_id,
                    clinic=wanted.clinic,
                    patient=self._with_number(call_id, wanted.patient),
                )
            )

        async with self._one_at_a_time(_TURNS, call_id):
            return await self._orders.carry_out(begin, send, receipt)

    async def move_appointment(
        self,
        looker: Looker,
        call_id: str,
        appointment_id: str,
        slot_id: str,
        *,
        receipt: Receipt | None = None,
    ) -> AppointmentView:
        """To another slot; 404 `unknown-appointment` for one that is not this caller's."""

        async def send(row: AppointmentRow, system: BookingSystem) -> Appointment:
            return await system.move(row.external_id, slot_id)

        begin = self._beginning(looker, call_id, appointment_id, "move", slot_id, receipt=receipt)
        return await self._one_order(appointment_id, begin, send, receipt)

    async def cancel_appointment(
        self,
        looker: Looker,
        call_id: str,
        appointment_id: str,
        *,
        receipt: Receipt | None = None,
    ) -> AppointmentView:
        """404 `unknown-appointment` for one that is not this caller's."""

        async def send(row: AppointmentRow, system: BookingSystem) -> Appointment:
            return await system.cancel(row.external_id)

        begin = self._beginning(looker, call_id, appointment_id, "cancel", None, receipt=receipt)
        return await self._one_order(appointment_id, begin, send, receipt)

    async def settle_bookings(self, *, most: int = 20) -> int:
        """Asks about orders whose outcome nobody knows; gives how many it has asked about."""
        rows = await self._orders.to_ask_about(most=most)
        for row in rows:
            async with self._one_at_a_time(_TURNS, row.id):
                await self._orders.settle(row)
        self._metrics.booking_orders.set(await self._orders.under_way())
        return len(rows)

    async def _one_order(
        self, appointment_id: str, begin: Begin, send: Send, receipt: Receipt | None
    ) -> AppointmentView:
        async with self._one_at_a_time(_TURNS, appointment_id):
            return await self._orders.carry_out(begin, send, receipt)

    def _beginning(
        self,
        looker: Looker,
        call_id: str,
        appointment_id: str,
        order: Order,
        slot_id: str | None,
        *,
        receipt: Receipt | None,
    ) -> Begin:
        """Puts an order into an appointment of the caller's that stands."""

        async def begin(uow: UnitOfWork) -> AppointmentRow:
            call = self._call_of(looker, call_id)
            his = {row.id: row for row in await self._of_caller(uow, call)}
            if appointment_id not in his:
                detail = "there is no such appointment of this caller"
                raise NotFound(detail, type="unknown-appointment")
            values = self._orders.placed(order, slot_id, receipt, uow.clock.now())
            row = await bookings.order(uow.connection, appointment_id, **values)
            if row is None:
                state = shown(his[appointment_id]).state
                raise Conflict(f"the appointment is {state}", type=f"appointment-{state}")
            await self._note_in(uow, looker, f"appointment {order}", call_id)
            return row

        return begin

    async def _require_none_yet(self, uow: UnitOfWork, call_id: str, slot_id: str) -> None:
        for row in await bookings.of_calls(uow.connection, [call_id]):
            held = row.standing == "booked" and row.slot_id == slot_id
            if held or (row.ordered is not None and row.wanted_slot == slot_id):
                detail = f"appointment {row.id} of this call has that slot"
                raise Conflict(detail, type="already-ordered")

    def _call_of(self, looker: Looker, call_id: str) -> Call:
        if not self._actor.leading:
            raise NotReady("this process does not lead the floor")
        call = self._actor.floor.calls.get(call_id)
        if call is None or call.agent != looker.subject:
            raise unknown_call()
        if call.state != "connected" and (call.state != "ended" or call.wrapped_up):
            detail = "appointments are made during the call and its wrap-up"
            raise Conflict(detail, type="call-over")
        return call

    def _with_number(self, call_id: str, said: Patient) -> Patient:
        """With the number that he calls from, unless the agent says another."""
        return replace(said, phone=said.phone or self._contacts.of(call_id).number)

    def _require_somebody(self, patient: Patient) -> None:
        if patient.id is None and patient.name is None and patient.phone is None:
            raise invalid("patient", "say for whom: the caller has no number")

    async def _of_caller(self, uow: UnitOfWork, call: Call) -> Sequence[AppointmentRow]:
        contact = self._contacts.of(call.id)
        if contact.number is None or (self._plan().floor.verify_callers and not contact.verified):
            return await bookings.of_calls(uow.connection, [call.id])
        return await bookings.of_person(uow.connection, self._hasher.lookup(contact.number))

    def _require_clinic(self, clinic: str) -> None:
        if clinic not in self._bookings.clinics:
            raise invalid("clinic", "there is no such clinic in the section booking")
