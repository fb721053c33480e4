"""The agent's socket: what it says, what can be said to it, and how it comes back after a cut."""

import asyncio
import json
from contextlib import suppress

import pytest
import websockets
from websockets.exceptions import ConnectionClosed, InvalidStatus

from careline_common.testing.waiting import eventually
from careline_router.db import reading

pytestmark = pytest.mark.integration


async def test_a_new_socket_first_gets_the_snapshot(router, desk):
    await router.ready()
    await router.arrive()
    offer = await router.offer()
    async with desk() as socket:
        first = await socket.receive()
        assert first["type"] == "resync"
        assert set(first) == {"seq", "type", "at", "data"}
        snapshot = first["data"]["snapshot"]
        assert snapshot == await router.me()
        assert snapshot["offer"]["id"] == offer["id"]


async def test_an_offer_is_taken_and_talked_over_the_socket(router_with_crm, desk):
    router = router_with_crm
    await router.client.post("/v1/agents/me/session", headers=router.agent())
    async with desk() as socket:
        assert (await socket.send("state.set", state="ready"))["type"] == "ack"
        told = await router.arrive()
        call_id = told["call"]["id"]
        offered = await socket.until("offer")
        offer = offered["data"]["offer"]
        assert offer["call_id"] == call_id
        assert offer["caller"] == "+79161234567"
        assert offer["customer"]["name"] == "Anna Petrova"
        assert (await socket.send("offer.accept", offer_id=offer["id"]))["type"] == "ack"
        await router.tell("call.answered", "p-1", offer_id=offer["id"])
        connected = await socket.until("call.connected")
        assert connected["data"]["call_id"] == call_id
        await router.tell("call.hung_up", "p-1", by="caller")
        await socket.until("call.ended")
        answer = await socket.send(
            "wrap_up.complete", call_id=call_id, disposition="booked", resolved=True
        )
        assert answer["type"] == "ack"
    states = [
        message["data"]["state"]
        for message in socket.messages
        if message["type"] == "state.changed"
    ]
    assert states[:4] == ["ready", "reserved", "talking", "wrap_up"]
    numbers = socket.numbered()
    assert numbers == sorted(set(numbers))


async def test_an_offer_whose_caller_is_gone_is_withdrawn(router, desk):
    await router.ready()
    async with desk() as socket:
        await router.arrive()
        offer = (await socket.until("offer"))["data"]["offer"]
        await router.tell("call.hung_up", "p-1", by="caller")
        withdrawn = await socket.until("offer.withdrawn")
        assert withdrawn["data"]["offer_id"] == offer["id"]


async def test_a_socket_that_comes_back_has_missed_nothing_and_gets_nothing_twice(router, desk):
    await router.ready()
    async with desk() as socket:
        await socket.receive()
        await socket.send("state.set", state="not_ready", reason="lunch")
        await socket.until("state.changed")
        before = socket.numbered()
    await router.client.put("/v1/agents/me/state", json={"state": "ready"}, headers=router.agent())
    await router.arrive()
    await router.tell("call.hung_up", "p-1", by="caller")
    async with desk(after=before[-1]) as socket:
        first = await socket.receive()
        assert first["type"] == "resync"
        await socket.until("offer.withdrawn")
        await socket.send("state.set", state="not_ready", reason="end")
        await socket.until_state("not_ready")
        after = socket.numbered()
    told = [message["type"] for message in socket.messages if message["type"] != "queue.stats"]
    assert told.count("offer") == told.count("offer.withdrawn") == 1
    states = [
        message["data"]["state"]
        for message in socket.messages
        if message["type"] == "state.changed"
    ]
    assert states == ["ready", "reserved", "ready", "not_ready"]
    assert [*before, *after] == sorted({*before, *after})


async def test_every_number_can_be_gone_on_from(router, desk, monkeypatch):
    """Of what is not kept any more it is told how much that is."""
    await router.ready()
    async with desk(after=0) as socket:
        await socket.until_state("ready")
        numbers = socket.numbered()
    for position, number in enumerate(numbers):
        async with desk(after=number) as again:
            await again.send("auth.renew", token=router.token("a1", "agent"))
            told = [m["seq"] for m in again.messages if m["type"] == "state.changed"]
        rest = [
            message["seq"]
            for message in socket.messages
            if message["type"] == "state.changed" and message["seq"] in numbers[position + 1 :]
        ]
        assert told == rest
        assert again.messages[0]["data"]["lost"] == 0
    monkeypatch.setattr(reading, "MOST_MISSED", 1)
    async with desk(after=0) as again:
        assert (await again.receive())["data"]["lost"] == len(rest_of(socket)) - 1
        assert (await again.until("state.changed"))["seq"] == rest_of(socket)[-1]


def rest_of(socket):
    """The numbers of the stored messages that it has heard."""
    return [m["seq"] for m in socket.messages if m["type"] == "state.changed"]


async def test_a_socket_without_after_begins_now(router, desk):
    await router.ready()
    async with desk() as socket:
        first = await socket.receive()
        await socket.send("state.set", state="not_ready", reason="lunch")
        await socket.until("state.changed")
    states = [message for message in socket.messages if message["type"] == "state.changed"]
    assert [message["data"]["state"] for message in states] == ["not_ready"]
    assert states[0]["seq"] > first["seq"]


async def test_what_was_missed_is_told_after_a_restart_too(start, router, desk, open_desk):
    await router.ready()
    async with desk() as socket:
        await socket.receive()
        seen = socket.numbered()[-1]
    await router.client.put(
        "/v1/agents/me/state", json={"state": "not_ready", "reason": "x"}, headers=router.agent()
    )
    await router.stop()
    async with start() as second_life, open_desk(second_life, after=seen) as socket:
        changed = await socket.until("state.changed")
        assert changed["data"]["reason"] == "x"
        numbers = socket.numbered()
        assert numbers == sorted(set(numbers))
        assert numbers[0] > seen


async def test_a_newer_socket_takes_over_and_the_older_is_told(router, desk):
    await router.ready()
    async with desk() as older:
        await older.receive()
        async with desk() as newer:
            await newer.receive()
            with pytest.raises(ConnectionClosed) as closed:
                await older.until("never")
            assert closed.value.rcvd.code == 4409
            assert (await newer.send("state.set", state="not_ready"))["type"] == "ack"


async def test_a_ticket_opens_one_socket(router, address):
    answer = await router.client.post("/v1/agents/me/ws-ticket", headers=router.agent())
    assert answer.status_code == 201
    url = f"ws://{address}/v1/agents/me/ws?ticket={answer.json()['ticket']}"
    async with websockets.connect(url) as connection:
        await connection.recv()
    with pytest.raises(InvalidStatus) as refused:
        await websockets.connect(url)
    assert refused.value.response.status_code == 401


async def test_a_ticket_lives_half_a_minute(router, address):
    answer = await router.client.post("/v1/agents/me/ws-ticket", headers=router.agent())
    router.clock.advance(31)
    with pytest.raises(InvalidStatus) as refused:
        await websockets.connect(f"ws://{address}/v1/agents/me/ws?ticket={answer.json()['ticket']}")
    assert refused.value.response.status_code == 401


@pytest.mark.parametrize("query", ["", "ticket=none", "ticket=none&after=1"])
async def test_without_a_ticket_there_is_no_socket(router, address, query):
    with pytest.raises(InvalidStatus) as refused:
        await websockets.connect(f"ws://{address}/v1/agents/me/ws?{query}")
    assert refused.value.response.status_code == 401


@pytest.mark.parametrize("after", ["-1", "abc", "9" * 20])
async def test_a_number_that_is_none_is_refused_with_a_problem(router, address, after):
    with pytest.raises(InvalidStatus) as refused:
        await websockets.connect(f"ws://{address}/v1/agents/me/ws?ticket=none&after={after}")
    answer = refused.value.response
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert [fault["path"] for fault in json.loads(answer.body)["errors"]] == ["after"]


async def test_what_cannot_be_done_is_answered_with_a_problem(router, desk):
    await router.client.post("/v1/agents/me/session", headers=router.agent())
    async with desk() as socket:
        answer = await socket.send("offer.accept", offer_id="none")
        assert answer["type"] == "error"
        assert answer["problem"]["status"] in {404, 409}
        answer = await socket.send("state.set", state="dancing")
        assert answer["problem"]["status"] == 422
        assert answer["problem"]["errors"][0]["path"] == "data.state"
        answer = await socket.send("tea.make")
        assert answer["problem"]["status"] == 422
        assert "offer.accept" in answer["problem"]["allowed"]
        answer = await socket.send("call.hold", call_id="none")
        assert answer["problem"]["status"] in {404, 409}
        answer = await socket.send("call.transfer", call_id="none")
        assert answer["problem"]["errors"][0]["path"] == "data"
        await socket.connection.send('{"id": "x", "data": 1}')
        answer = await socket.answer()
        assert (answer["type"], answer["id"]) == ("error", "x")
        await socket.connection.send("no json")
        answer = await socket.answer()
        assert (answer["type"], answer["id"]) == ("error", None)
        assert (await socket.send("state.set", state="ready"))["type"] == "ack"


async def test_a_message_that_is_no_text_ends_the_socket(router, desk):
    async with desk() as socket:
        await socket.receive()
        await socket.connection.send(b"\x00\x01")
        with pytest.raises(ConnectionClosed) as closed:
            await socket.until("never")
        assert closed.value.rcvd.code == 4400


@pytest.mark.parametrize(
    ("texts", "code"), [(["x" * 70_000], 1009), (["no json"] * 400, 4430)], ids=["large", "flood"]
)
async def test_a_client_that_is_too_much_is_told_so_by_the_code(router, desk, texts, code):
    async with desk() as socket:
        with suppress(ConnectionClosed):
            for text in texts:
                await socket.connection.send(text)
        with pytest.raises(ConnectionClosed) as closed:
            await socket.until("never")
        assert closed.value.rcvd.code == code
        assert closed.value.rcvd.reason


async def test_a_caller_is_put_on_hold_and_transferred(router, desk):
    call = await router.connect()
    async with desk() as socket:
        assert (await socket.send("call.hold", call_id=call["id"]))["type"] == "ack"
        assert (await socket.send("call.resume", call_id=call["id"]))["type"] == "ack"
        answer = await socket.send("call.transfer", call_id=call["id"], endpoint="PJSIP/expert")
        assert answer["type"] == "ack"
    router.clock.advance(6)
    commands = await eventually(router.commands)
    assert {"hold", "bridge", "transfer"} <= {command["type"] for command in commands}


async def test_an_expiring_token_is_told_and_renewed(router, desk):
    await router.ready()
    async with desk(ttl_s=120) as socket:
        await socket.receive()
        router.clock.advance(61)
        expiring = await socket.until("auth.expiring")
        assert expiring["data"]["expires_at"]
        stranger = router.token("a2", "agent")
        answer = await socket.send("auth.renew", token=stranger)
        assert (answer["type"], answer["problem"]["status"]) == ("error", 403)
        answer = await socket.send("auth.renew", token="no.token.at.all")
        assert answer["problem"]["status"] == 401
        answer = await socket.send("auth.renew", token=router.token("a1", "agent", ttl_s=3600))
        assert answer["type"] == "ack"
        router.clock.advance(120)
        await asyncio.sleep(0.6)
        assert (await socket.send("state.set", state="not_ready"))["type"] == "ack"


async def test_an_expired_token_ends_the_socket(router, desk):
    async with desk(ttl_s=120) as socket:
        await socket.receive()
        router.clock.advance(121)
        with pytest.raises(ConnectionClosed) as closed:
            await socket.until("never")
        assert closed.value.rcvd.code == 4401


async def test_an_expired_token_never_cuts_a_talk(router, desk):
    await router.connect()
    async with desk(ttl_s=120) as socket:
        await socket.receive()
        router.clock.advance(121)
        await socket.until("auth.expiring")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(socket.until("never"), 1.2)
        await router.tell("call.hung_up", "p-1", by="caller")
        with pytest.raises(ConnectionClosed) as closed:
            await socket.until("never")
        assert closed.value.rcvd.code == 4401
        assert "call.ended" in [message["type"] for message in socket.messages]


async def test_the_queues_are_told_as_they_change(router, desk):
    async with desk() as socket:
        await socket.receive()
        stats = await socket.until("queue.stats")
    assert {queue["id"] for queue in stats["data"]["queues"]} == {"adult", "child"}
