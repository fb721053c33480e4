"""Talks that are recorded by ARI, at a real Asterisk 22 with real SIP phones."""

import array
import io
import wave
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from talk_scene import Scene, talk_scene

from careline_common.http.problem import Conflict
from careline_common.testing.asterisk import Asterisk
from careline_common.testing.sipp import Phones
from careline_common.testing.waiting import eventually
from careline_router.usecases.transfers import TransferTarget

pytestmark = [pytest.mark.integration, pytest.mark.timeout(90)]

RECORDING = {"on": True, "consent": {"ru": "beep"}, "refuse_key": "9"}
LOUD = 1000
"""Of 32,767: the phones' tone is above it, the silence of a line far below."""


@pytest.fixture
async def scene(router: Any, asterisk: Asterisk, phones: Phones) -> AsyncIterator[Scene]:
    async with talk_scene(router, asterisk, phones, recording=RECORDING) as made:
        yield made


async def ari(scene: Scene, method: str, url: str) -> httpx.Response:
    login = (scene.asterisk.ari_user, scene.asterisk.ari_password)
    async with httpx.AsyncClient(auth=login, base_url=f"{scene.asterisk.ari_url}/") as client:
        return await client.request(method, url)


async def state(scene: Scene) -> str | None:
    """Of the recording that runs; None when none does."""
    answer = await ari(scene, "GET", f"recordings/live/careline-{scene.call_id}")
    return answer.json()["state"] if answer.status_code == HTTPStatus.OK else None


async def becomes(scene: Scene, wanted: str | None) -> None:
    async def look() -> bool:
        return await state(scene) == wanted

    await eventually(look, what=f"a recording that is {wanted}")


async def recording(scene: Scene) -> dict[str, Any]:
    async def kept() -> Any:
        return (await scene.call()).recording

    return dict(await eventually(kept, what="a recording that is known"))


async def told(scene: Scene) -> list[str]:
    """The events of recordings that are on their way to the other services."""
    async with scene.router.parts.database.read() as connection:
        rows = await connection.execute(
            text("SELECT subject FROM outbox WHERE type = 'careline.call.recording_ready.v1'")
        )
        return [str(row[0]) for row in rows]


async def test_a_talk_is_recorded_with_both_voices_and_known_by_where_it_is(scene: Scene) -> None:
    await becomes(scene, "recording")
    await scene.sound_flows("a1", "trunk")
    await scene.caller.hangs_up()
    kept = await recording(scene)
    file = await ari(scene, "GET", kept["url"])
    with wave.open(io.BytesIO(file.content)) as sound:
        seconds = sound.getnframes() / sound.getframerate()
        frames = array.array("h", sound.readframes(sound.getnframes()))
    assert max(map(abs, frames)) > LOUD
    assert abs(kept["duration_s"] - seconds) <= 1
    assert await told(scene) == [scene.call_id]
    await scene.nothing_is_left()


async def test_an_agent_has_it_pause_and_go_on_and_passes_it_on_with_his_caller(
    scene: Scene,
) -> None:
    await becomes(scene, "recording")
    await scene.router.service.record("a1", scene.call_id, "pause")
    await becomes(scene, "paused")
    await scene.router.service.record("a1", scene.call_id, "resume")
    await becomes(scene, "recording")
    await scene.router.service.record("a1", scene.call_id, "pause")
    await becomes(scene, "paused")
    await scene.router.service.transfer("a1", scene.call_id, TransferTarget(agent="a2"), "cold")
    await scene.is_("connected", "a2")
    await becomes(scene, "recording")
    await scene.other.hangs_up()
    await recording(scene)
    assert await told(scene) == [scene.call_id]
    await scene.nothing_is_left()


async def test_of_a_caller_who_refuses_nothing_is_recorded_any_more_and_nothing_is_kept(
    scene: Scene,
) -> None:
    await becomes(scene, "recording")
    await scene.caller.presses("9")
    await becomes(scene, None)
    with pytest.raises(Conflict) as refused:
        await scene.router.service.record("a1", scene.call_id, "resume")
    assert refused.value.type == "not-recorded"
    await scene.bridged("a1", "trunk")
    await scene.caller.hangs_up()
    await scene.nothing_is_left()
    stored = await ari(scene, "GET", "recordings/stored")
    assert stored.json() == []
    assert (await scene.call()).recording is None


async def test_who_is_passed_on_to_somebody_outside_is_recorded_no_more(scene: Scene) -> None:
    await becomes(scene, "recording")
    target = TransferTarget(endpoint="PJSIP/a2")
    await scene.router.service.transfer("a1", scene.call_id, target, "cold")
    await scene.bridged("a2", "trunk")
    await becomes(scene, None)
    await recording(scene)
    await scene.bridged("a2", "trunk")


async def test_a_recording_that_ended_while_the_router_was_away_is_found(scene: Scene) -> None:
    await becomes(scene, "recording")
    await scene.ari.cut()
    await scene.caller.hangs_up()
    await becomes(scene, None)
    await scene.ari.open()
    assert (await recording(scene))["duration_s"] > 0
    await scene.is_("ended", "a1")
    assert await told(scene) == [scene.call_id]
