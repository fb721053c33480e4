"""What supervisors see live, and do: on their own teams, and written down."""

import asyncio
import contextlib
from contextlib import asynccontextmanager

import pytest
import websockets
from pydantic_core import from_json, to_json
from websockets.exceptions import ConnectionClosed, InvalidStatus

pytestmark = pytest.mark.integration


@asynccontextmanager
async def watching(router, address, subject, *roles):
    answer = await router.client.post(
        "/v1/supervisors/me/ws-ticket", headers=router.bearer(subject, "supervisor", *roles)
    )
    assert answer.status_code == 201, answer.text
    ticket = answer.json()["ticket"]
    async with websockets.connect(f"ws://{address}/v1/supervisors/me/ws?ticket={ticket}") as socket:
        yield socket


async def told(socket, wanted):
    """The first message that `wanted` likes."""
    async with asyncio.timeout(20):
        while True:
            message = from_json(await socket.recv())
            if wanted(message):
                return message


async def actions(router):
    answer = await router.client.get(
        "/v1/supervisors/actions", headers=router.bearer("au", "auditor")
    )
    return [(row["who"], row["what"], row["target"]) for row in answer.json()["items"]]


async def test_a_supervisor_watches_his_own_team_and_no_other(router, address):
    call = await router.connect()
    async with watching(router, address, "sup1") as mine, watching(router, address, "sup2") as his:
        snapshot = (await told(mine, lambda m: m["type"] == "snapshot"))["data"]
        assert {row["id"] for row in snapshot["agents"]} == {"a1"}
        assert {row["id"] for row in snapshot["calls"]} == {call["id"]}
        assert {row["id"] for row in snapshot["queues"]} == {"adult", "child"}
        assert "+7916" not in str(snapshot)
        other = (await told(his, lambda m: m["type"] == "snapshot"))["data"]
        assert {row["id"] for row in other["agents"]} == {"a2"}
        assert other["calls"] == []
        await router.tell("call.hung_up", "p-1", by="caller")
        router.clock.advance(1)

        def is_over(message):
            return call["id"] in message["data"].get("gone", {}).get("calls", ())

        delta = await told(mine, is_over)
        assert delta["type"] == "delta"
        assert [row["state"] for row in delta["data"]["agents"]] == ["wrap_up"]


async def test_a_supervisor_of_the_floor_watches_all(router, address):
    async with watching(router, address, "boss", "floor") as socket:
        snapshot = (await told(socket, lambda m: m["type"] == "snapshot"))["data"]
        assert {row["id"] for row in snapshot["agents"]} >= {"a1", "a2", "waker"}
        await socket.send(to_json({"type": "floor.burn", "id": "1"}).decode())
        answer = await told(socket, lambda m: m["type"] == "error")
        assert answer["problem"]["allowed"] == ["auth.renew"]
        token = router.token("boss", "supervisor", "floor")
        renewal = {"type": "auth.renew", "id": "2", "data": {"token": token}}
        await socket.send(to_json(renewal).decode())
        await told(socket, lambda m: m["type"] == "ack")
        router.clock.advance(7200)
        with pytest.raises(ConnectionClosed) as closed:
            await told(socket, lambda _: False)
        assert closed.value.rcvd.code == 4401


async def test_an_agents_ticket_opens_no_supervisors_socket(router, address):
    answer = await router.client.post("/v1/agents/me/ws-ticket", headers=router.agent())
    ticket = answer.json()["ticket"]
    with pytest.raises(InvalidStatus) as refused:
        await websockets.connect(f"ws://{address}/v1/supervisors/me/ws?ticket={ticket}")
    assert refused.value.response.status_code == 401


async def test_a_supervisor_who_floods_his_socket_is_told_so(router, address):
    async with watching(router, address, "sup1") as socket:
        with contextlib.suppress(ConnectionClosed):
            for _ in range(400):
                await socket.send("no json")
        with pytest.raises(ConnectionClosed) as closed:
            await told(socket, lambda _: False)
        assert closed.value.rcvd.code == 4430


async def test_a_supervisor_listens_to_a_talk_of_his_team(router):
    call = await router.connect()
    path, body = f"/v1/calls/{call['id']}/listen", {"mode": "whisper", "endpoint": "PJSIP/sup"}
    other = await router.client.post(path, json=body, headers=router.bearer("sup2", "supervisor"))
    assert other.status_code == 403
    mine = router.bearer("sup1", "supervisor")
    answer = await router.client.post(path, json=body, headers=mine)
    assert answer.status_code == 200, answer.text
    commands = [c for c in await router.commands(1) if c["type"] == "listen"]
    assert [(c["mode"], c["endpoint"]) for c in commands] == [("whisper", "PJSIP/sup")]
    wrong = await router.client.post(path, json={**body, "mode": "record"}, headers=mine)
    assert wrong.status_code == 422
    assert await actions(router) == [("sup1", "whisper", call["id"])]
    await router.tell("call.hung_up", "p-1", by="caller")
    late = await router.client.post(path, json=body, headers=mine)
    assert (late.status_code, late.json()["type"]) == (409, "call-not-connected")


async def test_a_waiting_call_is_picked_taken_back_and_told_something(router):
    told_call = await router.arrive()
    call_id, boss = told_call["call"]["id"], router.floor
    away = await router.client.post(
        f"/v1/calls/{call_id}/assign", json={"agent": "a1"}, headers=boss
    )
    assert (away.status_code, away.json()["type"]) == (409, "agent-away")
    for _ in range(2):  # the second is a repeat
        answer = await router.client.post(
            "/v1/announcements", json={"media": "busy"}, headers={**boss, "Idempotency-Key": "a"}
        )
        assert (answer.status_code, answer.json()) == (202, {"told": 1})
    media = [c["media"] for c in await router.commands(1) if c["type"] == "announce"]
    assert media == ["busy"]
    await router.ready("a1")
    offer = await router.offer("a1")
    taken = await router.client.post(f"/v1/calls/{call_id}/withdraw", headers=boss)
    assert taken.status_code == 200, taken.text
    assert (await router.me("a1"))["offer"] is None
    again = await router.client.post(
        f"/v1/calls/{call_id}/assign", json={"agent": "a1"}, headers=boss
    )
    assert again.status_code == 200, again.text
    second = await router.offer("a1")
    assert (second["call_id"], second["id"] != offer["id"]) == (call_id, True)
    assert await actions(router) == [
        ("boss", "assign", call_id),
        ("boss", "withdraw", call_id),
        ("boss", "announce", None),
    ]


async def test_what_is_ordered_of_an_agent_is_written_down(router):
    await router.ready("a1")
    body = {"state": "not_ready", "reason": "training"}
    order = await router.client.put("/v1/agents/a1/state", json=body, headers=router.floor)
    assert order.status_code == 200, order.text
    assert await actions(router) == [("boss", "state", "a1")]


async def test_every_order_is_for_his_own_teams_and_is_written_down(router):
    call_id = (await router.arrive())["call"]["id"]
    await router.ready("a1")
    await router.offer("a1")
    orders = [
        ("POST", f"/v1/calls/{call_id}/priority", {"priority": "vip"}, "priority"),
        ("POST", f"/v1/calls/{call_id}/withdraw", None, "withdraw"),
        ("POST", f"/v1/calls/{call_id}/assign", {"agent": "a1"}, "assign"),
        ("PUT", "/v1/agents/a1/state", {"state": "not_ready"}, "state"),
        ("PUT", "/v1/agents/a1/state", {"state": "ready"}, "state"),
        ("PUT", "/v1/agents/a1/state", {"state": "logged_out"}, "state"),
        ("POST", f"/v1/calls/{call_id}/move", {"queue": "child"}, "move"),
    ]
    for method, path, body, what in orders:
        for who, status in (("sup2", 403), ("sup1", 200)):
            answer = await router.client.request(
                method, path, json=body, headers=router.bearer(who, "supervisor")
            )
            assert answer.status_code == status, (what, who, answer.text)
    noted = await actions(router)
    assert [(who, what) for who, what, _ in noted] == [
        ("sup1", what) for *_, what in reversed(orders)
    ]
    assert (await router.call(call_id))["queue"] == "child"
    assert (await router.me("a1"))["state"] == "logged_out"


async def test_the_emergency_switch_is_thrown_by_the_floor_alone_and_written_down(router):
    body = {"on": True, "announcement": "evacuated"}
    for who, status in ((router.bearer("sup1", "supervisor"), 403), (router.floor, 200)):
        answer = await router.client.put("/v1/emergency", json=body, headers=who)
        assert answer.status_code == status, answer.text
    assert await actions(router) == [("boss", "emergency", None)]


async def test_who_waits_in_a_dialplan_hears_what_is_said_to_all(router):
    asked = {"call_id": "d-1", "caller": "+79161234567", "line": "+74950000001", "wait": 0}

    async def step():
        answer = await router.client.post("/v1/pbx/pbx1/route", json=asked, headers=router.pbx)
        return answer.json()["action"], answer.json().get("media")

    assert await step() == ("wait", None)
    body = {"media": "busy", "queue": "adult"}
    answer = await router.client.post("/v1/announcements", json=body, headers=router.floor)
    assert answer.json() == {"told": 1}
    assert [await step(), await step()] == [("announce", "busy"), ("wait", None)]
