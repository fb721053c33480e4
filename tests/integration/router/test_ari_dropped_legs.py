"""Agents' phones that drop out, or are not there, at a real Asterisk 22 with real SIP phones."""

from typing import Any

import pytest
from talk_scene import LINE, configuration, talk_scene

from careline_common.testing.asterisk import Asterisk
from careline_common.testing.sipp import Phones
from careline_common.testing.waiting import eventually
from careline_router.queries import EVERYTHING

pytestmark = [pytest.mark.integration, pytest.mark.timeout(90)]


async def agent_is(router: Any, agent: str, state: str, reason: str | None) -> None:
    async def look() -> bool:
        shown = await router.service.queries.agent(agent)
        return (shown.state, shown.reason) == (state, reason)

    await eventually(look, what=f"{agent} is {state}, {reason}")


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

    async def listens() -> bool:
        return "careline" in await asterisk.cli("ari show apps")

    await eventually(listens, what="a router that hears Asterisk")
    caller = await phones.call(LINE)

    async def talk() -> Any:
        return await router.service.queries.calls(EVERYTHING, state="connected")

    (call,) = await eventually(talk, what="a talk")
    assert call.agent == "a2"
    await agent_is(router, "a1", "not_ready", reason)
    await caller.hangs_up()
