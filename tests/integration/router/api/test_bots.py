"""Bots at work: who needs nobody else, and who gets a human, with what was asked and without losing his place."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from careline_common.testing.waiting import eventually
from careline_router.bot_runner import BotRunner
from careline_router.fakes import bot as fake
from careline_router.fakes.bot import ScriptedBot

pytestmark = pytest.mark.integration

BOTS = [
    {
        "id": name, "kind": "bot", "accept": "auto", "capacity": 5, "skills": {"adult": 1},
        "endpoint": f"PJSIP/{name}", "team": "t1",
    }
    for name in ("bot1", "bot2")
]  # fmt: skip
DAY = {"from": "2026-01-01T00:00:00Z", "to": "2027-01-01T00:00:00Z"}


@asynccontextmanager
async def working(
    router: Any, address: str, script: Sequence[Mapping[str, Any]], name: str = "bot1"
) -> AsyncIterator[ScriptedBot]:
    """A bot at work by this script."""
    await router.client.put(
        "/v1/config", json={"careline": 1, "agents": BOTS}, headers=router.admin
    )
    bot = ScriptedBot(script)
    async with BotRunner(f"http://{address}", router.token(name, "agent"), bot) as runner:
        work = asyncio.create_task(runner.run())
        await eventually(lambda: state(router, name, "ready"))
        try:
            yield bot
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)


async def state(router: Any, agent: str, wanted: str) -> bool:
    return bool((await router.me(agent))["state"] == wanted)


async def answered(router: Any, pbx_call: str, agent: str = "bot1") -> dict[str, Any]:
    """A call that arrives and is answered by the bot."""
    await router.arrive(pbx_call)
    offer = await router.offer(agent)
    told = await router.tell("call.answered", pbx_call, offer_id=offer["id"])
    call: dict[str, Any] = told["call"]
    assert (call["state"], call["agent"]) == ("connected", agent)
    return call


async def test_who_is_handed_over_keeps_his_place_and_what_he_was_asked(router, address):
    script = [{"collected": {"wish": "cardiology", "clinic": "north"}, "reason": "wants_human"}]
    async with working(router, address, script) as bot:
        first = await answered(router, "p-1")
        await eventually(lambda: waiting(router, first["id"]))
        assert [call.id for call in bot.talked] == [first["id"]]
        assert (bot.talked[0].queue, bot.talked[0].payer) == ("adult", "unknown")
        router.clock.advance(5)
        await router.client.put(
            "/v1/agents/me/state", json={"state": "not_ready"}, headers=router.agent("bot1")
        )
        later = (await router.arrive("p-2", caller="+79167654321"))["call"]
        after = await router.call(first["id"])
        assert after["queued_at"] == first["queued_at"] < later["queued_at"]
        await router.ready("a1")
        offer = await router.offer("a1")
        assert offer["call_id"] == first["id"]
        card = await router.client.get(
            f"/v1/calls/{first['id']}/customer", headers=router.agent("a1")
        )
        assert card.json()["collected"] == {"wish": "cardiology", "clinic": "north"}


async def waiting(router: Any, call_id: str) -> bool:
    return (await router.call(call_id))["state"] in {"queued", "offered"}


async def test_who_was_handed_over_is_offered_to_no_other_bot(router, address):
    async with (
        working(router, address, [{"reason": "x"}], "bot1"),
        working(router, address, [{"reason": "x"}], "bot2") as second,
    ):
        await router.arrive("p-1")
        offer = await eventually(lambda: open_offer(router))
        call = (await router.tell("call.answered", "p-1", offer_id=offer["id"]))["call"]
        await eventually(lambda: waiting(router, call["id"]))
        assert (await router.call(call["id"]))["state"] == "queued"
        decided = await router.client.get(f"/v1/calls/{call['id']}/decisions", headers=router.floor)
        assert len(decided.json()["items"]) == 1
        assert len(second.talked) <= 1


async def open_offer(router: Any) -> Any:
    return (await router.me("bot1"))["offer"] or (await router.me("bot2"))["offer"]


async def test_a_bot_that_fails_hands_its_caller_over(router, address):
    async with working(router, address, [{"fails": "out of words"}]):
        call = await answered(router, "p-1")
        await eventually(lambda: waiting(router, call["id"]))
        await router.tell("call.hung_up", "p-1", by="caller")
        rows = await report(router)
        assert [(row["handed_over"], row["contained"]) for row in rows] == [(1, 0)]


async def report(router: Any, by: str = "bot") -> list[dict[str, Any]]:
    answer = await router.client.get(
        "/v1/reports/bots", params={**DAY, "by": by}, headers=router.floor
    )
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_containment_counts_who_needed_nobody_else(router, address):
    script = [
        {"contained": "informed"},
        {"contained": "gave_up", "resolved": False},
        {"collected": {"wish": "x"}},
    ]
    async with working(router, address, script) as bot:
        for number in (1, 2):
            call = await answered(router, f"p-{number}")
            await eventually(lambda wanted=number: len(bot.talked) == wanted)
            offer = (
                await router.client.get(f"/v1/calls/{call['id']}", headers=router.floor)
            ).json()
            assert offer["state"] == "connected"
            await router.tell("call.hung_up", f"p-{number}", by="agent")
            await eventually(lambda name=call["id"]: wrapped_up(router, name))
        third = await answered(router, "p-3")
        await eventually(lambda: waiting(router, third["id"]))
        await router.tell("call.hung_up", "p-3", by="caller")
        for by, key in (("bot", "bot1"), ("queue", "adult"), ("line", "+74950000001")):
            (row,) = await report(router, by)
            assert row["key"] == key
            assert (row["entered"], row["contained"]) == (3, 1)
            assert (row["unresolved"], row["handed_over"]) == (1, 1)
            assert row["containment_pct"] == 33.33


async def wrapped_up(router: Any, call_id: str) -> bool:
    return (await router.call(call_id))["wrap_up"] is not None


async def test_a_bot_that_names_no_queue_there_is_hands_its_caller_over_all_the_same(
    router, address
):
    async with working(router, address, [{"queue": "none", "collected": {"wish": "x"}}]):
        call = await answered(router, "p-1")
        await eventually(lambda: waiting(router, call["id"]))
        assert (await router.call(call["id"]))["queue"] == "adult"


async def test_a_caller_who_comes_back_to_a_bot_is_handed_over_again(router, address):
    """The first hand-over's answer is no answer to the second: he would be left with a bot that is silent."""
    async with working(router, address, [{"reason": "x"}, {"reason": "x"}]) as bot:
        call = await answered(router, "p-1")
        await eventually(lambda: waiting(router, call["id"]))
        order = {"agent": "bot1"}
        path = f"/v1/calls/{call['id']}/assign"
        assert (await router.client.post(path, json=order, headers=router.floor)).is_success
        offer = await router.offer("bot1")
        await router.tell("call.answered", "p-1", offer_id=offer["id"])
        await eventually(lambda: len(bot.talked) == 2)
        await eventually(lambda: waiting(router, call["id"]))


async def test_a_bot_that_is_started_anew_takes_up_every_talk_that_it_had(router, address):
    """Fails when only the call of the snapshot is taken up: the other caller would hear nobody for ever."""
    async with working(router, address, [{"takes_s": 60}, {"takes_s": 60}]) as bot:
        calls = [await answered(router, name) for name in ("p-1", "p-2")]
        await eventually(lambda: len(bot.talked) == 2)
    async with working(router, address, [{"reason": "x"}, {"reason": "x"}]) as bot:
        await eventually(lambda: len(bot.talked) == 2)
        for call in calls:
            await eventually(lambda each=call: waiting(router, each["id"]))


async def test_a_bot_that_counted_as_gone_goes_on_and_one_that_was_sent_on_a_break_does_not(
    router, address
):
    async with working(router, address, []):
        for reason, goes_on in (("disconnected", True), ("service", False)):
            order = {"state": "not_ready", "reason": reason}
            answer = await router.client.put(
                "/v1/agents/bot1/state", json=order, headers=router.floor
            )
            assert answer.json()["state"] == "not_ready"
            if goes_on:
                await eventually(lambda: state(router, "bot1", "ready"))
        call = (await router.arrive("p-1"))["call"]
        assert call["state"] == "queued"


async def test_a_hand_over_is_done_once_and_by_bots_alone(router, address):
    async with working(router, address, [{"takes_s": 60}]):
        call = await answered(router, "p-1")
        path = f"/v1/calls/{call['id']}/hand-over"
        headers = {**router.agent("bot1"), "Idempotency-Key": "k"}
        answer = await router.client.post(path, json={}, headers=router.agent("a1"))
        assert (answer.status_code, answer.json()["type"]) == (403, "not-a-bot")
        answer = await router.client.post(path, json={"queue": "none"}, headers=headers)
        assert answer.json()["errors"][0]["path"] == "queue"
        answer = await router.client.post(path, json={"data": {"a b": "x"}}, headers=headers)
        assert answer.status_code == 422
        for _ in range(2):
            answer = await router.client.post(path, json={"queue": "child"}, headers=headers)
            assert (answer.status_code, answer.json()["queue"]) == (200, "child")
        answer = await router.client.post(path, json={}, headers=router.agent("bot1"))
        assert answer.status_code == 409
        answer = await router.client.post(
            "/v1/calls/none/hand-over", json={}, headers=router.agent("bot1")
        )
        assert answer.status_code == 404


def test_the_scripted_bot_says_how_it_is_used(capsys):
    with pytest.raises(SystemExit) as told:
        fake.main(["--help"])
    assert told.value.code == 0
    assert "kind: bot" in capsys.readouterr().out
