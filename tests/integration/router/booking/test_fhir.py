"""What FHIR adds: versions, conditions, pages that lead elsewhere."""

import json
from typing import Any

import pytest

from careline_router.booking_port import BookingFault, BookingRefused, NewAppointment, Patient
from careline_router.fakes.http_server import Reply

pytestmark = pytest.mark.integration

ANNA = NewAppointment(
    reference="r1", slot_id="s2", clinic="north", patient=Patient(name="Anna", phone="+7916")
)


@pytest.fixture
async def world(open_world: Any) -> Any:
    return await open_world("fhir")


async def test_an_appointment_is_what_r4_asks_for(world: Any) -> None:
    await world.system().book(ANNA)
    request = world.orders.asked[-1]
    sent = json.loads(request.body)
    assert request.headers["if-none-exist"] == "identifier=urn%3Acareline%3Aappointment%7Cr1"
    assert sent == {
        "resourceType": "Appointment",
        "contained": [
            {
                "resourceType": "Patient",
                "id": "patient",
                "name": [{"text": "Anna"}],
                "telecom": [{"system": "phone", "value": "+7916"}],
            }
        ],
        "identifier": [{"system": "urn:careline:appointment", "value": "r1"}],
        "status": "booked",
        "slot": [{"reference": "Slot/s2"}],
        "start": "2026-03-04T09:00:00Z",
        "end": "2026-03-04T09:30:00Z",
        "participant": [
            {"actor": {"reference": "#patient"}, "status": "accepted"},
            {"actor": {"reference": "Location/17"}, "status": "accepted"},
        ],
    }


async def test_what_others_have_written_into_it_stays_and_is_never_overwritten(world: Any) -> None:
    system = world.system()
    booked = await system.book(ANNA)
    kept = world.book.appointments[booked.id]
    kept.resource["comment"] = "by the clinic"
    await system.move(booked.id, "s3")
    sent = json.loads(world.orders.asked[-1].body)
    assert sent["comment"] == "by the clinic"
    assert world.orders.asked[-1].headers["if-match"] == 'W/"1"'
    stale = Reply.json(
        {**sent, "id": booked.id, "meta": {"versionId": "1"}}, ETag='W/"1"'
    )  # the clinic changes it between our reading and our writing
    world.looks.next(stale)
    with pytest.raises(BookingRefused) as changed:
        await system.cancel(booked.id)
    assert changed.value.reason == "changed"
    assert kept.status == "booked"


async def test_a_version_is_read_from_the_resource_where_there_is_no_etag(world: Any) -> None:
    system = world.system()
    booked = await system.book(ANNA)
    resource = {
        "resourceType": "Appointment", "id": booked.id, "status": "booked",
        "meta": {"versionId": "1"}, "slot": [{"reference": "http://x/fhir/Slot/s2/_history/3"}],
        "participant": [{"status": "accepted"}],
    }  # fmt: skip
    world.looks.next(Reply.json(resource))
    assert (await system.cancel(booked.id)).standing == "cancelled"
    world.looks.next(Reply.json({**resource, "meta": {}}))
    with pytest.raises(BookingFault) as told:
        await system.move(booked.id, "s3")
    assert (told.value.reason, told.value.sent) == ("bad_answer", False)


async def test_a_next_page_at_another_host_is_not_asked_for(world: Any) -> None:
    for link in ("http://elsewhere.example/fhir/Slot", "//elsewhere.example/x", "../../admin"):
        bundle = {
            "resourceType": "Bundle",
            "entry": [],
            "link": [{"relation": "next", "url": link}],
        }
        world.looks.next(Reply.json(bundle))
        with pytest.raises(BookingFault) as told:
            await world.system().slots(world.query())
        assert told.value.reason == "bad_answer"
    assert len(world.looks.asked) == 3


async def test_a_search_that_answers_with_somebody_elses_finds_nothing(world: Any) -> None:
    system = world.system()
    await system.book(ANNA)
    stranger = {"resourceType": "Appointment", "id": "a9", "identifier": [{"value": "r2"}]}
    bundle = {"resourceType": "Bundle", "entry": [{"resource": stranger}]}
    world.looks.next(Reply.json(bundle))
    assert await system.find("r1", None) is None


async def test_the_same_order_again_would_not_be_a_second_one_there(world: Any) -> None:
    system = world.system()
    first = await system.book(ANNA)
    world.book.appointments[first.id].status = "cancelled"  # its slot is free again
    assert (await system.book(ANNA)).id == first.id
    assert len(world.book.appointments) == 1
