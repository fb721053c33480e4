"""Both kinds of booking system behind their guard, each over its fake on a real port; with a fixed token and behind a login."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from careline_common.clock import ManualClock
from careline_router.adapters.booking import make_booking
from careline_router.adapters.crm_exchange import Pauses
from careline_router.booking_config import BookingEntry, booking_faults
from careline_router.booking_port import BookingSystem, SlotQuery
from careline_router.fakes import booking as plain
from careline_router.fakes import fhir
from careline_router.fakes.appointments import Book, FreeTime
from careline_router.fakes.http_server import Desk, FakeServer, Handler
from careline_router.fakes.login import CLIENT_ID, CLIENT_SECRET, PATH, BehindLogin, Login

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
PATIENT_S = 20.0
"""A deadline that no busy machine misses, for tests that are not about it."""
PLACES = {"http": "17", "fhir": "Location/17"}


def slot(number: int, clinic: str, **changed: Any) -> FreeTime:
    at = NOW + timedelta(days=number)
    usual = {"id": f"s{number}", "clinic": clinic, "starts_at": at}
    return FreeTime(**{**usual, "ends_at": at + timedelta(minutes=30), **changed})


@dataclass
class World:
    """A booking system with five free slots at the clinic `north`, and the port over it."""

    kind: str
    url: str
    book: Book
    looks: Desk
    orders: Desk
    clock: ManualClock
    life: AsyncExitStack
    login: Login | None = None
    asked: list[tuple[str, str]] = field(default_factory=list)

    def entry(self, **changed: Any) -> dict[str, Any]:
        """The section `booking` for this fake."""
        base = self.url if self.kind == "http" else f"{self.url}/fhir"
        usual = {"kind": self.kind, "url": base, "deadline_s": PATIENT_S}
        if self.login is None:
            usual["token"] = plain.TOKEN
        else:
            usual |= {"token_url": f"{self.url}{PATH}", "client_id": CLIENT_ID}
            usual["client_secret"] = CLIENT_SECRET
        return {**usual, "clinics": {"north": PLACES[self.kind]}, **changed}

    def system(self, **changed: Any) -> BookingSystem:
        """The port by this entry; closed at the end of the test."""
        entry = BookingEntry(**self.entry(**changed))
        assert list(booking_faults(entry)) == []
        made = make_booking(
            entry, self.clock, Pauses(self.clock), lambda what, end: self.asked.append((what, end))
        )
        self.life.push_async_callback(made.close)
        return made

    def query(self, days: int = 30, speciality: str | None = None) -> SlotQuery:
        until = NOW + timedelta(days=days)
        return SlotQuery(clinic="north", speciality=speciality, since=NOW, until=until)

    def booked(self) -> list[tuple[str, str, str]]:
        """Reference, slot and status of all that the booking system has."""
        return [(e.reference, e.slot.id, e.status) for e in self.book.appointments.values()]


Opened = Callable[..., Awaitable[World]]


@pytest.fixture
async def open_world() -> AsyncIterator[Opened]:
    """Serves a booking system of a kind until the end of the test."""
    async with AsyncExitStack() as life:

        async def opened(kind: str, *, behind_login: bool = False) -> World:
            book = Book([slot(number, PLACES[kind]) for number in range(1, 6)])
            token, clock = None if behind_login else plain.TOKEN, ManualClock(NOW)
            fake = (plain.PlainBooking if kind == "http" else fhir.FhirServer)(book, token=token)
            login = Login(clock=clock) if behind_login else None
            handler: Handler = fake if login is None else BehindLogin(fake, login)
            server = await life.enter_async_context(FakeServer(handler))
            return World(kind, server.url, book, fake.looks, fake.orders, clock, life, login)

        yield opened


@pytest.fixture(params=["http", "fhir", "http behind a login", "fhir behind a login"])
async def world(request: pytest.FixtureRequest, open_world: Opened) -> World:
    kind, _, login = request.param.partition(" ")
    return await open_world(kind, behind_login=bool(login))
