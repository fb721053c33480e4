"""Orders under any weather, held against the booking system's own book: none twice, and each told as it stands."""

import random
from typing import Any

import pytest
from booking_front import Front, in_front_of

from careline_router.fakes.fhir import outcome
from careline_router.fakes.http_server import Cut, Fault, Garbage, Reply, Slow

pytestmark = pytest.mark.integration

WEATHER: tuple[Fault, ...] = (
    Slow(0), Slow(0), Slow(0), Garbage(), Cut(0), Cut(25), Cut(120), Reply(status=500), outcome("exception"),
    Reply(status=302, headers={"Location": "http://elsewhere.example/"}),
)  # fmt: skip
"""Answers that are true, lost, or none; a booking system that denies what it has is beyond help."""
REFUSAL = Reply(status=409)
SLOTS = 12


async def storm(front: Front, call_id: str, chance: random.Random) -> None:
    """Forty orders in any weather, some of them said again under their key."""
    for number in range(40):
        front.orders.script.clear()
        front.looks.script.clear()
        front.orders.next(*chance.choices((*WEATHER, REFUSAL), k=2))
        front.looks.next(*chance.choices(WEATHER, k=4))
        known = await front.listed(call_id)
        what = chance.choice(("book", "book", "move", "cancel"))
        slot, key = f"s{chance.randint(1, SLOTS)}", f"k{number}"
        for _ in range(chance.choice((1, 1, 2))):
            if what == "book" or not known:
                answer = await front.order(call_id, slot, key=key)
            else:
                path = f"{call_id}/appointments/{known[number % len(known)]['id']}/{what}"
                answer = await front.post(path, {"slot_id": slot} if what == "move" else None, key)
            assert answer.status_code in {200, 201, 202, 404, 409, 503}, answer.text
        if chance.random() < 0.3:
            await front.settle(after_s=chance.choice((1, 20, 61)))


@pytest.mark.parametrize("kind", ["http", "fhir"])
@pytest.mark.parametrize("seed", [1, 2])
async def test_what_is_told_is_what_stands_and_nothing_was_ordered_twice(
    router: Any, kind: str, seed: int
) -> None:
    async with in_front_of(router, kind, slots=SLOTS) as front:
        await front.use(failures_to_open=1000)
        call = await router.connect()
        await storm(front, call["id"], random.Random(seed))
        front.orders.script.clear()
        front.looks.script.clear()
        for _ in range(10):
            await front.settle(after_s=61)
        told = {each["id"]: each for each in await front.listed(call["id"])}
        references = [each.reference for each in front.book.appointments.values()]
        assert len(set(references)) == len(references)
        for there in front.book.appointments.values():
            ours = told[there.reference]
            assert (ours["state"], ours["slot_id"]) == (there.status, there.slot.id)
        for identity, ours in told.items():
            assert ours["state"] in {"booked", "cancelled", "failed"}
            assert (ours["state"] == "failed") == (identity not in references)
        standing = [
            each.slot.id for each in front.book.appointments.values() if each.status == "booked"
        ]
        assert len(set(standing)) == len(standing)
        assert references
