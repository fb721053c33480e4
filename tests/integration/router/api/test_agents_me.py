"""What an agent does for himself by REST, from logging in to the wrap-up."""

import asyncpg
import pytest

from careline_router.fakes.http_server import Reply

pytestmark = pytest.mark.integration


async def test_an_agent_logs_in_gets_ready_and_logs_out(router):
    headers = router.agent()
    me = await router.me()
    assert (me["id"], me["state"], me["skills"]) == ("a1", "logged_out", {"adult": 10})
    answer = await router.client.post(
        "/v1/agents/me/session", json={"endpoint": "PJSIP/home", "site": "home"}, headers=headers
    )
    assert answer.status_code == 201
    assert answer.headers["location"] == "/v1/agents/me"
    assert answer.json()["state"] == "not_ready"
    answer = await router.client.put(
        "/v1/agents/me/state", json={"state": "ready"}, headers=headers
    )
    assert answer.json()["state"] == "ready"
    answer = await router.client.put(
        "/v1/agents/me/state", json={"state": "not_ready", "reason": "lunch"}, headers=headers
    )
    assert (answer.json()["state"], answer.json()["reason"]) == ("not_ready", "lunch")
    answer = await router.client.delete("/v1/agents/me/session", headers=headers)
    assert answer.status_code == 204
    assert (await router.me())["state"] == "logged_out"


async def test_the_endpoint_of_the_session_is_the_one_that_rings(router):
    await router.client.post(
        "/v1/agents/me/session", json={"endpoint": "PJSIP/home"}, headers=router.agent()
    )
    await router.client.put("/v1/agents/me/state", json={"state": "ready"}, headers=router.agent())
    await router.arrive()
    offer = await router.offer()
    await router.client.post(f"/v1/offers/{offer['id']}/accept", headers=router.agent())
    ring = next(item for item in await router.commands() if item["type"] == "ring")
    assert ring["endpoint"] == "PJSIP/home"


async def test_a_token_of_nobody_configured_is_refused(shared_router):
    headers = shared_router.agent("stranger")
    for method, path, body in (
        ("GET", "/v1/agents/me", None),
        ("POST", "/v1/agents/me/session", {}),
        ("DELETE", "/v1/agents/me/session", None),
        ("PUT", "/v1/agents/me/state", {"state": "ready"}),
        ("POST", "/v1/agents/me/ws-ticket", None),
        ("POST", "/v1/offers/o/accept", None),
        ("POST", "/v1/offers/o/reject", None),
    ):
        answer = await shared_router.client.request(method, path, json=body, headers=headers)
        assert answer.status_code == 403, (path, answer.text)
        assert answer.json()["type"] == "unknown-agent"


async def test_ready_takes_a_log_in_first(router):
    answer = await router.client.put(
        "/v1/agents/me/state", json={"state": "ready"}, headers=router.agent()
    )
    assert answer.status_code == 409
    assert "allowed" in answer.json()


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "state"),
        ({"state": "talking"}, "state"),
        ({"state": 1}, "state"),
        ({"state": "not_ready", "reason": 3}, "reason"),
    ],
)
async def test_a_wrong_state_is_named(shared_router, body, path):
    answer = await shared_router.client.put(
        "/v1/agents/me/state", json=body, headers=shared_router.agent()
    )
    assert answer.status_code == 422
    assert [error["path"] for error in answer.json()["errors"]] == [path]


async def test_the_offer_tells_the_agent_what_the_crm_knows(router_with_crm):
    router = router_with_crm
    await router.ready()
    told = await router.arrive()
    offer = await router.offer()
    assert offer["call_id"] == told["call"]["id"]
    assert offer["caller"] == "+79161234567"
    assert offer["line"] == "+74950000001"
    assert offer["queue"] == "adult"
    assert offer["payer"] == "cash"
    assert offer["expires_at"].endswith("Z")
    card = offer["customer"]
    assert (card["name"], card["payer"], card["vip"], card["language"]) == (
        "Anna Petrova",
        "cash",
        True,
        "ru",
    )


async def test_nobody_but_the_agent_with_the_offer_sees_the_customer(router_with_crm):
    router = router_with_crm
    await router.ready()
    told = await router.arrive()
    await router.offer()
    call = await router.call(told["call"]["id"])
    assert call["crm"]["status"] == "found"
    agents = await router.client.get("/v1/agents", headers=router.admin)
    for text in (str(call), agents.text, str(told)):
        assert "Petrova" not in text


async def test_without_the_crm_the_call_is_routed_and_says_so(router_with_crm, crm):
    crm.customers.always = Reply(status=500)
    told = await router_with_crm.arrive()
    assert told["call"]["state"] == "queued"
    call = await router_with_crm.call(told["call"]["id"])
    assert (call["payer"], call["crm"]["status"]) == ("unknown", "failed")


async def test_a_rejected_offer_leaves_the_call_in_its_queue(router):
    await router.ready()
    told = await router.arrive()
    offer = await router.offer()
    answer = await router.client.post(
        f"/v1/offers/{offer['id']}/reject", json={"reason": "busy"}, headers=router.agent()
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["offer"] is None
    assert (await router.call(told["call"]["id"]))["state"] == "queued"


async def test_an_offer_of_somebody_else_cannot_be_taken(router):
    await router.ready()
    await router.arrive()
    offer = await router.offer()
    answer = await router.client.post(
        f"/v1/offers/{offer['id']}/accept", headers=router.agent("a2")
    )
    assert answer.status_code in {403, 404, 409}
    assert (await router.me())["offer"]["id"] == offer["id"]


async def test_an_unknown_offer_cannot_be_taken(router):
    await router.ready()
    answer = await router.client.post("/v1/offers/none/accept", headers=router.agent())
    assert answer.status_code in {404, 409}


async def test_who_takes_an_offer_that_is_gone_is_told_why(router):
    """By REST and on the socket alike: 409, and what became of it."""
    agent = router.agent()

    async def refused(offer_id: str, what: str = "accept") -> tuple[str, str, str]:
        answer = await router.client.post(f"/v1/offers/{offer_id}/{what}", headers=agent)
        assert answer.status_code == 409, answer.text
        told = answer.json()
        assert told["allowed"]
        return told["type"], told["reason"], told["detail"].partition(": ")[2]

    await router.ready()
    await router.arrive("p-1")
    gone = (await router.offer())["id"]
    await router.tell("call.hung_up", "p-1", by="caller")
    for what in ("accept", "reject"):
        told = await refused(gone, what)
        assert told == ("offer-closed", "abandoned", "the caller has hung up")
    await router.ready()
    call_id = (await router.arrive("p-2"))["call"]["id"]
    taken = (await router.offer())["id"]
    answer = await router.client.post(f"/v1/calls/{call_id}/withdraw", headers=router.floor)
    assert answer.status_code == 200, answer.text
    assert (await refused(taken))[:2] == ("offer-closed", "withdrawn")
    assert (await router.call(call_id))["state"] == "queued"
    answer = await router.client.post(f"/v1/offers/{gone}/accept", headers=router.agent("a2"))
    assert (answer.status_code, answer.json()["type"]) == (409, "offer-closed")
    assert "reason" not in answer.json()


async def test_accepting_twice_under_one_key_has_one_effect_and_one_answer(router):
    await router.ready()
    await router.arrive()
    offer = await router.offer()
    headers = {**router.agent(), "Idempotency-Key": "k1"}
    first = await router.client.post(f"/v1/offers/{offer['id']}/accept", headers=headers)
    again = await router.client.post(f"/v1/offers/{offer['id']}/accept", headers=headers)
    assert first.status_code == again.status_code == 200
    assert first.content == again.content
    answer = await router.client.post(f"/v1/offers/{offer['id']}/reject", headers=headers)
    assert answer.status_code == 422
    assert answer.json()["type"] == "idempotency-key-reused"


async def test_no_kept_answer_holds_anything_personal(router_with_crm, database_url):
    router = router_with_crm
    await router.ready()
    await router.arrive()
    offer = await router.offer()
    keyed = {**router.agent(), "Idempotency-Key": "k1"}
    answer = await router.client.post(f"/v1/offers/{offer['id']}/accept", headers=keyed)
    assert answer.status_code == 200
    told = await router.tell("call.answered", "p-1", offer_id=offer["id"])
    await router.tell("recording.ready", "p-1", url="https://pbx.example/r.wav", duration_s=1)
    keyed["Idempotency-Key"] = "k2"
    await router.client.post("/v1/agents/me/session", headers=keyed)
    keyed = {**router.floor, "Idempotency-Key": "k3"}
    await router.client.post(
        f"/v1/calls/{told['call']['id']}/priority", json={"priority": "vip"}, headers=keyed
    )
    connection = await asyncpg.connect(database_url)
    try:
        kept = await connection.fetch(
            "SELECT convert_from(body, 'UTF8') AS body FROM router.idempotency"
            " UNION ALL SELECT data::text FROM router.journal"
            " UNION ALL SELECT data::text FROM router.agent_message"
        )
    finally:
        await connection.close()
    assert len(kept) > 10
    for row in kept:
        for personal in ("79161234567", "Petrova", "pbx.example"):
            assert personal not in row["body"]


WRAP_UP = {
    "disposition": "booked",
    "resolved": True,
    "subjects": ["booking"],
    "booking": {"result": "booked", "appointment_id": "ap-1"},
    "notes": "asked for a morning",
}


async def test_a_wrap_up_ends_the_agents_work_on_a_call(router):
    call = await router.connect()
    await router.tell("call.hung_up", "p-1", by="caller")
    answer = await router.client.post(
        f"/v1/calls/{call['id']}/wrap-up", json=WRAP_UP, headers=router.agent()
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["id"] == call["id"]
    assert (await router.me())["state"] == "ready"
    again = await router.client.post(
        f"/v1/calls/{call['id']}/wrap-up", json=WRAP_UP, headers=router.agent()
    )
    assert again.status_code == 409


async def test_another_agents_call_cannot_be_wrapped_up(router):
    call = await router.connect()
    await router.tell("call.hung_up", "p-1", by="caller")
    answer = await router.client.post(
        f"/v1/calls/{call['id']}/wrap-up", json=WRAP_UP, headers=router.agent("a2")
    )
    assert answer.status_code in {403, 409}
    assert (await router.me())["state"] == "wrap_up"


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"disposition": 5}, "disposition"),
        ({"disposition": ""}, "disposition"),
        ({"resolved": "yes"}, "resolved"),
        ({"subjects": "booking"}, "subjects"),
        ({"subjects": [1]}, "subjects[0]"),
        ({"booking": {"appointment_id": "x"}}, "booking.result"),
    ],
)
async def test_a_wrong_wrap_up_is_named(shared_router, change, path):
    answer = await shared_router.client.post(
        "/v1/calls/c/wrap-up", json=WRAP_UP | change, headers=shared_router.agent()
    )
    assert answer.status_code == 422
    assert [error["path"] for error in answer.json()["errors"]] == [path]


async def test_an_agent_who_talks_cannot_log_out(router):
    await router.connect()
    answer = await router.client.delete("/v1/agents/me/session", headers=router.agent())
    assert answer.status_code == 409


async def test_a_wrap_up_is_extended_as_far_as_its_queue_allows(router):
    async def more(seconds):
        return await router.client.post(
            "/v1/agents/me/wrap-up/extend", json={"seconds": seconds}, headers=router.agent()
        )

    await router.connect()
    assert (await more(10)).json()["type"] == "not-wrapping-up"
    await router.tell("call.hung_up", "p-1", by="caller")
    answer = await more(60)
    assert (answer.status_code, answer.json()["state"]) == (200, "wrap_up")
    answer = await more(300)
    assert (answer.status_code, answer.json()["type"]) == (409, "wrap-up-limit")
    assert (await more(0)).status_code == 422
    await router.advance(89)
    assert (await router.me())["state"] == "wrap_up"
    await router.advance(2)
    assert (await router.me())["state"] == "ready"
