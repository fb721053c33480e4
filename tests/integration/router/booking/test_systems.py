"""One suite for every kind of booking system: what the port promises, whoever is behind it."""

import asyncio
from datetime import date, timedelta
from typing import Any

import pytest
import structlog

from careline_router.adapters.booking import make_booking
from careline_router.adapters.crm_exchange import Pauses
from careline_router.booking_config import BookingEntry, booking_faults
from careline_router.booking_port import BookingFault, BookingRefused, NewAppointment, Patient
from careline_router.fakes.appointments import FreeTime
from careline_router.fakes.fhir import outcome
from careline_router.fakes.http_server import Cut, FakeServer, Garbage, Hang, Reply, Slow

pytestmark = pytest.mark.integration

ANNA = Patient(name="Anna Petrova", phone="+79161234567", birth_date=date(1950, 5, 9))


def new(reference: str = "r1", slot: str = "s2", patient: Patient = ANNA) -> NewAppointment:
    return NewAppointment(reference=reference, slot_id=slot, clinic="north", patient=patient)


async def test_free_slots_are_those_of_the_clinic_the_speciality_and_the_time(world: Any) -> None:
    system = world.system()
    place = world.book.slots["s1"].clinic
    for number, changed in enumerate(({"clinic": "Location/18"}, {"speciality": "dentist"}), 6):
        at = world.clock.now() + timedelta(days=number)
        usual = {"id": f"s{number}", "clinic": place, "starts_at": at, "ends_at": at}
        world.book.slots[f"s{number}"] = FreeTime(**{**usual, **changed})
    found = await system.slots(world.query(speciality="cardiology"))
    assert [each.id for each in found] == ["s1", "s2", "s3", "s4", "s5"]
    assert found[0].starts_at == world.book.slots["s1"].starts_at
    assert (found[0].speciality, found[0].practitioner) == ("cardiology", "Dr Orlova")
    assert [each.id for each in await system.slots(world.query(speciality="dentist"))] == ["s7"]
    assert [each.id for each in await system.slots(world.query(days=3))] == ["s1", "s2"]
    await system.book(new(slot="s1"))
    assert "s1" not in [each.id for each in await system.slots(world.query())]


async def test_many_slots_are_had_by_pages_and_not_without_end(world: Any) -> None:
    first = world.book.slots["s1"]
    for number in range(300):
        at = first.starts_at + timedelta(minutes=number)
        world.book.slots[f"m{number}"] = FreeTime(
            id=f"m{number}", clinic=first.clinic, starts_at=at, ends_at=at
        )
    found = await world.system().slots(world.query())
    assert len(found) == 200
    assert [each.starts_at for each in found] == sorted(each.starts_at for each in found)


async def test_an_appointment_is_booked_moved_and_cancelled_and_keeps_its_id(world: Any) -> None:
    system = world.system()
    booked = await system.book(new())
    assert (booked.standing, booked.slot_id) == ("booked", "s2")
    assert booked.starts_at == world.book.slots["s2"].starts_at
    assert await system.find("r1", None) == booked == await system.find("r1", booked.id)
    moved = await system.move(booked.id, "s3")
    assert (moved.id, moved.standing, moved.slot_id) == (booked.id, "booked", "s3")
    assert "s2" in [each.id for each in await system.slots(world.query())]
    for _ in range(2):
        cancelled = await system.cancel(booked.id)
        assert (cancelled.id, cancelled.standing) == (booked.id, "cancelled")
    found = await system.find("r1", booked.id)
    assert found is not None
    assert found.standing == "cancelled"
    assert world.booked() == [("r1", "s3", "cancelled")]
    assert await system.find("never", None) is None


async def test_who_the_patient_is_goes_in_the_body_and_never_in_a_url(world: Any) -> None:
    await world.system().book(new())
    kept = str(next(iter(world.book.appointments.values())).patient)
    assert all(each in kept for each in ("Anna Petrova", "+79161234567", "1950-05-09"))
    asked = " ".join(request.target for request in (*world.looks.asked, *world.orders.asked))
    assert "Petrova" not in asked
    assert "9161234567" not in asked


async def test_a_patient_whom_the_booking_system_knows_is_named_by_its_own_id(world: Any) -> None:
    await world.system().book(new(patient=Patient(id="p77")))
    assert "p77" in str(next(iter(world.book.appointments.values())).patient)


async def test_a_slot_that_is_taken_or_gone_is_refused_and_nothing_is_booked(world: Any) -> None:
    system = world.system()
    first = await system.book(new())
    second = await system.book(new("r2", "s3"))
    with pytest.raises(BookingRefused) as taken:
        await system.book(new("r3", "s2"))
    with pytest.raises(BookingRefused) as moved:
        await system.move(second.id, first.slot_id or "")
    assert (taken.value.reason, moved.value.reason) == ("slot_taken", "slot_taken")
    for slot in ("s99", "..", "."):
        with pytest.raises(BookingRefused) as gone:
            await system.book(new("r4", slot))
        assert gone.value.reason in {"slot_gone", "slot_taken"}
    with pytest.raises(BookingRefused) as unknown:
        await system.move("a99", "s4")
    assert unknown.value.reason == "gone"
    assert world.booked() == [("r1", "s2", "booked"), ("r2", "s3", "booked")]


ILL = {
    "garbage": (Garbage(), "bad_answer", True),
    "cut": (Cut(40), "bad_answer", True),
    "no json": (Reply(body=b"<html>"), "bad_answer", True),
    "error with 200": (outcome("exception"), "bad_answer", True),
    "another error with 200": (Reply.json({"error": "no"}), "bad_answer", True),
    "elsewhere": (
        Reply(status=307, headers={"Location": "http://elsewhere.example/"}), "bad_answer", True,
    ),
    "too large": (Reply(body=b'{"id":"' + b"x" * 300_000 + b'"}'), "bad_answer", True),
    "server error": (Reply(status=500), "server_error", True),
    "no login": (Reply(status=401), "auth", False),
    "wants a pause": (Reply(status=429, headers={"Retry-After": "30"}), "throttled", False),
}  # fmt: skip


@pytest.mark.parametrize("ill", ILL)
async def test_an_order_is_sent_once_whatever_is_answered(world: Any, ill: str) -> None:
    fault, reason, may_be_there = ILL[ill]
    times = 2 if ill == "no login" and world.login is not None else 1  # a refused token is had anew
    world.orders.next(*[fault] * times)
    system = world.system()
    with pytest.raises(BookingFault) as told:
        await system.book(new())
    assert (told.value.reason, told.value.sent) == (reason, may_be_there)
    assert "Ivanov" not in told.value.detail
    assert len(world.orders.asked) == times
    assert world.booked() == ([("r1", "s2", "booked")] if ill == "cut" else [])


@pytest.mark.parametrize("ill", ILL)
async def test_slots_that_cannot_be_had_say_why(world: Any, ill: str) -> None:
    fault, reason, _ = ILL[ill]
    world.looks.next(fault, fault)
    with pytest.raises(BookingFault) as told:
        await world.system().slots(world.query())
    assert told.value.reason == reason


async def test_a_refusal_of_the_server_is_none_of_ours(world: Any) -> None:
    world.orders.next(Reply(status=422, body=outcome("invariant").body))
    with pytest.raises(BookingRefused) as told:
        await world.system().book(new())
    assert told.value.reason == "refused"
    assert "Ivanov" not in told.value.detail


async def test_nobody_is_there(world: Any) -> None:
    async with FakeServer(world) as server:
        url = server.url
    with pytest.raises(BookingFault) as told:
        await world.system(url=url, token_hosts=["127.0.0.1"]).book(new())
    assert (told.value.reason, told.value.sent) == ("unreachable", False)


async def test_a_late_answer_is_given_up_and_its_order_may_stand(world: Any) -> None:
    world.orders.next(Hang())
    with pytest.raises(BookingFault) as told:
        await world.system(deadline_s=0.2).book(new())
    assert (told.value.reason, told.value.sent) == ("timeout", True)
    assert await world.system().find("r1", None) is None
    world.orders.release()


async def test_a_system_that_is_ill_is_left_alone_and_then_tried_by_one(world: Any) -> None:
    system = world.system(failures_to_open=2, open_for_s=10)
    world.looks.next(Reply(status=500), Reply(status=500))
    for _ in range(2):
        with pytest.raises(BookingFault):
            await system.slots(world.query())
    with pytest.raises(BookingFault) as left:
        await system.slots(world.query())
    assert (left.value.reason, left.value.sent) == ("breaker_open", False)
    assert len(world.looks.asked) == 2
    world.clock.advance(10)
    assert await system.slots(world.query())
    assert world.asked[-2:] == [("slots", "breaker_open"), ("slots", "done")]


async def test_no_more_than_so_many_are_asked_at_once(world: Any) -> None:
    system = world.system(at_once=1, deadline_s=0.3)
    world.looks.next(Slow(5), Slow(5), Slow(5))  # whoever comes next in the last moment too
    first = asyncio.create_task(system.slots(world.query()))
    with pytest.raises(BookingFault) as busy:
        await asyncio.gather(system.slots(world.query()), system.slots(world.query()))
    assert busy.value.reason in {"busy", "timeout"}
    with pytest.raises(BookingFault):
        await first


async def test_without_a_login_nothing_is_ordered(open_world: Any) -> None:
    for kind in ("http", "fhir"):
        world = await open_world(kind, behind_login=True)
        world.login.desk.always = Reply(status=500)
        with pytest.raises(BookingFault) as told:
            await world.system().book(new())
        assert (told.value.reason, told.value.sent) == ("server_error", False)
        assert world.looks.asked == world.orders.asked == []


async def test_an_order_whose_token_is_refused_is_sent_once_more_and_made_once(
    open_world: Any,
) -> None:
    world = await open_world("http", behind_login=True)
    system = world.system()
    await system.slots(world.query())
    world.login.withdraw_tokens()
    assert (await system.book(new())).standing == "booked"
    assert (len(world.orders.asked), len(world.login.desk.asked)) == (2, 2)
    assert world.booked() == [("r1", "s2", "booked")]


async def test_an_appointment_of_somebody_else_is_none_of_his(open_world: Any) -> None:
    """Fails when the booking system's filter is trusted: one that ignores it gives everybody's."""
    world = await open_world("http")
    system = world.system()
    first = await system.book(new("r1", "s1"))
    second = await system.book(new("r2", "s2"))
    everybody = [{"id": e.id, "reference": e.reference, "slot": e.slot.id, "status": e.status} for e in world.book.appointments.values()]  # fmt: skip
    with structlog.testing.capture_logs() as lines:
        world.looks.next(Reply.json({"items": everybody}))
        found = await system.find("r2", None)
        assert (found and found.id) == second.id
        for reference, known in (("r3", None), ("r3", first.id)):
            world.looks.next(Reply.json({"items": everybody}))
            with pytest.raises(BookingFault) as told:
                await system.find(reference, known)
            assert told.value.reason == "bad_answer"
    assert [line["refused"] for line in lines if line["event"] == "booking.not_his"] == [1, 2, 2]
    assert "r1" not in str(lines)
    world.orders.next(Reply.json(everybody[0], 201))
    with pytest.raises(BookingFault) as made:
        await system.book(new("r4", "s4"))
    assert (made.value.reason, made.value.sent) == ("bad_answer", True)


async def test_an_answer_that_names_no_reference_is_his_by_the_id_he_was_given(
    open_world: Any,
) -> None:
    world = await open_world("http")
    nameless = {"id": "a1", "slot": "s1", "status": "booked"}
    for known, is_his in (("a1", True), ("a2", False), (None, False)):
        world.looks.next(Reply.json({"items": [nameless]}))
        try:
            found = await world.system().find("r1", known)
        except BookingFault:
            found = None
        assert (found is not None) == is_his


async def test_where_an_older_configuration_does_not_say_is_looked_for_everywhere(
    open_world: Any,
) -> None:
    world = await open_world("http")
    fields = {name: f"$.{name}" for name in ("id", "slot", "status")}
    entry = BookingEntry(**world.entry(appointment=fields))
    assert [path for path, _ in booking_faults(entry)] == ["appointment.reference"]
    system = make_booking(entry, world.clock, Pauses(world.clock), lambda _what, _end: None)
    world.life.push_async_callback(system.close)
    his = {"id": "a1", "slot": "s1", "status": "booked", "notes": [{"ours": "r1"}]}
    world.looks.next(Reply.json({"items": [his]}), Reply.json({"items": [his]}))
    assert await system.find("r1", None) is not None
    with pytest.raises(BookingFault):
        await system.find("r2", None)


async def test_a_server_that_answers_with_another_resource_is_not_believed(open_world: Any) -> None:
    world = await open_world("fhir")
    system = world.system()
    booked = await system.book(new())
    other = {"resourceType": "Appointment", "id": "other", "status": "booked"}
    world.looks.next(Reply.json(other))
    with pytest.raises(BookingFault) as told:
        await system.find("r1", booked.id)
    assert told.value.reason == "bad_answer"
