"""A caller whom no SMS reaches is asked by voice once his agent has gone, at a real Asterisk 22."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import text

from careline_common.testing.asterisk import Asterisk
from careline_common.testing.proxy import Proxy
from careline_common.testing.sipp import Phone, Phones
from careline_common.testing.waiting import eventually
from careline_router.queries import EVERYTHING

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

LANDLINE = "+74951234567"
MOBILE = "+79161234567"
LINE = "+74950000001"
VOICE = {
    "questions": [
        {"media": {"ru": "sound:digits/1", "en": "sound:digits/2"}},
        {"media": {"ru": "sound:digits/3"}, "digits": 2},
    ],
    "thanks": {"ru": "sound:auth-thankyou"},
    "wait_s": 3,
}


@dataclass
class Scene:
    router: Any
    asterisk: Asterisk
    phones: Phones
    start: Callable[..., AbstractAsyncContextManager[Any]]

    async def connected(self) -> None:
        async def listens() -> bool:
            return "careline" in await self.asterisk.cli("ari show apps")

        await eventually(listens, what="a router that hears Asterisk")

    async def talk(self, number: str = LANDLINE) -> tuple[Phone, Phone]:
        """Somebody at `number` talks with a1; both phones."""
        agent = await self.phones.agent("a1")
        await self.router.service.log_in("a1")
        await self.router.service.set_state("a1", "ready")
        caller = await self.phones.call(LINE, number=number)
        await caller.waits_for("answered")
        await agent.waits_for("answered")
        await self.calls("connected")
        return caller, agent

    async def calls(self, state: str) -> None:
        async def there() -> bool:
            return bool(await self.router.service.queries.calls(EVERYTHING, state=state))

        await eventually(there, what=f"a call that is {state}")

    async def mark(self) -> bool:
        """Whether the caller has been asked the first question."""
        shown = await self.asterisk.cli("core show channels concise")
        names = [row.split("!")[0] for row in shown.splitlines() if "PJSIP/trunk" in row]
        return bool(names) and "CARELINE_ASKED=1" in await self.asterisk.cli(
            f"core show channel {names[0]}"
        )

    async def is_asked(self) -> None:
        await eventually(self.mark, what="the survey")

    async def told(self) -> list[str]:
        """Keys as the surveys get to know them, oldest first."""
        async with self.router.parts.database.read() as connection:
            found = await connection.execute(
                text(
                    "SELECT convert_from(body, 'UTF8')::jsonb -> 'data' ->> 'keys' FROM outbox"
                    " WHERE type = 'careline.call.keyed.v1' ORDER BY id"
                )
            )
            return list(found.scalars())


def configuration(asterisk: Asterisk, ari_port: int) -> dict[str, Any]:
    url = f"http://127.0.0.1:{ari_port}/ari"
    login = {"user": asterisk.ari_user, "password": asterisk.ari_password}
    agent = {"id": "a1", "skills": {"adult": 10}, "endpoint": "PJSIP/a1", "accept": "ring"}
    return {
        "skills": ["adult"],
        "queues": [{"id": "adult", "wrap_up_s": 0, "voice_survey": VOICE}],
        "flows": [{"id": "main", "default": {"queue": "adult", "skills": {"adult": 1}}}],
        "lines": [{"number": LINE, "flow": "main", "language": "ru"}],
        "agents": [agent],
        "pbxs": [{"id": "ast1", "kind": "asterisk", "url": url, **login}],
    }


@pytest.fixture
async def scene(
    router: Any,
    lead: Callable[..., AbstractAsyncContextManager[Any]],
    asterisk: Asterisk,
    phones: Phones,
) -> AsyncIterator[Scene]:
    ari = Proxy(lambda: asyncio.open_connection("127.0.0.1", asterisk.http_port))
    await ari.open()
    await router.store.apply(configuration(asterisk, ari.port))
    made = Scene(router, asterisk, phones, lead)
    await made.connected()
    yield made
    await ari.close()


async def test_a_landline_answers_by_keys_after_the_agent_has_gone_and_is_then_hung_up(
    scene: Scene,
) -> None:
    caller, agent = await scene.talk()
    await agent.hangs_up()
    await scene.is_asked()
    await scene.calls("ended")  # the floor does not wait for it
    await caller.presses("4")
    await eventually(lambda: _are(scene, ["4"]), what="the first answer")
    await caller.presses("1")
    await caller.presses("0")
    await caller.waits_for("ended")
    assert await scene.told() == ["4", "4#10"]


async def test_who_is_silent_is_hung_up_and_says_nothing(scene: Scene) -> None:
    caller, agent = await scene.talk()
    await agent.hangs_up()
    await scene.is_asked()
    await caller.waits_for("ended")
    assert await scene.told() == []


async def test_who_hangs_up_in_the_middle_keeps_what_he_has_answered(scene: Scene) -> None:
    caller, agent = await scene.talk()
    await agent.hangs_up()
    await scene.is_asked()
    await caller.presses("2")
    await eventually(lambda: _are(scene, ["2"]), what="the first answer")
    await caller.hangs_up()
    await eventually(lambda: _none(scene), what="no channel left")
    assert await scene.told() == ["2"]


async def test_whom_an_sms_reaches_is_hung_up_at_once(scene: Scene) -> None:
    caller, agent = await scene.talk(MOBILE)
    await agent.hangs_up()
    await caller.waits_for("ended")
    assert await scene.told() == []


async def test_a_router_that_dies_meanwhile_asks_nobody_twice_and_leaves_nobody_on_the_line(
    scene: Scene,
) -> None:
    caller, agent = await scene.talk()
    await agent.hangs_up()
    await scene.is_asked()
    await caller.presses("3")
    await eventually(lambda: _are(scene, ["3"]), what="the first answer")
    await scene.router.kill()
    async with scene.start() as scene.router:
        await scene.connected()
        await caller.waits_for("ended")
        assert await scene.told() == ["3"]


async def _are(scene: Scene, keys: list[str]) -> bool:
    return await scene.told() == keys


async def _none(scene: Scene) -> bool:
    return "PJSIP/" not in await scene.asterisk.cli("core show channels concise")
