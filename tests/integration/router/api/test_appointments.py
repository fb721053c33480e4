"""Appointments at the agent's desk, over both kinds of booking system: once, or not at all, and always told."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from booking_front import Front, in_front_of

from careline_common.testing.waiting import eventually
from careline_router.fakes.fhir import outcome
from careline_router.fakes.http_server import Cut, Garbage, Hang, Reply

pytestmark = pytest.mark.integration


@pytest_asyncio.fixture(params=["http", "fhir"])
async def front(router: Any, request: pytest.FixtureRequest) -> AsyncIterator[Front]:
    async with in_front_of(router, request.param) as made:
        yield made


async def rows(url: str, statement: str) -> list[Any]:
    connection = await asyncpg.connect(url)
    try:
        return [tuple(row) for row in await connection.fetch(statement)]
    finally:
        await connection.close()


async def test_an_appointment_from_the_slots_to_the_wrap_up(front, database_url):
    router = front.router
    call = await router.connect()
    answer = await router.client.get(
        "/v1/slots", params={"clinic": "north"}, headers=router.agent("a1")
    )
    assert [each["id"] for each in answer.json()["items"]] == ["s1", "s2", "s3", "s4"]
    answer = await front.order(call["id"], "s2", patient={"name": "Anna"}, speciality="cardiology")
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert (made["state"], made["slot_id"], made["clinic"]) == ("booked", "s2", "north")
    moved = await front.post(f"{call['id']}/appointments/{made['id']}/move", {"slot_id": "s3"})
    assert (moved.status_code, moved.json()["slot_id"]) == (200, "s3")
    assert moved.json()["starts_at"] != made["starts_at"]
    assert front.booked() == [("s3", "booked")]
    await router.tell("call.hung_up", "p-1", by="caller")
    second = (await front.order(call["id"], "s4")).json()  # while he wraps up
    gone = await front.post(f"{call['id']}/appointments/{second['id']}/cancel")
    assert (gone.status_code, gone.json()["state"]) == (200, "cancelled")
    answer = await front.post(f"{call['id']}/wrap-up", {"disposition": "done", "resolved": True})
    assert answer.json()["wrap_up"]["booking"] == {"result": "booked", "appointment_id": made["id"]}
    assert (await front.order(call["id"], "s4")).json()["type"] == "call-over"
    again = await front.order(call["id"], "s1", key="k0")
    assert again.json()["type"] == "call-over"
    told = await rows(
        database_url,
        "SELECT convert_from(body, 'UTF8')::jsonb->'data' FROM router.outbox"
        " WHERE type = 'careline.call.wrapped_up.v1'",
    )
    assert made["id"] in told[0][0]
    assert '"booking": "booked"' in told[0][0]
    noted = await rows(database_url, "SELECT what FROM router.person_audit ORDER BY id")
    assert [what for (what,) in noted] == [
        "customer shown with the offer",
        "appointment book", "appointment move", "appointment book", "appointment cancel",
    ]  # fmt: skip


async def test_under_one_key_it_is_booked_once_however_often_and_at_once_it_is_asked(front):
    call = await front.router.connect()
    answers = await asyncio.gather(*(front.order(call["id"], key="k1") for _ in range(4)))
    assert [answer.status_code for answer in answers] == [201] * 4
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(front.orders.asked) == 1
    other = await front.order(call["id"], "s2", key="k1")
    assert (other.status_code, other.json()["type"]) == (422, "idempotency-key-reused")
    twice = await front.order(call["id"])
    assert (twice.status_code, twice.json()["type"]) == (409, "already-ordered")
    await front.router.tell("call.hung_up", "p-1", by="caller")
    await front.post(f"{call['id']}/wrap-up", {"disposition": "done", "resolved": True})
    late = await front.order(call["id"], key="k1")  # his desk has not heard the answer
    assert (late.status_code, late.json()) == (201, answers[0].json())
    assert front.booked() == [("s1", "booked")]


LOST = {
    "garbage": Garbage(),
    "error with 200": outcome("exception"),
    "elsewhere": Reply(status=302, headers={"Location": "http://elsewhere.example/"}),
    "server error": Reply(status=500),
}


@pytest.mark.parametrize("fault", [*LOST, "late"])
async def test_an_order_without_answer_is_asked_about_and_never_given_again(front, fault):
    await front.use(deadline_s=0.3 if fault == "late" else 10)
    call = await front.router.connect()
    front.orders.next(LOST.get(fault, Hang()))
    answer = await front.order(call["id"], key="k1")
    assert (answer.status_code, answer.json()["state"]) == (202, "unknown")
    assert (await front.order(call["id"], key="k1")).status_code == 202
    assert (await front.order(call["id"])).json()["type"] == "already-ordered"
    await front.settle(after_s=30)
    assert [each["state"] for each in await front.listed(call["id"])] == ["unknown"]
    metrics = (await front.router.client.get("/metrics")).text
    assert "careline_router_booking_orders_under_way 1.0" in metrics
    await front.settle(after_s=61)
    assert [(e["state"], e["reason"]) for e in await front.listed(call["id"])] == [
        ("failed", "not_there")
    ]
    assert len(front.orders.asked) == 1
    again = await front.order(call["id"], key="k1")  # nothing came of it: he may
    assert again.status_code == 201, again.text
    front.orders.release()


async def test_an_order_that_was_carried_out_without_our_hearing_it_is_found(front):
    call = await front.router.connect()
    front.orders.next(Cut(30))
    answer = await front.order(call["id"], key="k1")
    assert (answer.status_code, answer.json()["state"]) == (201, "booked")
    identity = answer.json()["id"]
    front.orders.next(Cut(30))
    moved = await front.post(f"{call['id']}/appointments/{identity}/move", {"slot_id": "s3"})
    assert (moved.status_code, moved.json()["slot_id"]) == (200, "s3")
    front.orders.next(Cut(10))
    gone = await front.post(f"{call['id']}/appointments/{identity}/cancel")
    assert (gone.status_code, gone.json()["state"]) == (200, "cancelled")
    assert front.booked() == [("s3", "cancelled")]
    assert len(front.orders.asked) == 3


async def test_an_order_that_comes_through_late_is_found_by_the_next_look(front):
    call = await front.router.connect()
    front.orders.next(Reply(status=504))
    assert (await front.order(call["id"])).status_code == 202
    made = (await front.listed(call["id"]))[0]
    front.book.book(made["id"], "s1", {})
    await front.settle(after_s=40)
    assert [each["state"] for each in await front.listed(call["id"])] == ["booked"]


async def test_a_process_that_dies_between_order_and_answer_leaves_it_to_the_next(
    front, start, database_url
):
    call = await front.router.connect()
    front.orders.next(Hang())
    ordering = asyncio.create_task(front.order(call["id"], key="k1"))
    await eventually(lambda: front.orders.hanging)
    ordering.cancel()
    await asyncio.gather(ordering, return_exceptions=True)
    await front.router.stop()
    front.orders.release()
    await eventually(front.booked)  # the order comes through
    assert await rows(database_url, "SELECT ordered FROM router.appointment") == [("book",)]
    async with start() as after:
        front.router = after
        await front.settle(after_s=60)
        answer = await front.order(call["id"], key="k1")
        assert (answer.status_code, answer.json()["state"]) == (201, "booked")
        assert front.booked() == [("s1", "booked")]


async def test_a_refusal_says_why_and_the_same_may_be_tried_again(front):
    router = front.router
    call = await router.connect()
    front.book.book("somebody", "s1", {})
    answer = await front.order(call["id"], key="k1")
    assert (answer.status_code, answer.json()["type"]) == (409, "slot-taken")
    front.looks.next(Reply(status=503)) if front.entry["kind"] == "fhir" else front.orders.next(
        Reply(status=429, headers={"Retry-After": "1"})
    )
    answer = await front.order(call["id"], "s2", key="k2")
    assert (answer.status_code, answer.json()["type"]) == (503, "booking-unavailable")
    assert answer.json()["reason"] in {"throttled", "server_error"}
    assert answer.headers["retry-after"]
    router.clock.advance(2)
    assert (await front.order(call["id"], "s2", key="k2")).status_code == 201
    for path, body, kind in (
        (f"{call['id']}/appointments/none/cancel", None, "unknown-appointment"),
        ("none/appointments", {"slot_id": "s1", "clinic": "north"}, "unknown-call"),
    ):
        answer = await front.post(path, body)
        assert (answer.status_code, answer.json()["type"]) == (404, kind)
    answer = await front.order(call["id"], clinic="south")
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "clinic")


async def test_another_agent_has_no_hand_in_it_and_the_same_caller_finds_it_next_time(front):
    router = front.router
    call = await router.connect()
    made = (await front.order(call["id"])).json()
    answer = await router.client.get(
        f"/v1/calls/{call['id']}/appointments", headers=router.agent("a2")
    )
    assert answer.status_code == 404
    await router.tell("call.hung_up", "p-1", by="caller")
    await front.post(f"{call['id']}/wrap-up", {"disposition": "done", "resolved": True})
    stranger = await router.connect("p-2", caller="+79167654321")
    assert await front.listed(stranger["id"]) == []
    gone = await front.post(f"{stranger['id']}/appointments/{made['id']}/cancel")
    assert gone.status_code == 404
    await router.tell("call.hung_up", "p-2", by="caller")
    await front.post(f"{stranger['id']}/wrap-up", {"disposition": "done", "resolved": True})
    again = await router.connect("p-3")
    assert [each["id"] for each in await front.listed(again["id"])] == [made["id"]]
    gone = await front.post(f"{again['id']}/appointments/{made['id']}/cancel")
    assert gone.json()["state"] == "cancelled"
    gone = await front.post(f"{again['id']}/appointments/{made['id']}/cancel")
    assert (gone.status_code, gone.json()["type"]) == (409, "appointment-cancelled")


async def test_a_booking_system_that_hangs_holds_no_call_up(front):
    router = front.router
    call = await router.connect()
    front.orders.next(Hang())
    ordering = asyncio.create_task(front.order(call["id"]))
    await eventually(lambda: front.orders.hanging)
    told = await router.tell("call.hung_up", "p-1", by="caller")
    assert told["call"]["state"] == "ended"
    answer = await front.post(f"{call['id']}/wrap-up", {"disposition": "done", "resolved": True})
    assert answer.status_code == 200
    await router.connect("p-2", caller="+79167654321")
    assert not ordering.done()
    front.orders.release()
    assert (await ordering).status_code == 201


async def test_who_is_erased_leaves_no_trace_that_leads_to_him(front, database_url):
    router = front.router
    call = await router.connect()
    await front.order(call["id"], speciality="oncology")
    await router.tell("call.hung_up", "p-1", by="caller")
    person = {"phone": "+79161234567"}
    answer = await router.client.post("/v1/persons/export", json=person, headers=router.admin)
    exported = answer.json()["calls"][0]["appointments"]
    assert [each["speciality"] for each in exported] == ["oncology"]
    answer = await router.client.post("/v1/persons/erase", json=person, headers=router.admin)
    assert answer.json()["erased"]
    left = await rows(
        database_url,
        "SELECT speciality, external_id, slot_id, starts_at, clinic FROM router.appointment",
    )
    assert left == [(None, None, None, None, "north")]


async def test_without_a_booking_system_there_is_no_clinic(router):
    call = await router.connect()
    answer = await router.client.get(
        "/v1/slots", params={"clinic": "north"}, headers=router.agent("a1")
    )
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "clinic")
    answer = await router.client.post(
        f"/v1/calls/{call['id']}/appointments",
        json={"slot_id": "s1", "clinic": "north"},
        headers=router.agent("a1"),
    )
    assert answer.status_code == 422
