"""What an agent does with a talk over his socket: hold, pass on, ask somebody; as the PBX is told it."""

import asyncio

import pytest

pytestmark = pytest.mark.integration


async def taken(router, *wanted):
    """The commands of these types that the PBX is given, each said to be done."""
    found = {}
    async with asyncio.timeout(20):
        while not set(wanted) <= set(found):
            for command in await router.commands(wait=1):
                found[command["type"]] = command
                await done(router, command)
    return [found[kind] for kind in wanted]


async def done(router, command, *, ok=True):
    answer = await router.client.post(
        f"/v1/pbx/pbx1/commands/{command['id']}/done", json={"ok": ok}, headers=router.pbx
    )
    assert answer.status_code == 200, answer.text


async def test_a_call_that_is_passed_to_an_insurer_leaves_with_its_context(router, desk):
    call = await router.connect()
    async with desk() as socket:
        answer = await socket.send(
            "call.transfer", call_id=call["id"], endpoint="PJSIP/insurer", mode="cold"
        )
        assert answer["type"] == "ack"
        assert (await router.call(call["id"]))["state"] == "connected"
        (transfer,) = await taken(router, "transfer")
        assert transfer["endpoint"] == "PJSIP/insurer"
        assert transfer["context"]["call_id"] == call["id"]
        assert transfer["pbx_call_id"] == "p-1"
        await socket.until("call.ended")
        late = await router.tell("call.hung_up", "p-1", by="agent")
        assert "hangup" not in {command["type"] for command in late["commands"]}
    ended = await router.call(call["id"])
    assert (ended["state"], ended["outcome"]) == ("ended", "handled")
    assert (await router.me())["state"] == "wrap_up"


async def test_a_transfer_that_fails_is_told_and_the_talk_goes_on(router, desk):
    call = await router.connect()
    async with desk() as socket:
        await socket.send("call.transfer", call_id=call["id"], endpoint="PJSIP/x", mode="cold")
        while not (commands := [c for c in await router.commands(1) if c["type"] == "transfer"]):
            pass
        await done(router, commands[0], ok=False)
        told = await socket.until("call.transfer_failed")
        assert told["data"]["call_id"] == call["id"]
    assert (await router.me())["state"] == "talking"


async def test_a_call_that_is_passed_to_a_queue_keeps_its_arrival_and_context(router, desk):
    call = await router.connect()
    await router.ready("a2")
    async with desk() as socket:
        answer = await socket.send("call.transfer", call_id=call["id"], queue="child", mode="cold")
        assert answer["type"] == "ack"
        told = await socket.until("call.transferred")
        assert told["data"]["queue"] == "child"
    offer = await router.offer("a2")
    assert offer["call_id"] == call["id"]
    after = await router.call(call["id"])
    for kept in ("arrived_at", "queued_at", "payer", "crm"):
        assert after[kept] == call[kept]
    (leg,) = await taken(router, "cancel_ring")
    assert leg["offer_id"] == f"{call['id']}.1"
    ring = await router.tell("call.answered", "p-1", offer_id=offer["id"])
    assert ring["call"]["agent"] == "a2"
    gone = await router.tell("call.hung_up", "p-1", by="agent", offer_id=f"{call['id']}.1")
    assert gone["call"]["state"] == "connected", "that leg has lost its call before"


async def test_an_agent_asks_another_and_hands_the_call_over(router, desk):
    await router.client.put(
        "/v1/config",
        json={
            "careline": 1,
            "agents": [{"id": "a3", "team": "t1", "skills": {"adult": 1}, "endpoint": "PJSIP/a3"}],
        },
        headers=router.admin,
    )
    call = await router.connect()
    await router.ready("a3")
    async with desk() as socket:
        for message in ({"agent": "a3"},):
            answer = await socket.send("call.transfer", call_id=call["id"], mode="warm", **message)
            assert answer["type"] == "ack"
        hold, consult = await taken(router, "hold", "consult")
        assert hold["call_id"] == call["id"]
        assert consult["endpoint"] == "PJSIP/a3"
        assert (await router.me("a3"))["reason"] == "consult"
        await router.tell("consult.answered", "p-1", consult_id=consult["consult_id"])
        await socket.until("consult.talking")
        answer = await socket.send("call.transfer.complete", call_id=call["id"])
        assert answer["type"] == "ack"
        (transfer,) = await taken(router, "transfer")
        assert transfer["consult_id"] == consult["consult_id"]
    after = await router.call(call["id"])
    assert (after["agent"], after["state"]) == ("a3", "connected")
    assert after["arrived_at"] == call["arrived_at"]
    assert (await router.me("a3"))["call"]["id"] == call["id"]
    assert (await router.me("a1"))["state"] == "wrap_up"
    ended = await router.tell("consult.ended", "p-1", consult_id=consult["consult_id"])
    assert ended["call"]["state"] == "ended"


async def test_an_agent_comes_back_from_asking(router, desk):
    call = await router.connect()
    async with desk() as socket:
        await socket.send("call.transfer", call_id=call["id"], endpoint="PJSIP/x", mode="warm")
        (consult,) = await taken(router, "consult")
        answer = await socket.send("call.resume", call_id=call["id"])
        assert answer["type"] == "ack"
        end, bridge = await taken(router, "end_consult", "bridge")
        assert end["consult_id"] == consult["consult_id"]
        assert bridge["offer_id"] == f"{call['id']}.1"


async def test_what_cannot_be_passed_on_says_why(router, desk):
    call = await router.connect()
    async with desk() as socket:
        for target, path in (
            ({}, "data"),
            ({"queue": "none"}, "data.queue"),
            ({"agent": "none"}, "data.agent"),
            ({"queue": "adult", "endpoint": "e"}, "data"),
        ):
            for mode in ("cold", "warm"):
                answer = await socket.send("call.transfer", call_id=call["id"], mode=mode, **target)
                assert answer["type"] == "error"
                assert answer["problem"]["errors"][0]["path"] == path
        answer = await socket.send("call.transfer", call_id=call["id"], agent="a2", mode="warm")
        assert answer["problem"]["type"] == "agent-away"
        answer = await socket.send("call.conference", call_id=call["id"])
        assert answer["problem"]["type"] == "not-consulting"
