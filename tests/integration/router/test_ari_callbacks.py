"""People are called back over a real Asterisk 22, with real SIP phones at both ends."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import text

from careline_common.testing.asterisk import Asterisk
from careline_common.testing.proxy import Proxy
from careline_common.testing.sipp import Phone, Phones
from careline_common.testing.waiting import eventually
from careline_router.queries import EVERYTHING
from careline_router.views import CallbackView

pytestmark = [pytest.mark.integration, pytest.mark.timeout(60)]

PERSON = "+79161234567"
LINE = "+74950000001"
RETRY_S = 3600.0
PACKETS = 10
"""A fifth of a second of sound at 50 packets a second."""


@dataclass
class Scene:
    """A router that calls people back over an Asterisk, and agent a1 at work; `person` and `agent` are
    their phones."""

    router: Any
    asterisk: Asterisk
    phones: Phones
    ari: Proxy
    start: Callable[..., AbstractAsyncContextManager[Any]]

    async def wanted(self) -> CallbackView:
        """The person is put down to be called back."""
        return await self.router.service.request_callback(EVERYTHING, PERSON, "adult")

    async def ready(self) -> None:
        await self.router.service.log_in("a1")
        await self.router.service.set_state("a1", "ready")

    async def callback(self) -> CallbackView:
        (one,) = await self.router.service.callbacks.all(EVERYTHING)
        return one

    async def is_(self, state: str) -> CallbackView:
        async def look() -> CallbackView | None:
            made = await self.router.service.callbacks.all(EVERYTHING)
            return next((one for one in made if one.state == state), None)

        found: CallbackView = await eventually(look, what=f"the callback is {state}")
        return found

    async def causes(self) -> list[str]:
        """Why the person was not reached, as the agent was told, oldest first."""
        async with self.router.parts.database.read() as connection:
            found = await connection.execute(
                text(
                    "SELECT data->>'cause' FROM agent_message WHERE type = 'call.not_reached'"
                    " ORDER BY seq"
                )
            )
            return list(found.scalars())

    async def calls_again_after(self, seconds: float) -> None:
        """The retry plan from now on: once more, so much later."""
        rules = {"idle_min": 1, "retry_after_s": [seconds]}
        await self.router.store.apply({"floor": {"callbacks": rules}})

    @asynccontextmanager
    async def next_life(self) -> AsyncIterator[None]:
        """The router dies as by kill -9, and the next one leads and is connected."""
        await self.router.kill()  # a second time, perhaps, which changes nothing
        async with self.start() as self.router:
            await self.connected()
            yield

    async def connected(self) -> None:
        async def listens() -> bool:
            return "careline" in await self.asterisk.cli("ari show apps")

        await eventually(listens, what="a router that hears Asterisk")

    async def both_hear_each_other(self) -> None:
        async def flows() -> bool:
            sound = await self.asterisk.sound()
            return all(min(sound.get(name, (0, 0))) > PACKETS for name in ("a1", "trunk"))

        await eventually(flows, what="sound both ways")

    async def ring_off(self) -> None:
        """The person's leg ends without us, as by the network."""
        shown = await self.asterisk.cli("core show channels concise")
        (name,) = [row.split("!")[0] for row in shown.splitlines() if "PJSIP/trunk" in row]
        await self.asterisk.cli(f"channel request hangup {name}")

    async def hears(self, endpoint: str) -> None:
        """A phone is sent sound: the ringing tone, music, or somebody's voice."""

        async def sent() -> bool:
            return (await self.asterisk.sound()).get(endpoint, (0, 0))[1] > PACKETS

        await eventually(sent, what=f"sound for {endpoint}")

    async def nothing_is_left(self) -> None:
        """No leg and no bridge of a talk."""

        async def left() -> bool:
            channels = await self.asterisk.cli("core show channels concise")
            bridges = await self.asterisk.cli("bridge show all")
            return "PJSIP/" not in channels and "talk-" not in bridges

        await eventually(left, what="nothing left at Asterisk")


def configuration(asterisk: Asterisk, ari_port: int, *, dial_timeout_s: int = 30) -> dict[str, Any]:
    url = f"http://127.0.0.1:{ari_port}/ari"
    login = {"user": asterisk.ari_user, "password": asterisk.ari_password}
    dials = {"dial_endpoint": "PJSIP/{number}@trunk", "dial_timeout_s": dial_timeout_s}
    rules = {"retry_after_s": [RETRY_S], "idle_min": 1, "abandoned": True, "short_abandon_s": 0}
    agent = {"id": "a1", "skills": {"adult": 10}, "endpoint": "PJSIP/a1", "accept": "ring"}
    return {
        "skills": ["adult"],
        "queues": [{"id": "adult", "wrap_up_s": 0}],
        "flows": [{"id": "main", "default": {"queue": "adult", "skills": {"adult": 1}}}],
        "lines": [{"number": LINE, "flow": "main", "language": "ru"}],
        "agents": [agent],
        "pbxs": [{"id": "ast1", "kind": "asterisk", "url": url, **login, **dials}],
        "floor": {"callbacks": rules},
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
    document = configuration(asterisk, ari.port)
    await router.store.apply(document)
    made = Scene(router, asterisk, phones, ari, lead)
    await made.connected()
    yield made
    await ari.close()


def times(phone: Phone, what: str) -> int:
    return sum(each.what == what for each in phone.happenings)


async def talking(scene: Scene, person: Phone) -> Phone:
    """a1's phone rings, he answers, then the person's does, and they talk."""
    agent = await scene.phones.agent("a1")
    await scene.ready()
    await agent.waits_for("answered")
    await person.waits_for("answered")
    await scene.both_hear_each_other()
    assert (await scene.callback()).state == "calling"
    return agent


async def dialling(scene: Scene) -> tuple[Phone, Phone]:
    """a1 has answered, and the person's phone rings on; both phones."""
    agent, person = await scene.phones.agent("a1"), await scene.phones.person("ring")
    await scene.wanted()
    await scene.ready()
    await agent.waits_for("answered")
    await person.waits_for("ringing")
    return agent, person


async def test_first_the_agent_then_the_person_and_both_hear_each_other(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    person = await scene.phones.person()
    await scene.wanted()
    agent = await talking(scene, person)
    heard = {each.what: each.call_id for each in person.happenings}
    assert (heard["called"], heard["shown"]) == (PERSON, LINE)
    for channel in (await scene.asterisk.cli("core show channels concise")).splitlines():
        assert PERSON[1:] not in channel.split("!")[0]
    await person.hangs_up()
    await agent.waits_for("ended")
    assert (await scene.is_("done")).attempts == 1
    await scene.nothing_is_left()
    assert times(person, "ringing") == 1
    assert PERSON[1:] not in capsys.readouterr().out


async def test_a_caller_who_gave_up_is_called_back_and_the_agent_ends_their_talk(
    scene: Scene,
) -> None:
    caller = await scene.phones.call(LINE, number=PERSON)
    await caller.waits_for("answered")
    await caller.hangs_up()
    assert (await scene.is_("waiting")).origin == "abandoned"
    person = await scene.phones.person()
    agent = await talking(scene, person)
    await agent.hangs_up()
    await person.waits_for("ended")
    await scene.is_("done")
    await scene.nothing_is_left()


async def test_who_is_not_reached_is_called_again_by_the_plan(scene: Scene) -> None:
    await scene.router.store.apply(configuration(scene.asterisk, scene.ari.port, dial_timeout_s=1))
    agent = await scene.phones.agent("a1")
    await scene.ready()
    expected: list[str] = []
    for behaviour, cause in (
        ("busy", "busy"),
        ("reject", "rejected"),
        ("unallocated", "unreachable"),
        ("congested", "unreachable"),
        ("ring", "no_answer"),
    ):
        person = await scene.phones.person(behaviour)  # type: ignore[arg-type]
        made = await scene.wanted()
        expected.append(cause)

        async def told(expected: list[str] = expected) -> bool:
            return await scene.causes() == expected

        await eventually(told, what=f"{behaviour} is {cause}")
        await agent.waits_for("ended", times=len(expected))
        one = await scene.router.service.callbacks.one(made.id, EVERYTHING)
        assert (one.state, one.attempts) == ("waiting", 1)
        assert one.not_before is not None
        assert times(person, "ringing") == 1
        await scene.router.service.cancel_callback(made.id)
        person.close()
    await scene.nothing_is_left()


async def test_after_the_last_try_in_vain_nobody_calls_any_more(scene: Scene) -> None:
    await scene.calls_again_after(0.1)
    await scene.phones.agent("a1")
    person = await scene.phones.person("busy")
    await scene.wanted()
    await scene.ready()
    assert (await scene.is_("failed")).attempts == 2
    assert times(person, "ringing") == 2
    await scene.nothing_is_left()


async def test_the_agent_hangs_up_while_the_person_s_phone_rings(scene: Scene) -> None:
    agent, person = await dialling(scene)
    await scene.hears("a1")
    await agent.hangs_up()
    await person.waits_for("cancelled")
    assert (await scene.is_("waiting")).attempts == 1
    await scene.nothing_is_left()
    assert times(person, "ringing") == 1


async def test_a_phone_that_rings_through_the_router_s_death_is_answered_and_rang_once(
    scene: Scene,
) -> None:
    agent, person = await dialling(scene)
    async with scene.next_life():
        await person.answers()
        await scene.both_hear_each_other()
        assert (await scene.is_("calling")).attempts == 1
        async with scene.next_life():
            await scene.both_hear_each_other()
            await person.hangs_up()
            await agent.waits_for("ended")
            await scene.is_("done")
            await scene.nothing_is_left()
    assert (times(agent, "ringing"), times(person, "ringing")) == (1, 1)


@pytest.mark.parametrize("when", ["while it is dead", "in its next life"])
async def test_a_try_that_ends_after_the_router_s_death_has_failed_and_is_not_repeated(
    scene: Scene, when: str
) -> None:
    agent, person = await dialling(scene)
    await scene.router.kill()
    if when == "while it is dead":
        await scene.ring_off()
        await person.waits_for("cancelled")
    async with scene.next_life():
        if when == "in its next life":
            await scene.ring_off()
        await agent.waits_for("ended")
        assert (await scene.is_("waiting")).attempts == 1
        assert len(await scene.causes()) == 1
        await scene.nothing_is_left()
    assert times(person, "ringing") == 1


@pytest.mark.parametrize("who", ["person", "agent"])
async def test_a_talk_that_ended_while_the_socket_was_lost_is_over(scene: Scene, who: str) -> None:
    person = await scene.phones.person()
    await scene.wanted()
    agent = await talking(scene, person)
    leaving, staying = (person, agent) if who == "person" else (agent, person)
    await scene.ari.cut()
    await leaving.hangs_up()
    await scene.ari.open()
    await staying.waits_for("ended")
    await scene.is_("done")
    await scene.nothing_is_left()


async def test_a_person_is_put_on_hold_and_taken_back(scene: Scene) -> None:
    person = await scene.phones.person()
    made = await scene.wanted()
    agent = await talking(scene, person)

    async def parties(bridge: str) -> str:
        return await scene.asterisk.cli(f"bridge show {bridge}")

    await scene.router.service.hold("a1", made.id)

    async def held() -> bool:
        return "PJSIP/trunk" in await parties("hold-careline")

    await eventually(held, what="the person hears music")
    await scene.router.service.resume("a1", made.id)

    async def back() -> bool:
        return "PJSIP/trunk" in await parties(f"talk-{made.id}.1")

    await eventually(back, what="the person is back")
    await agent.hangs_up()
    await scene.is_("done")
    await scene.nothing_is_left()


async def test_a_try_that_asterisk_has_not_outlived_has_failed_and_is_not_repeated(
    scene: Scene,
) -> None:
    _, person = await dialling(scene)
    await scene.asterisk.kill()
    await scene.asterisk.start()
    assert (await scene.is_("waiting")).attempts == 1
    assert times(person, "ringing") == 1
