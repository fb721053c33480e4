"""Talks that are passed on, asked about and listened to, over a real Asterisk 22 with real SIP phones."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from talk_scene import Scene, talk_scene

from careline_common.testing.asterisk import Asterisk
from careline_common.testing.sipp import Phones
from careline_common.testing.waiting import eventually
from careline_router.usecases.transfers import TransferTarget

pytestmark = [pytest.mark.integration, pytest.mark.timeout(90)]


@pytest.fixture
async def scene(router: Any, asterisk: Asterisk, phones: Phones) -> AsyncIterator[Scene]:
    async with talk_scene(router, asterisk, phones) as made:
        yield made


async def test_a_caller_who_is_passed_on_talks_on_without_the_agent_and_without_careline(
    scene: Scene,
) -> None:
    target = TransferTarget(endpoint="PJSIP/a2")
    await scene.router.service.transfer("a1", scene.call_id, target, "cold")
    await scene.agent.waits_for("ended")
    await scene.is_("ended", "a1")
    assert (await scene.call()).outcome == "handled"
    await scene.bridged("a2", "trunk")
    await scene.sound_flows("a2", "trunk")
    await scene.other.hangs_up()
    await scene.caller.waits_for("ended")
    await scene.nothing_is_left()


async def test_an_agent_who_was_asked_takes_the_caller_over_and_ends_the_talk(scene: Scene) -> None:
    await scene.ask(agent="a2")
    arrived = (await scene.call()).arrived_at
    await scene.router.service.end_consult("a1", scene.call_id, "complete")
    await scene.agent.waits_for("ended")
    await scene.is_("connected", "a2")
    assert (await scene.call()).arrived_at == arrived
    await scene.bridged("a2", "trunk")
    await scene.sound_flows("a2", "trunk")
    await scene.other.hangs_up()
    await scene.caller.waits_for("ended")
    await scene.is_("ended", "a2")
    await scene.nothing_is_left()


async def test_an_agent_comes_back_to_his_caller_and_all_three_may_talk(scene: Scene) -> None:
    await scene.ask(endpoint="PJSIP/a2")
    await scene.router.service.end_consult("a1", scene.call_id, "join")
    await scene.bridged("a1", "a2", "trunk")
    await scene.router.service.resume("a1", scene.call_id)
    await scene.other.waits_for("ended")
    await scene.bridged("a1", "trunk")
    await scene.sound_flows("a1", "trunk")
    await scene.caller.hangs_up()
    await scene.is_("ended", "a1")
    await scene.nothing_is_left()


@pytest.mark.parametrize("mode", ["listen", "whisper", "barge"])
async def test_a_supervisor_hears_a_talk_and_leaves_it_as_it_was(scene: Scene, mode: str) -> None:
    await scene.router.service.set_state("a2", "not_ready", "listening")
    boss = scene.router.service.viewer("boss", frozenset({"supervisor", "floor"}))
    await scene.router.service.listen(boss, scene.call_id, mode, "PJSIP/a2")
    await scene.other.waits_for("answered")
    if mode == "barge":
        await scene.bridged("a1", "a2", "trunk")
    else:
        await scene.bridged("a1", "trunk")
    await scene.sound_flows("a2", "a1")
    await scene.other.hangs_up()
    await scene.bridged("a1", "trunk")
    await scene.is_("connected", "a1")
    await scene.caller.hangs_up()
    await scene.nothing_is_left()


async def test_whoever_hangs_up_while_he_asks_has_passed_the_caller_on(scene: Scene) -> None:
    await scene.ask(agent="a2")

    def answered() -> bool:
        asked = scene.router.parts.actor.floor.calls[scene.call_id].consultation
        return asked is not None and asked.state == "talking"

    await eventually(answered, what="who is asked has answered")
    await scene.agent.hangs_up()
    await scene.is_("connected", "a2")
    await scene.bridged("a2", "trunk")
    await scene.caller.hangs_up()
    await scene.nothing_is_left()
