"""The CURL form of deploy/asterisk/extensions.conf on a real Asterisk with real SIP phones."""

import asyncio
from typing import Any

import pytest

from careline_common.testing.asterisk import Asterisk
from careline_common.testing.sipp import Phones

pytestmark = pytest.mark.integration

LINE = "+74950000001"
CALLER = "+79161234567"
RING = {"action": "ring", "endpoint": "PJSIP/a1", "offer_id": "offer-1", "timeout_s": 5}
OUTCOMES = [("busy", "busy"), ("reject", "rejected"), ("ring", "no_answer")]


async def test_a_call_waits_rings_talks_and_ends_when_the_agent_hangs_up(
    router: Any, asterisk: Asterisk, phones: Phones
) -> None:
    router.steps = [{"action": "wait"}, RING]
    agent = await phones.agent("a1")
    caller = await phones.call(LINE, number=CALLER)
    await agent.waits_for("answered")
    await router.hears("offer-1", result="answered")
    await agent.hangs_up()
    await router.hears("offer-1", result="ended")
    await caller.waits_for("ended")
    assert router.asked[0].items() >= {"caller": CALLER, "line": LINE, "wait": 5}.items()
    assert len({asked["call_id"] for asked in router.asked}) == 1
    assert router.tokens == {"Bearer header.payload-with_both.signature"}


async def test_a_caller_who_hangs_up_while_waiting_is_reported(
    router: Any, asterisk: Asterisk, phones: Phones
) -> None:
    caller = await phones.call(LINE)
    await caller.waits_for("answered")
    await caller.hangs_up()
    await router.hears("hangup", call_id=router.asked[0]["call_id"])


async def test_a_caller_who_hangs_up_in_the_talk_is_reported(
    router: Any, asterisk: Asterisk, phones: Phones
) -> None:
    router.steps = [RING]
    agent = await phones.agent("a1")
    caller = await phones.call(LINE)
    await agent.waits_for("answered")
    await caller.waits_for("answered")
    await caller.hangs_up()
    await agent.waits_for("ended")
    await router.hears("hangup", call_id=router.asked[0]["call_id"])


@pytest.mark.parametrize(("behaviour", "result"), OUTCOMES)
async def test_what_became_of_the_offer_is_told_and_the_next_step_is_asked(
    router: Any, asterisk: Asterisk, phones: Phones, behaviour: Any, result: str
) -> None:
    router.steps = [RING | {"timeout_s": 1}, RING | {"endpoint": "PJSIP/a2", "offer_id": "offer-2"}]
    await phones.agent("a1", behaviour)
    second = await phones.agent("a2")
    await phones.call(LINE)
    await router.hears("offer-1", result=result)
    await second.waits_for("answered")
    await router.hears("offer-2", result="answered")


async def test_an_agent_without_a_phone_is_unreachable(
    router: Any, asterisk: Asterisk, phones: Phones
) -> None:
    router.steps = [RING | {"endpoint": "PJSIP/nobody"}]
    await phones.call(LINE)
    await router.hears("offer-1", result="unreachable")


async def test_an_announcement_is_played_and_the_next_step_is_asked(
    router: Any, asterisk: Asterisk, phones: Phones
) -> None:
    router.steps = [{"action": "wait"}, {"action": "announce", "media": "sound:beep"}, RING]
    agent = await phones.agent("a1")
    await phones.call(LINE)
    await agent.waits_for("answered")
    assert "does not exist" not in asterisk.log


async def test_careline_can_end_the_call(router: Any, asterisk: Asterisk, phones: Phones) -> None:
    router.steps = [{"action": "wait"}, {"action": "hangup"}]
    caller = await phones.call(LINE)
    await caller.waits_for("ended")


@pytest.mark.parametrize("trouble", ["down", "refuses", "unknown action", "no JSON"])
async def test_a_call_goes_to_asterisks_own_queue_when_careline_gives_no_answer(
    router: Any, asterisk: Asterisk, phones: Phones, trouble: str
) -> None:
    if trouble == "down":
        await asterisk.set_global("CARELINE_URL", "http://127.0.0.1:9")
    elif trouble == "refuses":
        router.status = 503
    else:
        router.steps = [{"action": "dance"} if trouble == "unknown action" else {}]
    await reaches_somebody(asterisk, phones)


async def test_by_ari_a_call_goes_to_asterisks_own_queue_when_nobody_listens(
    asterisk: Asterisk, phones: Phones
) -> None:
    await reaches_somebody(asterisk, phones)


async def reaches_somebody(asterisk: Asterisk, phones: Phones) -> None:
    agents = [await phones.agent(name) for name in asterisk.phone_port]
    caller = await phones.call(LINE)
    done, waiting = await asyncio.wait(
        [asyncio.create_task(agent.waits_for("answered")) for agent in agents],
        return_when=asyncio.FIRST_COMPLETED,
    )
    for task in waiting:
        task.cancel()
    assert len(done) == 1
    await caller.waits_for("answered")
    assert await asterisk.channels() == 2
