"""Commands for PBXs: long poll, again every 5 s, done."""

import asyncio

import pytest

from careline_common.testing.waiting import eventually

pytestmark = pytest.mark.integration


async def done(router, command, **body):
    return await router.client.post(
        f"/v1/pbx/pbx1/commands/{command['id']}/done", json={"ok": True, **body}, headers=router.pbx
    )


async def finish_all(router, commands):
    for command in commands:
        answer = await done(router, command)
        assert answer.status_code == 200, answer.text


async def test_commands_come_until_they_are_done(router):
    told = await router.arrive()
    router.clock.advance(5.1)
    again = await eventually(router.commands)
    assert again == told["commands"]
    await finish_all(router, again)
    router.clock.advance(5.1)
    assert await router.commands() == []


async def test_a_command_is_not_repeated_before_five_seconds(router):
    await router.arrive()
    router.clock.advance(4.5)
    assert await router.commands() == []


async def test_a_command_comes_again_in_a_later_answer(router):
    told = await router.arrive()
    router.clock.advance(5.1)
    later = await router.tell("call.digits", "p-1", digits="1")
    ids = [command["id"] for command in later["commands"]]
    assert set(ids) >= {command["id"] for command in told["commands"]}


async def test_commands_outlive_a_restart(start, router):
    told = await router.arrive()
    await router.stop()
    async with start() as second_life:
        second_life.clock.advance(5.1)
        again = await eventually(second_life.commands)
        assert [command["id"] for command in again] == [
            command["id"] for command in told["commands"]
        ]


async def test_a_waiting_poll_hears_of_a_command_at_once(router):
    told = await router.arrive()
    await finish_all(router, told["commands"])
    poll = asyncio.create_task(router.commands(wait=20))
    await asyncio.sleep(0)
    await router.ready()
    offer = await router.offer()
    await router.client.post(f"/v1/offers/{offer['id']}/accept", headers=router.agent())
    commands = await asyncio.wait_for(poll, 5)
    assert [command["type"] for command in commands] == ["ring"]
    assert commands[0]["offer_id"] == offer["id"]
    assert commands[0]["endpoint"] == "PJSIP/a1"
    assert commands[0]["timeout_s"] == 20


async def test_a_command_that_is_done_twice_is_done(router):
    told = await router.arrive()
    first = await done(router, told["commands"][0])
    again = await done(router, told["commands"][0])
    assert (first.status_code, again.status_code) == (200, 200)


async def test_a_ring_that_could_not_be_done_fails_its_offer(router):
    await router.ready()
    told = await router.arrive()
    await finish_all(router, told["commands"])
    offer = await router.offer()
    await router.client.post(f"/v1/offers/{offer['id']}/accept", headers=router.agent())
    commands = await eventually(router.commands)
    ring = next(command for command in commands if command["type"] == "ring")
    answer = await router.client.post(
        f"/v1/pbx/pbx1/commands/{ring['id']}/done",
        json={"ok": False, "cause": "unreachable"},
        headers=router.pbx,
    )
    assert answer.status_code == 200, answer.text
    assert (await router.call(told["call"]["id"]))["state"] == "queued"


async def test_an_unknown_command_is_not_found(shared_router):
    answer = await done(shared_router, {"id": "none"})
    assert answer.status_code == 404
    assert answer.json()["type"] == "unknown-command"


async def test_a_pbx_sees_and_ends_its_own_commands_only(router):
    told = await router.arrive()
    other = router.bearer("pbx2", "pbx", pbx="pbx2")
    answer = await router.client.get("/v1/pbx/pbx1/commands", headers=other)
    assert answer.status_code == 403
    answer = await router.client.get("/v1/pbx/pbx2/commands", headers=other)
    assert answer.json() == {"items": []}
    command = told["commands"][0]["id"]
    answer = await router.client.post(
        f"/v1/pbx/pbx2/commands/{command}/done", json={"ok": True}, headers=other
    )
    assert answer.status_code == 404


async def test_done_needs_ok(router):
    told = await router.arrive()
    command = told["commands"][0]["id"]
    for body, path in (({}, "ok"), ({"ok": "yes"}, "ok")):
        answer = await router.client.post(
            f"/v1/pbx/pbx1/commands/{command}/done", json=body, headers=router.pbx
        )
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["path"] == path


@pytest.mark.parametrize("wait", ["soon", "-1", "nan"])
async def test_a_wait_that_is_none_is_refused(shared_router, wait):
    answer = await shared_router.client.get(
        "/v1/pbx/pbx1/commands", params={"wait": wait}, headers=shared_router.pbx
    )
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"] == "wait"


async def test_an_abandoned_offer_stops_ringing(router):
    await router.ready()
    told = await router.arrive()
    await finish_all(router, told["commands"])
    offer = await router.offer()
    await router.client.post(f"/v1/offers/{offer['id']}/accept", headers=router.agent())
    await finish_all(router, await eventually(router.commands))
    gone = await router.tell("call.hung_up", "p-1", by="caller")
    assert gone["call"]["outcome"] == "abandoned"
    assert [command["type"] for command in gone["commands"]] == ["cancel_ring"]
    assert gone["commands"][0]["offer_id"] == offer["id"]
