"""Signed events of a PBX: what is refused, what repeats, what comes too late."""

import pytest
from pydantic_core import to_json

from careline_common.http.signed import signed_headers
from careline_common.testing.waiting import eventually

pytestmark = pytest.mark.integration

CALLER = "+79161234567"
LINE = "+74950000001"


def rejections(router, reason):
    return router.service.app.state.metrics.value("signed_rejections_total", reason=reason)


async def nothing_is_left_of(router, call_id):
    answer = await router.client.get(f"/v1/calls/by-pbx/pbx1/{call_id}", headers=router.floor)
    return answer.status_code == 404


async def test_a_call_that_arrives_waits_in_its_queue(router):
    told = await router.arrive()
    call = told["call"]
    assert call["state"] == "queued"
    assert call["queue"] == "adult"
    assert call["pbx"] == "pbx1"
    assert call["pbx_call_id"] == "p-1"
    assert call["payer"] == "unknown"
    assert call["outcome"] is None
    assert [command["type"] for command in told["commands"]] == ["answer", "hold"]
    assert {command["pbx_call_id"] for command in told["commands"]} == {"p-1"}
    assert {command["call_id"] for command in told["commands"]} == {call["id"]}


async def test_a_call_from_start_to_end(router):
    call = await router.connect()
    assert call["agent"] == "a1"
    assert call["answered_at"] is not None
    told = await router.tell("call.hung_up", "p-1", by="caller")
    assert told["call"]["state"] == "ended"
    assert told["call"]["outcome"] == "handled"
    assert (await router.me())["state"] == "wrap_up"


async def test_the_answer_to_a_pbx_holds_no_number(router):
    told = await router.arrive()
    assert told["call"]["caller"] is None


async def test_a_caller_without_a_number_is_routed_too(router):
    told = await router.tell("call.arrived", "p-1", caller=None, line=LINE)
    assert told["call"]["state"] == "queued"


async def test_an_unsigned_event_is_refused_and_leaves_nothing(shared_router):
    before = rejections(shared_router, "unsigned")
    body = shared_router.event("call.arrived", "p-1", caller=CALLER, line=LINE)
    answer = await shared_router.client.post("/v1/pbx/pbx1/events", content=body)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert rejections(shared_router, "unsigned") == before + 1
    assert await nothing_is_left_of(shared_router, "p-1")


async def test_a_wrong_signature_is_refused(shared_router):
    before = rejections(shared_router, "wrong_signature")
    body = shared_router.event("call.arrived", "p-1", caller=CALLER, line=LINE)
    answer = await shared_router.post_event(body, secret="whsec_" + "d3Jvbmc=")
    assert answer.status_code == 401
    assert rejections(shared_router, "wrong_signature") == before + 1
    assert await nothing_is_left_of(shared_router, "p-1")


async def test_a_body_that_was_changed_on_the_way_is_refused(shared_router):
    body = shared_router.event("call.arrived", "p-1", caller=CALLER, line=LINE)
    headers = signed_headers("whsec_c2VjcmV0LW9mLXBieC1vbmU=", "m", shared_router.clock.now(), body)
    answer = await shared_router.client.post(
        "/v1/pbx/pbx1/events", content=body.replace(b"p-1", b"p-2"), headers=headers
    )
    assert answer.status_code == 401
    assert await nothing_is_left_of(shared_router, "p-1")


@pytest.mark.parametrize("off_s", [-301, 301])
async def test_a_stale_event_is_refused(router, off_s):
    body = router.event("call.arrived", "p-1", caller=CALLER, line=LINE)
    headers = signed_headers("whsec_c2VjcmV0LW9mLXBieC1vbmU=", "m", router.clock.now(), body)
    router.clock.advance(off_s)
    answer = await router.client.post("/v1/pbx/pbx1/events", content=body, headers=headers)
    assert answer.status_code == 401
    assert rejections(router, "stale") == 1
    assert await nothing_is_left_of(router, "p-1")


async def test_an_unknown_pbx_is_refused(shared_router):
    before = rejections(shared_router, "unknown_sender")
    body = shared_router.event("call.arrived", "p-1", caller=CALLER, line=LINE)
    answer = await shared_router.post_event(body, pbx="nobody")
    assert answer.status_code == 401
    assert rejections(shared_router, "unknown_sender") == before + 1
    assert await nothing_is_left_of(shared_router, "p-1")


async def test_another_pbx_cannot_sign_for_this_one(shared_router):
    body = shared_router.event("call.arrived", "p-1", caller=CALLER, line=LINE)
    answer = await shared_router.post_event(body, secret="whsec_c2VjcmV0LW9mLXBieC10d28=")
    assert answer.status_code == 401


async def test_the_same_event_again_gets_the_first_answer_again(router):
    body = router.event("call.arrived", "p-1", caller=CALLER, line=LINE)
    first = await router.post_event(body, webhook_id="w1")
    await router.tell("call.hung_up", "p-1", by="caller")
    again = await router.post_event(body, webhook_id="w1")
    assert again.status_code == 202
    assert again.content == first.content
    assert len(again.json()["commands"]) == 2
    calls = await router.client.get("/v1/calls", headers=router.floor)
    assert len(calls.json()["items"]) == 1


async def test_the_first_answer_outlives_a_restart(start, router):
    body = router.event("call.arrived", "p-1", caller=CALLER, line=LINE)
    first = await router.post_event(body, webhook_id="w1")
    await router.stop()
    async with start() as second_life:
        again = await second_life.post_event(body, webhook_id="w1")
        assert again.status_code == 202
        assert again.content == first.content


async def test_a_used_webhook_id_with_another_body_is_a_conflict(router):
    await router.post_event(
        router.event("call.arrived", "p-1", caller=CALLER, line=LINE), webhook_id="w1"
    )
    other = router.event("call.arrived", "p-2", caller=CALLER, line=LINE)
    answer = await router.post_event(other, webhook_id="w1")
    assert answer.status_code == 409
    calls = await router.client.get("/v1/calls", headers=router.floor)
    assert [call["pbx_call_id"] for call in calls.json()["items"]] == ["p-1"]


async def test_two_pbxs_may_use_the_same_ids(router):
    first = await router.arrive("p-1")
    body = router.event("call.arrived", "p-1", caller=CALLER, line=LINE)
    answer = await router.post_event(
        body, webhook_id="msg-1", pbx="pbx2", secret="whsec_c2VjcmV0LW9mLXBieC10d28="
    )
    assert answer.status_code == 202
    assert answer.json()["call"]["id"] != first["call"]["id"]


async def test_the_same_arrival_under_a_new_webhook_id_is_the_same_call(router):
    first = await router.arrive()
    second = await router.arrive()
    assert second["call"]["id"] == first["call"]["id"]
    calls = await router.client.get("/v1/calls", headers=router.floor)
    assert len(calls.json()["items"]) == 1


async def test_an_unknown_line_makes_a_closed_call(router):
    told = await router.arrive(line="+74959999999")
    assert told["call"]["state"] == "ended"
    assert told["call"]["outcome"] == "closed"
    assert [command["type"] for command in told["commands"]][-2:] == ["announce", "hangup"]


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("call.answered", {"offer_id": "o"}),
        ("call.offer_failed", {"offer_id": "o", "cause": "busy"}),
        ("call.hung_up", {"by": "caller"}),
        ("call.digits", {"digits": "1"}),
        ("recording.ready", {"url": "http://pbx/r.wav", "duration_s": 3}),
    ],
)
async def test_an_event_of_a_call_nobody_has_announced_is_not_found(shared_router, kind, data):
    answer = await shared_router.post_event(shared_router.event(kind, "p-404", **data))
    assert answer.status_code == 404
    assert answer.json()["type"] == "unknown-call"


async def test_what_comes_after_the_end_has_no_effect(router):
    call = await router.connect()
    ended = await router.tell("call.hung_up", "p-1", by="agent")
    for kind, data in (
        ("call.hung_up", {"by": "caller"}),
        ("call.answered", {"offer_id": "long-gone"}),
        ("call.offer_failed", {"offer_id": "long-gone", "cause": "no_answer"}),
        ("call.digits", {"digits": "5"}),
    ):
        told = await router.tell(kind, "p-1", **data)
        assert told["call"] == ended["call"]
    assert (await router.call(call["id"]))["outcome"] == "handled"


async def test_an_answer_to_an_unknown_offer_has_no_effect(router):
    await router.arrive()
    told = await router.tell("call.answered", "p-1", offer_id="unknown")
    assert told["call"]["state"] == "queued"


async def test_a_recording_is_kept_with_the_call(router):
    call = await router.connect()
    await router.tell("call.hung_up", "p-1", by="caller")
    await router.tell("recording.ready", "p-1", url="https://pbx.example/r/1.wav", duration_s=12.5)
    assert (await router.call(call["id"]))["recording"]["duration_s"] == 12.5


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"type": "call.vanished"}, "type"),
        ({"type": 7}, "type"),
        ({"call_id": 7}, "call_id"),
        ({"call_id": ""}, "call_id"),
        ({"at": "yesterday"}, "at"),
        ({"at": 1_700_000_000}, "at"),
        ({"at": "2026-03-02T09:00:00"}, "at"),
        ({"data": "none"}, "data"),
        ({"data": {"caller": CALLER}}, "data.line"),
        ({"data": {"caller": 7, "line": LINE}}, "data.caller"),
        ({"data": {"caller": CALLER, "line": LINE, "ivr": "1"}}, "data.ivr"),
        ({"type": "call.hung_up", "data": {"by": "nobody"}}, "data.by"),
        ({"type": "call.offer_failed", "data": {"offer_id": "o", "cause": "x"}}, "data.cause"),
        ({"type": "call.digits", "data": {"digits": "abc!"}}, "data.digits"),
        ({"type": "recording.ready", "data": {"url": "u", "duration_s": "1"}}, "data.duration_s"),
        ({"type": "recording.ready", "data": {"url": "u", "duration_s": -1}}, "data.duration_s"),
    ],
)
async def test_a_wrong_field_is_named(shared_router, change, path):
    good = {
        "type": "call.arrived",
        "call_id": "p-1",
        "at": "2026-03-02T09:00:00Z",
        "data": {"caller": CALLER, "line": LINE},
    }
    answer = await shared_router.post_event(to_json(good | change))
    assert answer.status_code == 422, answer.text
    assert path in [error["path"] for error in answer.json()["errors"]]
    assert await nothing_is_left_of(shared_router, "p-1")


async def test_a_missing_field_is_named(shared_router):
    answer = await shared_router.post_event(b"{}")
    assert answer.status_code == 422
    assert {error["path"] for error in answer.json()["errors"]} == {"type", "call_id", "at", "data"}


@pytest.mark.parametrize("body", [b"", b"{", b"no json", b"[1]", b"\xff\xfe"])
async def test_what_is_no_event_is_refused(shared_router, body):
    answer = await shared_router.post_event(body)
    assert answer.status_code in {400, 422}
    assert answer.headers["content-type"] == "application/problem+json"


async def test_unknown_fields_are_ignored(router):
    body = to_json(
        {
            "type": "call.arrived",
            "call_id": "p-1",
            "at": "2026-03-02T09:00:00Z",
            "data": {"caller": CALLER, "line": LINE, "colour": "blue"},
            "more": [1, 2],
        }
    )
    assert (await router.post_event(body)).status_code == 202


async def test_a_body_over_a_mebibyte_is_too_large(shared_router):
    body = shared_router.event(
        "call.arrived", "p-1", caller=CALLER, line=LINE, attributes={"x": "y" * 2**20}
    )
    answer = await shared_router.post_event(body)
    assert answer.status_code == 413
    assert await nothing_is_left_of(shared_router, "p-1")


async def test_text_that_no_database_can_keep_does_no_harm(router):
    body = to_json(
        {
            "type": "call.arrived",
            "call_id": "p-1",
            "at": "2026-03-02T09:00:00Z",
            "data": {"caller": CALLER, "line": LINE, "attributes": {"note": "a\x00b"}},
        }
    )
    assert b"\\u0000" in body
    assert (await router.post_event(body)).status_code == 202


async def test_a_busy_phone_sends_the_call_on(router):
    await router.ready()
    await router.arrive()
    offer = await router.offer()
    await router.client.post(f"/v1/offers/{offer['id']}/accept", headers=router.agent())
    told = await router.tell("call.offer_failed", "p-1", offer_id=offer["id"], cause="busy")
    assert told["call"]["state"] == "queued"
    me = await router.me()
    assert me["state"] == "not_ready"
    assert me["offer"] is None


async def test_an_offer_that_nobody_takes_is_a_ring_no_answer(router):
    await router.ready()
    told = await router.arrive()
    await router.offer()
    await router.advance(15.5)

    async def missed():
        return (await router.me())["state"] == "not_ready"

    await eventually(missed)
    assert (await router.call(told["call"]["id"]))["state"] == "queued"
