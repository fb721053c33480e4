"""Agents' phones that drop out, or are not there, at a real Asterisk 22 with real SIP phones."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from talk_scene import LINE, configuration, talk_scene

from careline_common.testing.asterisk import Asterisk
from careline_common.testing.proxy import Proxy
from careline_common.testing.sipp import Phone, Phones
from careline_common.testing.waiting import eventually
from careline_router.queries import EVERYTHING
from careline_router.usecases.transfers import TransferTarget

pytestmark = [pytest.mark.integration, pytest.mark.timeout(90)]


async def agent_is(router: Any, agent: str, state: str, reason: str | None) -> None:
    async def look() -> bool:
        shown = await router.service.queries.agent(agent)
        return (shown.state, shown.reason) == (state, reason)

    await eventually(look, what=f"{agent} is {state}, {reason}")


async def heard(asterisk: Asterisk) -> None:
    async def listens() -> bool:
        return "careline" in await asterisk.cli("ari show apps")

    await eventually(listens, what="a router that hears Asterisk")


Lead = Callable[..., AbstractAsyncContextManager[Any]]
AWAY = pytest.mark.parametrize("away", ["socket", "leader"])
"""What is lost: the socket alone, or the process, with all that it has noted."""


@asynccontextmanager
async def back_again(router: Any, lead: Lead, ari: Proxy, away: str) -> AsyncIterator[Any]:
    """The router that listens again, after a time in which nobody did."""
    if away == "socket":
        await ari.open()
        yield router
    else:
        async with lead() as next_life:
            yield next_life


async def test_a_phone_that_dies_in_a_talk_gives_its_caller_to_the_next_agent_at_his_place(
    router: Any, asterisk: Asterisk, phones: Phones
) -> None:
    await asterisk.lose_silent_phones_after(2)
    async with talk_scene(router, asterisk, phones) as scene:
        arrived = (await scene.call()).arrived_at
        scene.agent.close()
        await scene.is_("connected", "a2")
        assert (await scene.call()).arrived_at == arrived
        await agent_is(router, "a1", "not_ready", "unreachable")
        await scene.bridged("a2", "trunk")
        await scene.sound_flows("a2", "trunk")
        await scene.caller.hangs_up()
        await scene.is_("ended", "a2")
        await scene.nothing_is_left()


@pytest.mark.parametrize(
    ("endpoint", "reason"),
    [
        ("PJSIP/a1", "busy"),
        ("PJSIP/moved-away", "unreachable"),  # Asterisk knows no such phone
    ],
)
async def test_a_phone_that_cannot_ring_gives_its_caller_to_the_next_agent_at_once(
    router: Any, asterisk: Asterisk, phones: Phones, endpoint: str, reason: str
) -> None:
    await router.store.apply(configuration(asterisk, asterisk.http_port))
    await phones.agent("a1", "busy")
    await phones.agent("a2")
    for agent, phone in (("a1", endpoint), ("a2", "PJSIP/a2")):
        await router.service.log_in(agent, endpoint=phone)
        await router.service.set_state(agent, "ready")

    await heard(asterisk)
    caller = await phones.call(LINE)

    async def talk() -> Any:
        return await router.service.queries.calls(EVERYTHING, state="connected")

    (call,) = await eventually(talk, what="a talk")
    assert call.agent == "a2"
    await agent_is(router, "a1", "not_ready", reason)
    await caller.hangs_up()


@AWAY
async def test_an_agent_who_goes_out_of_a_talk_while_nobody_listens_leaves_his_caller_to_the_next(
    router: Any, lead: Lead, asterisk: Asterisk, phones: Phones, away: str
) -> None:
    """Whether his phone died or he hung up, nobody can tell: the caller is not hung up for it."""
    async with talk_scene(router, asterisk, phones) as scene:
        arrived = (await scene.call()).arrived_at
        await (scene.ari.cut() if away == "socket" else router.kill())
        await scene.agent.hangs_up()
        async with back_again(router, lead, scene.ari, away) as scene.router:
            await scene.is_("connected", "a2")
            assert (await scene.call()).arrived_at == arrived
            await scene.bridged("a2", "trunk")
            await scene.sound_flows("a2", "trunk")
            await scene.caller.hangs_up()
            await scene.is_("ended", "a2")
            await scene.nothing_is_left()


async def rings_no_more(asterisk: Asterisk, phone: str) -> None:
    """Its leg is cut off, as a trunk would."""
    shown = await asterisk.cli("core show channels concise")
    (leg,) = [row.split("!")[0] for row in shown.splitlines() if row.startswith(f"PJSIP/{phone}-")]
    await asterisk.cli(f"channel request hangup {leg}")


@AWAY
@pytest.mark.parametrize("answers", [True, False])
async def test_who_is_asked_and_goes_while_nobody_listens_gives_the_agent_his_caller_back(
    router: Any, lead: Lead, asterisk: Asterisk, phones: Phones, away: str, answers: bool
) -> None:
    """Fails when `legs` has no consultations: the agent would ask nobody for ever, and his caller hear music."""
    async with talk_scene(router, asterisk, phones) as scene:
        asked = await phones.agent("a3", "answer" if answers else "ring")
        whom = TransferTarget(endpoint="PJSIP/a3")
        await router.service.transfer("a1", scene.call_id, whom, "warm")
        await asked.waits_for("answered" if answers else "ringing")
        if answers:
            await scene.bridged("a1", "a3")
        await (scene.ari.cut() if away == "socket" else router.kill())
        if answers:
            await asked.hangs_up()
        else:
            await rings_no_more(asterisk, "a3")
        async with back_again(router, lead, scene.ari, away) as scene.router:
            await scene.bridged("a1", "trunk")
            await scene.sound_flows("a1", "trunk")
            await scene.caller.hangs_up()
            await scene.is_("ended", "a1")
            await scene.nothing_is_left()


async def ends_of_offers(router: Any) -> list[str]:
    async with router.parts.database.read() as connection:
        found = await connection.execute(text("SELECT state FROM offer ORDER BY made_at, id"))
        return list(found.scalars())


async def rung_for_long(router: Any, asterisk: Asterisk, ari: Proxy) -> None:
    """a1's phone may ring for ten minutes: longer than any test."""
    document = configuration(asterisk, ari.port)
    document["queues"] = [{"id": "adult", "wrap_up_s": 0, "ring_timeout_s": 600}]
    await router.store.apply(document)
    await heard(asterisk)
    await router.service.log_in("a1")
    await router.service.set_state("a1", "ready")


async def deaf(asterisk: Asterisk) -> None:
    """Asterisk knows that nobody listens: before, it would keep who answers, as one whose events wait."""

    async def noticed() -> bool:
        log = asterisk.log
        return "WebSocket read error" in log or "Web socket closed abruptly" in log

    await eventually(noticed, what="Asterisk to notice that its socket is gone")


async def rings(router: Any, phone: Phone) -> None:
    """The phone rings, and the router has noted that it was told to."""
    await phone.waits_for("ringing")

    async def noted() -> bool:
        return bool(await router.service.legs("ast1"))

    await eventually(noted, what="the ring is done")


@pytest.fixture
async def ari(asterisk: Asterisk) -> AsyncIterator[Proxy]:
    """Between router and Asterisk."""
    made = Proxy(lambda: asyncio.open_connection("127.0.0.1", asterisk.http_port))
    await made.open()
    yield made
    await made.close()


@AWAY
async def test_a_phone_that_is_answered_while_nobody_listens_rings_again_at_once(
    router: Any, lead: Lead, asterisk: Asterisk, phones: Phones, ari: Proxy, away: str
) -> None:
    """Fails when its agent is excluded, is made not ready, or has to let it ring to the end first."""
    await rung_for_long(router, asterisk, ari)
    agent = await phones.agent("a1", "ring")
    caller = await phones.call(LINE)
    await rings(router, agent)
    if away == "socket":
        await ari.cut()
        await deaf(asterisk)
    else:
        await router.kill()
    await agent.answers()
    await agent.waits_for("ended")
    async with back_again(router, lead, ari, away) as back:
        await agent.waits_for("ringing", times=2)
        await agent_is(back, "a1", "reserved", None)
        assert await ends_of_offers(back) == ["lost", "ringing"]
        await agent.answers()
        await agent_is(back, "a1", "talking", None)
        await caller.hangs_up()
        await agent.waits_for("ended", times=2)

        async def nothing_is_left() -> bool:
            return "talk-" not in await asterisk.cli("bridge show all")

        await eventually(nothing_is_left, what="no bridge of a talk")


async def an_empty_talk_is_left(asterisk: Asterisk) -> None:
    """Of which the next comparison makes an end."""
    login = (asterisk.ari_user, asterisk.ari_password)
    async with httpx.AsyncClient(auth=login) as client:
        made = await client.post(f"{asterisk.ari_url}/bridges/talk-old.1?type=mixing")
        made.raise_for_status()


async def nothing_is_empty(asterisk: Asterisk) -> bool:
    return "talk-old.1" not in await asterisk.cli("bridge show all")


async def test_a_phone_that_rings_on_into_the_next_life_is_heard_there(
    router: Any, lead: Lead, asterisk: Asterisk, phones: Phones, ari: Proxy
) -> None:
    """Fails when the next leader does not know whose leg has ended: that is no news at any time later."""
    await rung_for_long(router, asterisk, ari)
    agent = await phones.agent("a1", "ring")
    await phones.call(LINE)
    await rings(router, agent)
    await router.kill()
    await an_empty_talk_is_left(asterisk)
    async with lead() as back:
        await eventually(lambda: nothing_is_empty(asterisk), what="a comparison")
        shown = await asterisk.cli("core show channels concise")
        (leg,) = [row.split("!")[0] for row in shown.splitlines() if "PJSIP/a1" in row]
        await asterisk.cli(f"channel request hangup {leg}")
        await agent_is(back, "a1", "not_ready", "rona")
        assert await ends_of_offers(back) == ["no_answer"]
