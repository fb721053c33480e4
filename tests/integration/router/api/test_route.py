"""The dialplan's form: a loop of plain requests, in JSON and as a form."""

import asyncio
from urllib.parse import urlencode

import pytest

from careline_common.testing.waiting import eventually

pytestmark = pytest.mark.integration

ASK = {"call_id": "1700000000.1", "caller": "+79161234567", "line": "+74950000001", "wait": 0}
CHILD = ASK | {"line": "+74950000002"}


async def ask(router, **fields):
    answer = await router.client.post(
        "/v1/pbx/pbx1/route", json={**ASK, **fields}, headers=router.pbx
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


async def call_of(router):
    answer = await router.client.get(
        f"/v1/calls/by-pbx/pbx1/{ASK['call_id']}", headers=router.floor
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_call_waits_while_nobody_is_there(router):
    step = await ask(router)
    assert step["action"] == "wait"
    call = await call_of(router)
    assert call["state"] == "queued"
    assert call["pbx_call_id"] == ASK["call_id"]


async def test_a_repeat_goes_on_with_the_same_call(router):
    first, second = await ask(router), await ask(router)
    assert first["id"] == second["id"]


async def test_a_form_is_understood(router):
    for body in (
        urlencode(ASK),
        "call_id=1700000000.1&caller=+79161234567&line=+74950000001&wait=0",
    ):
        answer = await router.client.post(
            "/v1/pbx/pbx1/route",
            content=body,
            headers={**router.pbx, "Content-Type": "application/x-www-form-urlencoded"},
        )
        assert answer.status_code == 200, answer.text
        assert answer.json()["action"] == "wait"
    assert (await call_of(router))["caller"] == ASK["caller"]


async def test_json_that_calls_itself_a_form_is_understood(router):
    answer = await router.client.post(
        "/v1/pbx/pbx1/route",
        content=b'{"call_id": "x", "caller": "+79161234567", "line": "+74950000001", "wait": 0}',
        headers={**router.pbx, "Content-Type": "application/x-www-form-urlencoded"},
    )
    assert answer.json()["action"] == "wait"


async def test_the_agent_rings_after_he_has_accepted(router):
    await router.ready()
    assert (await ask(router))["action"] == "wait"
    offer = await router.offer()
    assert (await ask(router))["action"] == "wait"
    await router.client.post(f"/v1/offers/{offer['id']}/accept", headers=router.agent())
    step = await ask(router)
    assert step["action"] == "ring"
    assert step["endpoint"] == "PJSIP/a1"
    assert step["offer_id"] == offer["id"]


async def test_an_agent_whose_phone_rings_with_the_offer_is_rung_at_once(router):
    await router.ready("a2")
    step = await ask(router, **CHILD)
    assert step["action"] == "ring"
    assert step["endpoint"] == "PJSIP/a2"


async def test_a_waiting_request_hears_of_an_agent_at_once(router):
    await ask(router, **CHILD)
    loop = asyncio.create_task(ask(router, **CHILD | {"wait": 5}))
    await asyncio.sleep(0)
    await router.ready("a2")
    step = await asyncio.wait_for(loop, 3)
    assert step["action"] == "ring"


async def result(router, offer_id, told):
    return await router.client.post(
        f"/v1/pbx/pbx1/route/{offer_id}", json={"result": told}, headers=router.pbx
    )


async def test_a_talk_begins_and_ends(router):
    await router.ready("a2")
    step = await ask(router, **CHILD)
    answer = await result(router, step["offer_id"], "answered")
    assert answer.status_code == 200, answer.text
    assert (await call_of(router))["state"] == "connected"
    assert (await router.me("a2"))["state"] == "talking"
    await result(router, step["offer_id"], "ended")
    call = await call_of(router)
    assert (call["state"], call["outcome"]) == ("ended", "handled")


@pytest.mark.parametrize("told", ["busy", "rejected", "no_answer", "unreachable"])
async def test_a_phone_that_is_not_answered_sends_the_call_on(router, told):
    await router.ready("a2")
    step = await ask(router, **CHILD)
    answer = await result(router, step["offer_id"], told)
    assert answer.status_code == 200
    assert (await ask(router, **CHILD))["action"] == "wait"
    assert (await call_of(router))["state"] == "queued"


async def test_a_result_for_an_offer_that_is_none_is_not_found(shared_router):
    answer = await result(shared_router, "none", "answered")
    assert answer.status_code == 404
    assert answer.json()["type"] == "unknown-offer"


async def test_a_result_that_comes_twice_has_one_effect(router):
    await router.ready("a2")
    step = await ask(router, **CHILD)
    for _ in range(2):
        assert (await result(router, step["offer_id"], "busy")).status_code == 200
    assert (await call_of(router))["state"] == "queued"


async def test_another_pbx_cannot_report_on_this_ones_offer(router):
    await router.ready("a2")
    step = await ask(router, **CHILD)
    answer = await router.client.post(
        f"/v1/pbx/pbx2/route/{step['offer_id']}",
        json={"result": "answered"},
        headers=router.bearer("pbx2", "pbx", pbx="pbx2"),
    )
    assert answer.status_code == 404


async def test_a_caller_who_hangs_up_is_abandoned(router):
    await ask(router)
    answer = await router.client.post(
        "/v1/pbx/pbx1/route/hangup", json={"call_id": ASK["call_id"]}, headers=router.pbx
    )
    assert answer.status_code == 200, answer.text
    assert (await call_of(router))["outcome"] == "abandoned"
    assert (await ask(router))["action"] == "hangup"


async def test_a_hangup_of_an_unknown_call_is_not_found(shared_router):
    answer = await shared_router.client.post(
        "/v1/pbx/pbx1/route/hangup", json={"call_id": "none"}, headers=shared_router.pbx
    )
    assert answer.status_code == 404


async def test_who_does_not_ask_again_is_abandoned(router):
    await ask(router, wait=0)
    router.clock.advance(9.5)
    assert (await call_of(router))["state"] == "queued"
    router.clock.advance(1)

    async def abandoned():
        return (await call_of(router))["outcome"] == "abandoned"

    await eventually(abandoned)


async def test_an_unknown_line_hears_that_it_is_closed(router):
    step = await ask(router, line="+74959999999")
    assert step["action"] == "announce"
    assert step["media"]
    assert (await ask(router, line="+74959999999"))["action"] == "hangup"


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"caller": "+79161234567", "line": "+74950000001"}, "call_id"),
        ({"call_id": 1, "line": "+74950000001"}, "call_id"),
        ({"call_id": "x", "caller": "+79161234567"}, "line"),
        ({"call_id": "x", "line": "+74950000001", "wait": "long"}, "wait"),
        ({"call_id": "x", "line": "+74950000001", "wait": -1}, "wait"),
    ],
)
async def test_a_wrong_field_is_named(shared_router, body, path):
    answer = await shared_router.client.post(
        "/v1/pbx/pbx1/route", json=body, headers=shared_router.pbx
    )
    assert answer.status_code == 422, answer.text
    assert [error["path"] for error in answer.json()["errors"]] == [path]


@pytest.mark.parametrize("body", [b"", b"\xff\xff", b"just words", b"{broken"])
async def test_what_is_neither_json_nor_a_form_is_refused(shared_router, body):
    answer = await shared_router.client.post(
        "/v1/pbx/pbx1/route", content=body, headers=shared_router.pbx
    )
    assert answer.status_code in {400, 422}
    assert answer.headers["content-type"] == "application/problem+json"


async def test_the_token_must_be_of_this_pbx(shared_router):
    for headers, status in (
        ({}, 401),
        (shared_router.bearer("pbx2", "pbx", pbx="pbx2"), 403),
        (shared_router.bearer("pbx1", "pbx"), 403),
        (shared_router.bearer("root", "admin", pbx="pbx1"), 403),
    ):
        answer = await shared_router.client.post("/v1/pbx/pbx1/route", json=ASK, headers=headers)
        assert answer.status_code == status


async def test_requests_wait_as_long_as_they_say(database_url, tmp_path, live_router):
    async with live_router(database_url, tmp_path) as router:
        loop = asyncio.get_running_loop()
        began = loop.time()
        assert (await ask(router, wait=0.4))["action"] == "wait"
        assert 0.3 < loop.time() - began < 4
        began = loop.time()
        answer = await router.client.get("/v1/pbx/pbx2/commands?wait=0.4", headers=router.other_pbx)
        assert answer.json() == {"items": []}
        assert 0.3 < loop.time() - began < 4
