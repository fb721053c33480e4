"""A router with a booking system behind it, and the desk of an agent who talks."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from careline_router.fakes import booking as plain
from careline_router.fakes import fhir
from careline_router.fakes.appointments import Book, FreeTime
from careline_router.fakes.http_server import Desk, FakeServer

PLACES = {"http": "17", "fhir": "Location/17"}


@dataclass(kw_only=True)
class Front:
    """A router with a booking system behind it, and an agent who talks."""

    router: Any
    book: Book
    looks: Desk
    orders: Desk
    entry: dict[str, Any]

    async def use(self, **changed: Any) -> None:
        answer = await self.router.client.put(
            "/v1/config",
            json={"careline": 1, "booking": {**self.entry, **changed}},
            headers=self.router.admin,
        )
        assert answer.status_code == 200, answer.text

    async def post(self, path: str, body: Any = None, key: str | None = None) -> Any:
        headers = {**self.router.agent("a1"), **({} if key is None else {"Idempotency-Key": key})}
        return await self.router.client.post(f"/v1/calls/{path}", json=body, headers=headers)

    async def order(self, call_id: str, slot: str = "s1", **more: Any) -> Any:
        key = more.pop("key", None)
        body = {"slot_id": slot, "clinic": "north", **more}
        return await self.post(f"{call_id}/appointments", body, key)

    async def listed(self, call_id: str) -> list[dict[str, Any]]:
        answer = await self.router.client.get(
            f"/v1/calls/{call_id}/appointments", headers=self.router.agent("a1")
        )
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    async def settle(self, after_s: float = 0) -> None:
        """Time goes on, and the settler comes by."""
        self.router.clock.advance(after_s)
        await self.router.service.app.state.service.settle_bookings()

    def booked(self) -> list[tuple[str, str]]:
        return [(each.slot.id, each.status) for each in self.book.appointments.values()]


def stands(kind: str, now: Any, slots: int) -> tuple[Book, Any]:
    times = [now + timedelta(hours=24 * number) for number in range(1, slots + 1)]
    book = Book(
        FreeTime(id=f"s{place}", clinic=PLACES[kind], starts_at=at, ends_at=at)
        for place, at in enumerate(times, 1)
    )
    return book, (plain.PlainBooking(book) if kind == "http" else fhir.FhirServer(book))


@asynccontextmanager
async def in_front_of(router: Any, kind: str, *, slots: int = 4) -> AsyncIterator[Front]:
    """The fake of a kind, with so many free slots, configured as the router's booking system."""
    book, fake = stands(kind, router.clock.now(), slots)
    async with FakeServer(fake) as server:
        entry = {
            "kind": kind,
            "url": server.url + ("/fhir" if kind == "fhir" else ""),
            "token": plain.TOKEN,
            "clinics": {"north": PLACES[kind]},
            "deadline_s": 10,
            "settle_for_s": 60,
        }
        made = Front(router=router, book=book, looks=fake.looks, orders=fake.orders, entry=entry)
        await made.use()
        yield made
