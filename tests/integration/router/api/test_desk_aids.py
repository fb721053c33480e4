"""What agents work with: scripts, links and words with the offer, and what was noted before."""

from typing import Any

import pytest

pytestmark = pytest.mark.integration

LINE = "+74950000001"
CALLER = "+79161234567"


async def put(router: Any, **sections: Any) -> Any:
    return await router.client.put(
        "/v1/config", json={"careline": 1, **sections}, headers=router.admin
    )


def line(**changed: Any) -> list[dict[str, Any]]:
    return [{"number": LINE, "flow": "main", "language": "ru", **changed}]


async def card(router: Any, call_id: str) -> dict[str, Any]:
    answer = await router.client.get(f"/v1/calls/{call_id}/customer", headers=router.agent("a1"))
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


async def test_script_links_and_words_come_with_the_offer_and_on_the_card(router, desk):
    links = [{"title": "Prices", "url": "https://kb.example/prices?call={call_id}"}]
    words = {"dispositions": ["booked", "informed"], "subjects": ["refusal"]}
    answer = await put(
        router,
        lines=line(script="Good morning.", links=links),
        queues=[{"id": "adult", "no_booking_reasons": ["price"], **words}],
    )
    assert answer.status_code == 200, answer.text
    await router.ready("a1")
    async with desk("a1") as socket:
        await router.arrive()
        offer = (await socket.until("offer"))["data"]["offer"]
    expected = {
        "script": "Good morning.",
        "links": [{"title": "Prices", "url": f"https://kb.example/prices?call={offer['call_id']}"}],
        **words,
        "no_booking_reasons": ["price"],
    }
    assert offer["desk"] == expected
    assert (await router.me())["offer"]["desk"] == expected
    assert (await card(router, offer["call_id"]))["desk"] == expected
    answer = await router.client.get("/v1/agents", headers=router.floor)
    offers = [each["offer"] for each in answer.json()["items"] if each["offer"]]
    assert [each["desk"] for each in offers] == [None]


async def test_a_line_that_gives_nothing_gives_nothing(router):
    call = await router.connect()
    assert (await card(router, call["id"]))["desk"] == {
        "script": None, "links": [], "dispositions": [], "subjects": [], "no_booking_reasons": [],
    }  # fmt: skip


@pytest.mark.parametrize(
    "url",
    [
        "https://kb.example/?who={caller}",
        "https://kb.example/{call_id}/{",
        "javascript:alert(1)",
        "https://user:secret@kb.example/",
        "kb.example/prices",
    ],
)
async def test_a_link_with_anything_of_the_caller_in_it_is_refused_and_named(shared_router, url):
    answer = await put(shared_router, lines=line(links=[{"title": "x", "url": url}]))
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"] == "lines[0].links[0].url"


async def test_what_was_noted_is_shown_to_who_has_the_next_call_of_the_same_person(router):
    call = await router.connect()
    await router.tell("call.hung_up", "p-1", by="caller")
    said = {"disposition": "informed", "resolved": False, "subjects": ["refusal"], "notes": "Deaf."}
    await router.client.post(
        f"/v1/calls/{call['id']}/wrap-up", json=said, headers=router.agent("a1")
    )
    other = await router.connect("p-2", caller="+79167654321")
    assert (await card(router, other["id"]))["history"] == []
    await router.tell("call.hung_up", "p-2", by="caller")
    await router.client.post(
        f"/v1/calls/{other['id']}/wrap-up", json=said, headers=router.agent("a1")
    )
    again = await router.connect("p-3")
    (entry,) = (await card(router, again["id"]))["history"]
    assert (entry["call_id"], entry["agent"], entry["queue"]) == (call["id"], "a1", "adult")
    assert {name: entry[name] for name in said} == said
    await put(router, floor={"verify_callers": True})
    assert (await card(router, again["id"]))["history"] is None


async def test_why_nothing_was_booked_is_one_of_the_words_of_the_queue(router):
    words = {"no_booking_reasons": ["no_slot", "price"], "subjects": ["booking"]}
    await router.client.put(
        "/v1/config",
        json={"careline": 1, "queues": [{"id": "adult", "wrap_up_s": 30, **words}]},
        headers=router.admin,
    )
    call = await router.connect()
    await router.tell("call.hung_up", "p-1", by="caller")
    said = {"disposition": "done", "resolved": False, "subjects": ["weather"]}

    async def wrap_up(**more: Any) -> Any:
        return await router.client.post(
            f"/v1/calls/{call['id']}/wrap-up", json={**said, **more}, headers=router.agent("a1")
        )

    answer = await wrap_up(booking={"result": "not_booked", "reason": "rain"})
    assert answer.status_code == 422
    assert [each["path"] for each in answer.json()["errors"]] == ["subjects[0]", "booking.reason"]
    said["subjects"] = ["booking"]
    assert (await wrap_up(booking={"result": "not_booked"})).status_code == 422
    answer = await wrap_up(booking={"result": "not_booked", "reason": "no_slot"})
    assert answer.json()["wrap_up"]["booking"] == {"result": "not_booked", "reason": "no_slot"}
