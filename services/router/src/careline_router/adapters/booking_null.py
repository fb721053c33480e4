"""No booking system: nothing is free, and nothing is booked."""

from collections.abc import Sequence
from typing import NoReturn

from careline_router.booking_port import Appointment, BookingFault, NewAppointment, Slot, SlotQuery


class NullBooking:
    async def slots(self, query: SlotQuery) -> Sequence[Slot]:
        _nowhere()

    async def book(self, new: NewAppointment) -> Appointment:
        _nowhere()

    async def move(self, appointment_id: str, slot_id: str) -> Appointment:
        _nowhere()

    async def cancel(self, appointment_id: str) -> Appointment:
        _nowhere()

    async def find(self, reference: str, appointment_id: str | None) -> Appointment | None:
        _nowhere()

    async def close(self) -> None:
        """There is nothing to close."""


def _nowhere() -> NoReturn:
    raise BookingFault("not_configured", "no booking system is configured", sent=False)
