"""Callbacks from the offer to the talk: promised, kept, tried again, and never with a number where none belongs."""

import json

import asyncpg
import pytest

pytestmark = pytest.mark.integration

CALLER = "+79161234567"
OTHER = "+79167654321"
RULES = {"wait_s": 30, "after_s": 30, "promise_s": 600, "idle_min": 1, "retry_after_s": [60]}


@pytest.fixture
async def calling_back(router):
    """A router whose floor calls people back."""
    answer = await router.client.put(
        "/v1/config", json={"careline": 1, "floor": {"callbacks": RULES}}, headers=router.admin
    )
    assert answer.status_code == 200, answer.text
    return router


@pytest.fixture
async def sql(database_url):
    """Reads the router's tables as they stand."""
    connection = await asyncpg.connect(database_url.replace("+asyncpg", ""))
    yield connection.fetch
    await connection.close()


async def offered(router, call_id="p-1"):
    """a1 talks; another caller has waited so long that he is offered a callback."""
    await router.connect("busy", caller=OTHER)
    await router.arrive(call_id)
    await done(router)
    await router.advance(31)
    (announce,) = [each for each in await router.commands() if each["type"] == "announce"]
    assert announce["media"] == "callback_offer"
    return announce


async def done(router):
    """The PBX has done all that it was told."""
    taken = []
    while items := await router.commands():
        for command in items:
            answer = await router.client.post(
                f"/v1/pbx/pbx1/commands/{command['id']}/done", json={"ok": True}, headers=router.pbx
            )
            assert answer.status_code == 200, answer.text
        taken += items
    return taken


async def callbacks(router, **params):
    answer = await router.client.get("/v1/callbacks", params=params, headers=router.floor)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


async def wanted(router, phone=CALLER, headers=None, **fields):
    return await router.client.post(
        "/v1/callbacks",
        json={"phone": phone, "queue": "adult", **fields},
        headers={**router.floor, **(headers or {})},
    )


async def dialled(router):
    """a1 is free and takes the callback: his phone is answered, and the person is called."""
    await router.ready()
    offer = await router.offer()
    answer = await router.client.post(
        f"/v1/offers/{offer['id']}/accept", headers=router.agent("a1")
    )
    assert answer.status_code == 200, answer.text
    told = await router.tell("call.answered", offer["call_id"], offer_id=offer["id"])
    assert all(command["type"] != "dial" for command in told["commands"])
    (dial,) = [each for each in await router.commands() if each["type"] == "dial"]
    assert (dial["offer_id"], dial["pbx_call_id"]) == (offer["id"], offer["call_id"])
    return dial


async def test_a_caller_who_takes_the_offer_is_called_back(calling_back, sql):
    router = calling_back
    await offered(router)
    told = await router.tell("call.digits", "p-1", digits="1")
    assert (told["call"]["state"], told["call"]["outcome"]) == ("ended", "callback")
    assert [each["type"] for each in told["commands"]] == ["announce", "hangup"]
    (waiting,) = await callbacks(router, state="waiting")
    assert (waiting["origin"], waiting["queue"]) == ("requested", "adult")
    assert (waiting["phone"], waiting["from_call"]) == (CALLER, told["call"]["id"])
    assert waiting["promise_due"] == "2026-03-02T09:10:31Z"
    await router.tell("call.hung_up", "busy", by="caller")
    await done(router)
    dial = await dialled(router)
    assert dial["number"] == CALLER
    (calling,) = await callbacks(router, state="calling")
    assert (calling["id"], calling["attempts"]) == (waiting["id"], 1)
    told = await router.tell("callback.reached", dial["pbx_call_id"])
    assert (told["call"]["state"], told["call"]["agent"]) == ("connected", "a1")
    told = await router.tell("call.hung_up", dial["pbx_call_id"], by="caller")
    assert told["call"]["outcome"] == "handled"
    assert [each["id"] for each in await callbacks(router, state="done")] == [waiting["id"]]
    bodies = await sql(
        "SELECT convert_from(body, 'utf8') FROM router.outbox"
        " WHERE type = 'careline.call.ended.v1' ORDER BY id"
    )
    ended = [json.loads(body[0])["data"] for body in bodies]
    shown = [(each["contact"], each["outcome"], each["callback"]) for each in ended]
    assert shown == [
        (CALLER, "callback", False), (OTHER, "handled", False), (CALLER, "handled", True),
    ]  # fmt: skip
    assert ended[-1]["answered_at"] is not None


async def test_a_queue_tells_what_it_promised_and_kept(calling_back):
    router = calling_back

    async def promises():
        answer = await router.client.get("/v1/queues", headers=router.admin)
        return {each["id"]: each["promises"] for each in answer.json()["items"]}

    await wanted(router)
    none = {"made": 0, "kept": 0, "late": 0, "dropped": 0}
    assert await promises() == {"adult": {**none, "made": 1}, "child": none}
    await dialled(router)
    assert (await promises())["adult"] == {**none, "made": 1, "kept": 1}


async def test_a_callback_outlives_the_process_with_its_number(start, router):
    await router.client.put(
        "/v1/config", json={"careline": 1, "floor": {"callbacks": RULES}}, headers=router.admin
    )
    await offered(router)
    await router.tell("call.digits", "p-1", digits="1")
    await router.tell("call.hung_up", "busy", by="caller")
    (waiting,) = await callbacks(router)
    await router.stop()
    async with start() as next_life:
        next_life.numbers = router.numbers
        assert await callbacks(next_life) == [waiting]
        await done(next_life)
        dial = await dialled(next_life)
        assert (dial["call_id"], dial["number"]) == (waiting["id"], CALLER)


async def test_another_key_takes_no_callback(calling_back):
    await offered(calling_back)
    told = await calling_back.tell("call.digits", "p-1", digits="2")
    assert told["call"]["state"] == "queued"
    assert await callbacks(calling_back) == []


async def test_a_key_without_an_offer_takes_no_callback(calling_back):
    await calling_back.arrive()
    told = await calling_back.tell("call.digits", "p-1", digits="1")
    assert told["call"]["state"] == "queued"


async def test_a_caller_without_a_number_hears_no_offer(calling_back):
    router = calling_back
    await router.connect("busy", caller=OTHER)
    await router.arrive("p-1", caller="anonymous")
    await done(router)
    await router.advance(31)
    assert "announce" not in {each["type"] for each in await router.commands()}
    told = await router.tell("call.digits", "p-1", digits="1")
    assert told["call"]["state"] == "queued"


async def test_who_is_not_reached_is_called_again_and_then_no_more(calling_back):
    router = calling_back
    made = (await wanted(router)).json()
    dial = await dialled(router)
    told = await router.tell("callback.failed", dial["pbx_call_id"], cause="no_answer")
    assert told["call"]["state"] == "queued"
    assert [each["type"] for each in told["commands"]] == ["hangup"]
    assert (await router.me())["state"] == "ready"
    (again,) = await callbacks(router, state="waiting")
    assert (again["attempts"], again["not_before"]) == (1, "2026-03-02T09:01:00Z")
    await done(router)
    await router.advance(60)
    dial = await dialled(router)
    answer = await router.client.post(
        f"/v1/pbx/pbx1/commands/{dial['id']}/done", json={"ok": False}, headers=router.pbx
    )
    assert answer.status_code == 200
    (failed,) = await callbacks(router, state="failed")
    assert (failed["id"], failed["attempts"]) == (made["id"], 2)


async def test_the_number_stands_with_the_contact_alone(calling_back, sql):
    router = calling_back
    await wanted(router)
    await dialled(router)
    for table in ("journal", "pbx_command", "idempotency", "callback", "outbox", "agent_message"):
        rows = await sql(f"SELECT t::text FROM router.{table} t")
        assert not [row for row in rows if CALLER[1:] in row[0]], table


async def test_somebody_is_put_down_once(calling_back):
    router = calling_back
    answer = await wanted(router, headers={"Idempotency-Key": "k"})
    made = answer.json()
    assert (answer.status_code, made["state"], made["phone"]) == (201, "waiting", None)
    assert answer.headers["location"] == f"/v1/callbacks/{made['id']}"
    assert (await wanted(router, headers={"Idempotency-Key": "k"})).json() == made
    answer = await wanted(router, phone="8 916 123-45-67")
    assert (answer.status_code, answer.json()["type"]) == (409, "known-person")
    assert answer.json()["id"] == made["id"]


async def test_what_cannot_be_called_back_is_refused(calling_back):
    for fields, path in (({"phone": "101"}, "phone"), ({"queue": "none"}, "queue")):
        answer = await wanted(calling_back, **fields)
        assert answer.status_code == 422, answer.text
        assert [error["path"] for error in answer.json()["errors"]] == [path]
    for moment in ("9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"):
        answer = await wanted(calling_back, not_before=moment)
        assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "not_before")
    answer = await wanted(calling_back, queue="unused")
    assert answer.status_code == 422


async def test_a_scheduled_callback_waits_for_its_time(calling_back):
    router = calling_back
    await router.ready()
    answer = await wanted(router, not_before="2026-03-02T10:00:00Z")
    assert (answer.json()["origin"], answer.json()["not_before"]) == (
        "scheduled",
        "2026-03-02T10:00:00Z",
    )
    assert (await router.me())["offer"] is None
    await router.advance(3600)
    assert (await router.offer())["call_id"] == answer.json()["id"]


async def test_a_callback_is_taken_off_the_list_until_the_person_is_called(calling_back):
    router = calling_back
    first = (await wanted(router)).json()["id"]
    for _ in range(2):
        answer = await router.client.delete(f"/v1/callbacks/{first}", headers=router.floor)
        assert answer.status_code == 204
    assert [each["id"] for each in await callbacks(router, state="cancelled")] == [first]
    second = (await wanted(router)).json()["id"]
    await dialled(router)
    answer = await router.client.delete(f"/v1/callbacks/{second}", headers=router.floor)
    assert (answer.status_code, answer.json()["type"]) == (409, "callback-begun")
    answer = await router.client.delete("/v1/callbacks/none", headers=router.floor)
    assert (answer.status_code, answer.json()["type"]) == (404, "unknown-callback")


async def test_who_calls_himself_is_called_back_no_more(calling_back):
    made = (await wanted(calling_back)).json()
    await calling_back.arrive()
    answer = await calling_back.client.get(
        f"/v1/callbacks/{made['id']}", headers=calling_back.floor
    )
    assert answer.json()["state"] == "cancelled"


async def test_the_phone_of_a_callback_stands_for_who_has_it(calling_back):
    router = calling_back
    made = (await wanted(router)).json()
    path = f"/v1/callbacks/{made['id']}"
    for who, phone in ((router.floor, CALLER), (router.admin, None), (router.agent(), None)):
        assert (await router.client.get(path, headers=who)).json()["phone"] == phone
    await dialled(router)
    for who, phone in (
        (router.agent("a1"), CALLER),
        (router.agent("a2"), None),
        (router.bearer("sup1", "supervisor"), CALLER),
        (router.bearer("sup2", "supervisor"), None),
    ):
        assert (await router.client.get(path, headers=who)).json()["phone"] == phone


async def test_a_callback_is_no_call_of_its_queues_service_level(calling_back):
    router = calling_back
    await wanted(router)
    answer = await router.client.get("/v1/queues", headers=router.floor)
    adult = next(queue for queue in answer.json()["items"] if queue["id"] == "adult")
    assert (adult["offered"], adult["waiting"]) == (0, 1)


async def test_who_hung_up_and_who_found_a_closed_line_are_called_back_when_the_rules_say_so(
    router,
):
    rules = {**RULES, "abandoned": True, "missed": True, "missed_queue": "child"}
    answer = await router.client.put(
        "/v1/config", json={"careline": 1, "floor": {"callbacks": rules}}, headers=router.admin
    )
    assert answer.status_code == 200, answer.text
    await router.arrive("p-1")
    router.clock.advance(10)
    await router.tell("call.hung_up", "p-1", by="caller")
    await router.arrive("p-2", caller=OTHER, line="+74959999999")
    found = {each["origin"]: each for each in await callbacks(router)}
    assert {origin: each["phone"] for origin, each in found.items()} == {
        "abandoned": CALLER,
        "missed": OTHER,
    }
    assert {origin: each["queue"] for origin, each in found.items()} == {
        "abandoned": "adult",
        "missed": "child",
    }
    assert all(
        each["promise_due"] is None for each in found.values() if each["origin"] == "abandoned"
    )


async def test_a_dialplans_caller_takes_the_offer_and_is_hung_up(calling_back):
    router = calling_back

    async def asks(**fields):
        answer = await router.client.post(
            "/v1/pbx/pbx1/route",
            json={"call_id": "d-1", "caller": CALLER, "line": "+74950000001", "wait": 0, **fields},
            headers=router.pbx,
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    await router.connect("busy", caller=OTHER)
    assert (await asks())["action"] == "wait"
    await router.advance(31)
    assert (await asks())["media"] == "callback_offer"
    assert (await asks())["action"] == "wait"
    taken = await asks(digits="1")
    assert (taken["action"], taken["media"]) == ("callback", "callback_taken")
    assert (await asks())["action"] == "hangup"
    assert [each["phone"] for each in await callbacks(router)] == [CALLER]
