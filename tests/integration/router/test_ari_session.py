"""What the ARI adapter asks of an Asterisk that answers as the test scripts it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs

import pytest
import websockets

from careline_common.testing.waiting import eventually
from careline_router.adapters.asterisk import AsteriskPbx, AsteriskTarget, Trunk
from careline_router.fakes.crm import PlainCrm
from careline_router.fakes.http_server import FakeServer
from careline_router.queries import EVERYTHING

pytestmark = pytest.mark.integration

PERSON = "+79161234567"
CALLER = {"id": "c1", "caller": {"number": "+79161234567"}, "state": "Up"}
ENTERED = {**CALLER, "dialplan": {"app_name": "Stasis", "app_data": "careline,in,+74959999999"}}


LATE_S = 0.3
"""By so much an event may come after the answer that it makes stale."""


class ScriptedAsterisk:
    """Says yes to everything but to what `refuses` begins with, and keeps what it was asked."""

    def __init__(self, *channels: dict[str, Any], refuses: str = "nothing") -> None:
        self.asked: list[str] = []
        self.queries: dict[str, dict[str, list[str]]] = {}
        self.tells_before: dict[str, dict[str, Any]] = {}
        self.tells_late: dict[str, dict[str, Any]] = {}
        self._telling: list[asyncio.Task[None]] = []
        self._channels = channels
        self._refuses = refuses
        self._socket: Any = None

    async def serve(self, socket: Any) -> None:
        self._socket = socket
        async for message in socket:
            request = json.loads(message)
            path, _, query = request["uri"].partition("?")
            if path in self.tells_before:
                await self.tells(**self.tells_before.pop(path))
            asked = f"{request['method']} {path}"
            self.asked.append(asked)
            self.queries[asked] = parse_qs(query)
            body: Any = {"GET channels": self._channels, "GET bridges": self.bridges()}.get(asked)
            refused = asked.startswith(self._refuses)
            if refused:
                body = {"message": f"cannot do {query}"}
            answer = {
                "type": "RESTResponse",
                "request_id": request["request_id"],
                "status_code": 400 if refused else 200,
                "message_body": None if body is None else json.dumps(body),
            }
            await socket.send(json.dumps(answer))
            if path in self.tells_late:
                self._telling.append(
                    asyncio.create_task(self._tell_late(self.tells_late.pop(path)))
                )

    def bridges(self) -> list[dict[str, Any]]:
        return [
            {"id": "hold-careline", "channels": []},
            {"id": "talk-old.1", "channels": []},
            {"id": "talk-other.1", "channels": ["x"]},
        ]

    async def loses_the_socket(self) -> None:
        self.asked.clear()
        await self._socket.close()

    async def _tell_late(self, event: dict[str, Any]) -> None:
        await asyncio.sleep(LATE_S)
        await self.tells(**event)

    async def tells(self, kind: str, **event: Any) -> None:
        await self._socket.send(json.dumps({"type": kind, **event}))


@asynccontextmanager
async def connected(router: Any, asterisk: ScriptedAsterisk) -> AsyncIterator[None]:
    """The adapter works for `pbx1` at this Asterisk."""
    async with websockets.serve(asterisk.serve, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        target = AsteriskTarget(
            id="pbx1",
            url=f"http://127.0.0.1:{port}/ari",
            application="careline",
            user="u",
            password="p",
            recording_url=f"http://127.0.0.1:{port}/ari/recordings/stored/{{name}}/file",
            trunk=Trunk(endpoint="PJSIP/{number}@trunk"),
        )
        session = asyncio.create_task(AsteriskPbx(target, router.service).run())
        try:
            yield
        finally:
            session.cancel()
            await asyncio.gather(session, return_exceptions=True)


async def asked(asterisk: ScriptedAsterisk, what: str) -> None:
    await eventually(lambda: what in asterisk.asked, what=what)


async def test_a_closed_line_s_announcement_is_heard_out_before_the_call_is_hung_up(
    router: Any,
) -> None:
    asterisk = ScriptedAsterisk(ENTERED)
    async with connected(router, asterisk):
        await asked(asterisk, "POST channels/c1/play/play-c1")
        await asked(asterisk, "DELETE bridges/talk-old.1")
        assert "DELETE channels/c1" not in asterisk.asked
        await asterisk.tells("PlaybackFinished", playback={"id": "p1", "target_uri": "channel:c1"})
        await asked(asterisk, "DELETE channels/c1")
        assert "DELETE bridges/talk-other.1" not in asterisk.asked
        assert "DELETE bridges/hold-careline" not in asterisk.asked


async def test_an_old_caller_is_spoken_to_slowly(router: Any) -> None:
    """As by commands and in dialplans: `api/test_prompts.py`."""
    calm = {"ru": "sound:calm", "ru-x-slow": "sound:calm-slow"}
    flow = {"id": "main", "slow_age": 70, "default": {"queue": "adult", "announcements": calm}}
    async with FakeServer(PlainCrm({PERSON: {"born": "1940-05-09"}}, token=None)) as server:
        crm = {"kind": "http", "url": f"{server.url}/customers/{{phone}}", "deadline_ms": 2000,
               "map": {"birth_date": "$.born"}}  # fmt: skip
        await router.store.apply({"flows": [flow], "crm": crm})
        data = "careline,in,+74950000001"
        asterisk = ScriptedAsterisk(
            {**CALLER, "dialplan": {"app_name": "Stasis", "app_data": data}}
        )
        async with connected(router, asterisk):
            await asked(asterisk, "POST channels/c1/play/play-c1")
            assert asterisk.queries["POST channels/c1/play/play-c1"]["media"] == ["sound:calm-slow"]


async def test_an_agent_s_phone_rings_while_his_caller_still_hears_an_announcement(
    router: Any,
) -> None:
    """Fails when the phone has to wait for its end, and its agent has missed a call that never rang."""
    welcome = {"queue": "adult", "skills": {"adult": 1}, "announcements": {"*": "sound:welcome"}}
    await router.store.apply({"flows": [{"id": "main", "default": welcome}]})
    await router.service.log_in("a1")
    await router.service.set_state("a1", "ready")
    data = "careline,in,+74950000001"
    asterisk = ScriptedAsterisk({**CALLER, "dialplan": {"app_name": "Stasis", "app_data": data}})
    async with connected(router, asterisk):
        await asked(asterisk, "POST channels/c1/play/play-c1")
        offer = (await router.service.queries.agent("a1")).offer
        await router.service.accept_offer("a1", offer.id)
        await asked(asterisk, f"POST channels/{offer.id}")
        assert "DELETE playbacks/play-c1" not in asterisk.asked
        leg = {"id": offer.id, "state": "Up", "caller": {"number": ""}}
        await asterisk.tells("StasisStart", channel=leg, args=["agent", offer.id, "c1"])
        await asked(asterisk, "DELETE playbacks/play-c1")
        await asterisk.tells("PlaybackFinished", playback={"id": "p", "target_uri": "channel:c1"})
        await asked(asterisk, f"POST bridges/talk-{offer.id}/addChannel")


async def answered(router: Any) -> tuple[str, dict[str, Any]]:
    """A callback whose agent has answered: the offer, and his leg as Asterisk lists it."""
    rules = {"idle_min": 1, "retry_after_s": [3600]}
    await router.store.apply({"floor": {"callbacks": rules}})
    callback = await router.service.request_callback(EVERYTHING, PERSON, "adult")
    await router.service.log_in("a1")
    await router.service.set_state("a1", "ready")
    offer = (await router.service.queries.agent("a1")).offer
    await router.service.accept_offer("a1", offer.id)
    await router.service.call_answered("pbx1", callback.id, offer.id)
    data = f"careline,agent,{offer.id},{callback.id}"
    dialplan = {"app_name": "Stasis", "app_data": data}
    return offer.id, {"id": offer.id, "state": "Up", "dialplan": dialplan}


async def has_failed_once(router: Any) -> None:
    async def waiting() -> bool:
        (one,) = await router.service.callbacks.all(EVERYTHING)
        return bool(one.state == "waiting" and one.attempts == 1 and one.not_before is not None)

    await eventually(waiting, what="the try has failed")


async def test_a_try_that_had_begun_and_has_no_leg_has_failed_and_is_not_made_again(
    router: Any,
) -> None:
    """Fails when `dial_begins` lets a `dial` be tried a second time."""
    offer_id, agent = await answered(router)
    (dial,) = [
        each for each in await router.service.pbx.commands("pbx1", wait_s=0) if each.type == "dial"
    ]
    assert await router.service.dial_begins("pbx1", dial.id)
    assert not await router.service.dial_begins("pbx1", dial.id)
    asterisk = ScriptedAsterisk(agent)
    async with connected(router, asterisk):
        await has_failed_once(router)
        await asked(asterisk, f"DELETE channels/{offer_id}")
    assert f"POST channels/person-{offer_id}" not in asterisk.asked


async def test_a_try_that_had_not_begun_is_made(router: Any) -> None:
    offer_id, agent = await answered(router)
    asterisk = ScriptedAsterisk(agent)
    async with connected(router, asterisk):
        await asked(asterisk, f"POST channels/person-{offer_id}")
        query = asterisk.queries[f"POST channels/person-{offer_id}"]
        assert query["endpoint"] == [f"PJSIP/{PERSON}@trunk"]
        assert (query["originator"], query["callerId"]) == ([offer_id], ["+74950000001"])
        (one,) = await router.service.callbacks.all(EVERYTHING)
        assert one.state == "calling"


async def test_a_dial_that_asterisk_refuses_has_failed_and_no_log_names_the_number(
    router: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    offer_id, agent = await answered(router)
    asterisk = ScriptedAsterisk(agent, refuses="POST channels/person-")
    async with connected(router, asterisk):
        await has_failed_once(router)
        await asked(asterisk, f"DELETE channels/{offer_id}")
    assert asterisk.asked.count(f"POST channels/person-{offer_id}") == 1
    told = capsys.readouterr().out
    assert "asterisk.dial_refused" in told
    assert PERSON[1:] not in told


async def test_a_person_s_leg_that_ends_while_it_is_compared_has_failed_at_once(
    router: Any,
) -> None:
    offer_id, agent = await answered(router)
    (dial,) = [
        each for each in await router.service.pbx.commands("pbx1", wait_s=0) if each.type == "dial"
    ]
    assert await router.service.dial_begins("pbx1", dial.id)
    person = {"id": f"person-{offer_id}", "state": "Ringing", "dialplan": {}}
    asterisk = ScriptedAsterisk(agent, person)
    ended = {"kind": "ChannelDestroyed", "channel": person, "cause": 17}
    asterisk.tells_before["bridges"] = ended
    async with connected(router, asterisk):
        await has_failed_once(router)


async def test_a_person_s_leg_that_nobody_wants_is_hung_up(router: Any) -> None:
    asterisk = ScriptedAsterisk({"id": "person-gone.1", "state": "Ringing", "dialplan": {}})
    async with connected(router, asterisk):
        await asked(asterisk, "DELETE channels/person-gone.1")


async def rung(router: Any, asterisk: ScriptedAsterisk) -> Any:
    """The offer by which a1's phone has been rung for the caller."""
    await asked(asterisk, "POST bridges/hold-careline/addChannel")
    offer = (await router.service.queries.agent("a1")).offer
    await router.service.accept_offer("a1", offer.id)
    await asked(asterisk, f"POST channels/{offer.id}")

    async def done() -> bool:
        return offer.id in await router.service.legs("pbx1")

    await eventually(done, what="the phone rings")
    return offer


@pytest.fixture
async def ringing(router: Any) -> ScriptedAsterisk:
    """An Asterisk at which a caller waits, for whom a1 is ready."""
    await router.service.log_in("a1")
    await router.service.set_state("a1", "ready")
    dialplan = {"app_name": "Stasis", "app_data": "careline,in,+74950000001"}
    return ScriptedAsterisk({**CALLER, "dialplan": dialplan})


@pytest.mark.parametrize("known", ["by the adapter", "by the router alone"])
async def test_an_agent_s_leg_that_is_gone_after_a_lost_socket_is_nobody_s_fault(
    router: Any, ringing: ScriptedAsterisk, known: str
) -> None:
    """Asterisk cuts off a phone that is answered while nobody listens; its offer rings for 20 s more."""
    async with connected(router, ringing):
        offer = await rung(router, ringing)
        if known == "by the adapter":
            await ringing.loses_the_socket()
            await offered_again(router, offer)
    if known == "by the router alone":
        async with connected(router, ringing):
            await offered_again(router, offer)
    call = await router.service.queries.call(offer.call_id, EVERYTHING)
    assert call.state == "offered"
    assert not router.parts.actor.floor.calls[offer.call_id].excluded


async def offered_again(router: Any, offer: Any) -> None:
    async def again() -> bool:
        agent = await router.service.queries.agent("a1")
        return agent.state == "reserved" and agent.offer.id != offer.id

    await eventually(again, within_s=10, what="he is offered the call again")


@pytest.mark.parametrize("late", [False, True])
async def test_a_leg_that_ends_while_it_is_compared_has_failed_as_its_phone_says(
    router: Any, ringing: ScriptedAsterisk, late: bool
) -> None:
    """Its end is told just before the channels are listed without it, or just after.

    Fails when a leg that is missing is lost at once.
    """
    async with connected(router, ringing):
        offer = await rung(router, ringing)
    gone = {"kind": "ChannelDestroyed", "channel": {"id": offer.id}, "cause": 17}
    (ringing.tells_late if late else ringing.tells_before)["channels"] = gone
    async with connected(router, ringing):

        async def busy() -> bool:
            agent = await router.service.queries.agent("a1")
            return (agent.state, agent.reason) == ("not_ready", "busy")

        await eventually(busy, what="his phone was busy")


async def test_a_phone_that_has_not_been_rung_yet_has_no_leg_to_lose(
    router: Any, ringing: ScriptedAsterisk
) -> None:
    """Fails when a comparison loses an offer whose `ring` is only under way."""
    async with connected(router, ringing):
        await asked(ringing, "POST bridges/hold-careline/addChannel")
    offer = (await router.service.queries.agent("a1")).offer
    assert await router.service.legs("pbx1") == {}
    await router.service.accept_offer("a1", offer.id)
    commands = await router.service.pbx.commands("pbx1", wait_s=0)
    (ring,) = [each for each in commands if each.type == "ring"]
    assert await router.service.legs("pbx1") == {}
    await router.service.command_done("pbx1", ring.id, ok=True)
    assert await router.service.legs("pbx1") == {offer.id: "c1"}
    assert await router.service.legs("pbx2") == {}
    await router.service.call_answered("pbx1", "c1", offer.id)
    assert await router.service.legs("pbx1") == {offer.id: "c1"}
    await router.service.hung_up("pbx1", "c1", "caller")
    assert await router.service.legs("pbx1") == {}
