"""A booking system as the router's use cases see it: free slots, and appointments in them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, Protocol

from careline_router.domain.bookings import RefusalReason, Standing

FaultReason = Literal[
    "not_configured",
    "timeout",
    "breaker_open",
    "busy",
    "throttled",
    "auth",
    "refused",
    "server_error",
    "bad_answer",
    "unreachable",
]
"""Why the booking system did not answer what it was asked; docs/booking.md says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotQuery:
    """Free slots of a clinic (its id in our configuration) that begin from `since`, until before `until`."""

    clinic: str
    speciality: str | None
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A free time; `id` is the booking system's."""

    id: str
    starts_at: datetime
    ends_at: datetime | None
    speciality: str | None = None
    practitioner: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """For whom: personal data, that goes to the booking system and is kept nowhere here."""

    id: str | None = None
    """The booking system's own."""
    name: str | None = None
    phone: str | None = None
    birth_date: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAppointment:
    """`reference` is our id of it, by which the booking system finds it again."""

    reference: str
    slot_id: str
    clinic: str
    patient: Patient


@dataclass(frozen=True, slots=True, kw_only=True)
class Appointment:
    """An appointment as it stands at the booking system; `id` is its own."""

    id: str
    standing: Standing
    slot_id: str | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None


class BookingFault(Exception):  # noqa: N818 - a fault of the booking system's
    """No answer to what was asked. `detail` is for the log and never personal.

    `sent` False: it surely has not done what it was told, for it was not, or has said so.
    """

    def __init__(self, reason: FaultReason, detail: str = "", *, sent: bool = True) -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail
        self.sent = sent


class BookingRefused(Exception):  # noqa: N818 - an answer: it does not do that
    """The booking system has understood, and has not done it."""

    def __init__(self, reason: RefusalReason, detail: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


class BookingSystem(Protocol):
    """One booking system. Every method asks it anew and raises `BookingFault`; those that change
    something raise `BookingRefused` when it does not do it. None repeats an order by itself."""

    async def slots(self, query: SlotQuery) -> Sequence[Slot]:
        """Free slots, the earliest first; at most `MOST_SLOTS`."""
        ...

    async def book(self, new: NewAppointment) -> Appointment: ...

    async def move(self, appointment_id: str, slot_id: str) -> Appointment:
        """To another slot; the appointment keeps its id."""
        ...

    async def cancel(self, appointment_id: str) -> Appointment:
        """Again changes nothing."""
        ...

    async def find(self, reference: str, appointment_id: str | None) -> Appointment | None:
        """How it stands: by its own id where that is known, else by our reference. None: not there."""
        ...

    async def close(self) -> None: ...


MOST_SLOTS = 200
