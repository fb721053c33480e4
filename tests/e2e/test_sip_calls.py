"""Real SIP phones, a real Asterisk 22 and real Careline processes: callers and agents hear each other."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from story import floor
from story.crm import Crm, crm
from story.forms import Services, Standalone
from story.softphone import Softphone, at_work
from story.waiting import until
from story.world import People

from careline_common.testing.asterisk import Asterisk
from careline_common.testing.ports import Ports
from careline_common.testing.proxy import Proxy
from careline_common.testing.sipp import Phones
from careline_common.testing.waiting import eventually

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

ANOTHER = "+79001110009"
"""A caller whom the CRM does not know, and of whom no test expects otherwise."""

PACKETS = 25
"""Half a second of sound at 50 packets a second."""


@dataclass
class Floor:
    """Careline with an Asterisk, two agents at work, and their telephones."""

    careline: Standalone | Services
    people: People
    asterisk: Asterisk
    phones: Phones
    ari: Proxy
    crm: Crm
    anna: Softphone
    igor: Softphone
    taken: set[str] = field(default_factory=set)

    async def accepted(self, agent: Softphone) -> dict[str, Any]:
        """The agent's next offer, which he accepts."""
        heard = await agent.hear("offer", lambda m: m["data"]["offer"]["id"] not in self.taken)
        offer: dict[str, Any] = heard["data"]["offer"]
        self.taken.add(offer["id"])
        answer = await agent.say("offer.accept", offer_id=offer["id"])
        assert answer["type"] == "ack", answer
        return offer

    async def connect(self, agent: Softphone, payer: str) -> dict[str, Any]:
        """The agent's next offer is accepted, his telephone rings, and he talks with the caller."""
        offer = await self.accepted(agent)
        assert offer["payer"] == payer
        await agent.hear("call.connected", lambda m: m["data"]["call_id"] == offer["call_id"])
        return await self.people.get(
            "router", f"/v1/calls/{offer['call_id']}", "supervisor", "floor"
        )

    async def wrapped_up(self, agent: Softphone, call_id: str) -> None:
        answer = await agent.say(
            "wrap_up.complete", call_id=call_id, disposition="informed", resolved=True
        )
        assert answer["type"] == "ack", answer

    async def both_hear_each_other(self, endpoint: str) -> None:
        async def heard() -> dict[str, tuple[int, int]]:
            return await self.asterisk.sound()

        def flows(sound: dict[str, tuple[int, int]]) -> bool:
            agent = sound.get(endpoint, (0, 0))
            others = [counts for name, counts in sound.items() if not name.startswith("a")]
            return min(agent) > PACKETS and any(min(counts) > PACKETS for counts in others)

        await until(heard, flows)

    async def ended(self, call_id: str) -> dict[str, Any]:
        async def look() -> dict[str, Any]:
            return await self.people.get("router", f"/v1/calls/{call_id}", "supervisor", "floor")

        return await until(look, lambda call: call["state"] == "ended")

    async def callbacks(self) -> list[dict[str, Any]]:
        return await self.people.items("router", "/v1/callbacks", "supervisor", "floor")

    async def no_channel_is_left(self) -> None:
        """None of a party; the one that plays music to those who wait is Asterisk's own."""

        async def parties() -> list[str]:
            shown = await self.asterisk.cli("core show channels concise")
            return [line for line in shown.splitlines() if line.startswith("PJSIP/")]

        await until(parties, lambda left: not left)


@pytest.fixture
async def desk(
    careline: Standalone | Services,
    asterisk: Asterisk,
    phones: Phones,
    ports: Ports,
    tmp_path: Path,
) -> AsyncIterator[Floor]:
    feed = tmp_path / "feed"
    feed.mkdir()
    password = tmp_path / "ari.password"
    password.write_text(asterisk.ari_password)
    ari = Proxy(lambda: asyncio.open_connection("127.0.0.1", asterisk.http_port))
    await ari.open()
    entry = (
        f'- {{id: ast1, kind: asterisk, url: "http://127.0.0.1:{ari.port}/ari", app: careline,'
        f' user: {asterisk.ari_user}, password_file: "{password}",'
        ' dial_endpoint: "PJSIP/{number}@trunk"}'
    )
    people = People(careline)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(ari.close)
        customers = await stack.enter_async_context(crm(floor.CUSTOMERS, ports.take()))
        await careline.apply(
            floor.configuration(crm_url=customers.url, feed_folder=feed, asterisk=entry)
        )
        agents = []
        for agent in ("anna", "igor"):
            http = await stack.enter_async_context(people.client("router", "agent", subject=agent))
            agents.append(await stack.enter_async_context(at_work(http, careline.urls["router"])))
        yield Floor(careline, people, asterisk, phones, ari, customers, *agents)


async def test_callers_and_agents_hear_each_other_whatever_happens(desk: Floor) -> None:
    await careline_listens(desk)
    await a_cash_and_an_insured_patient_talk_with_their_agents(desk)
    await a_refused_phone_gives_the_caller_back_and_who_leaves_stops_the_ringing(desk)
    await a_caller_whose_look_up_ends_with_the_socket_is_sent_on_his_way(desk)
    await a_caller_waits_through_the_router_s_death_and_without_a_crm(desk)
    await a_caller_who_gave_up_is_called_back_once_though_the_router_dies_meanwhile(desk)
    await a_plain_dialplan_asks_by_curl_and_falls_back_when_careline_is_down(desk)


async def a_cash_and_an_insured_patient_talk_with_their_agents(desk: Floor) -> None:
    telephones = [await desk.phones.agent("a1"), await desk.phones.agent("a2")]
    cash = await desk.phones.call(floor.LINE, number=floor.CASH_CALLER)
    await cash.waits_for("answered")
    call = await desk.connect(desk.anna, "cash")
    assert (call["pbx"], call["agent"], call["crm"]["status"]) == ("ast1", "anna", "found")
    await desk.both_hear_each_other("a1")

    insured = await desk.phones.call(floor.LINE, number=floor.INSURED_CALLER)
    other = await desk.connect(desk.igor, "insured")
    assert (other["agent"], other["insurance"]) == ("igor", "compulsory")

    await cash.hangs_up()
    assert (await desk.ended(call["id"]))["outcome"] == "handled"
    await telephones[1].hangs_up()
    await insured.waits_for("ended")
    assert (await desk.ended(other["id"]))["outcome"] == "handled"
    await desk.no_channel_is_left()
    await desk.wrapped_up(desk.anna, call["id"])
    await desk.wrapped_up(desk.igor, other["id"])
    for telephone in telephones:
        telephone.close()


async def a_refused_phone_gives_the_caller_back_and_who_leaves_stops_the_ringing(
    desk: Floor,
) -> None:
    refusing, ringing = (
        await desk.phones.agent("a1", "reject"),
        await desk.phones.agent("a2", "ring"),
    )
    caller = await desk.phones.call(floor.LINE, number=floor.CASH_CALLER)
    offer = await desk.accepted(desk.anna)
    await desk.anna.hear("offer.withdrawn", lambda m: m["data"]["offer_id"] == offer["id"])

    insured = await desk.phones.call(floor.LINE, number=floor.INSURED_CALLER)
    second = await desk.accepted(desk.igor)
    await ringing.waits_for("ringing")
    await insured.hangs_up()
    await ringing.waits_for("cancelled")
    assert (await desk.ended(second["call_id"]))["outcome"] == "abandoned"
    await caller.hangs_up()
    assert (await desk.ended(offer["call_id"]))["outcome"] == "abandoned"
    await desk.no_channel_is_left()
    refusing.close()
    ringing.close()


async def a_caller_whose_look_up_ends_with_the_socket_is_sent_on_his_way(desk: Floor) -> None:
    await desk.igor.say("state.set", state="not_ready", reason="break")
    desk.crm.asked.clear()
    desk.crm.hold_back()
    caller = await desk.phones.call(floor.LINE, number=ANOTHER)
    await eventually(lambda: ANOTHER in desk.crm.asked)
    desk.ari.reset()

    async def queued() -> list[dict[str, Any]]:
        calls = await desk.people.items("router", "/v1/calls", "supervisor", "floor")
        return [call for call in calls if call["state"] == "queued"]

    await until(queued, bool)
    desk.crm.go_on()
    await caller.waits_for("answered")
    await caller.hangs_up()
    await until(queued, lambda calls: not calls)
    await desk.no_channel_is_left()


async def a_caller_waits_through_the_router_s_death_and_without_a_crm(desk: Floor) -> None:
    await desk.phones.agent("a2")
    await desk.crm.switch_off()
    await desk.igor.say("state.set", state="not_ready", reason="break")
    waiting = await desk.phones.call(floor.LINE, number=floor.STRANGER)
    await waiting.waits_for("answered")

    async def queued() -> list[dict[str, Any]]:
        return await desk.people.items("router", "/v1/calls", "supervisor", "floor", state="queued")

    (call,) = await until(queued, bool)
    assert call["crm"]["status"] in {"failed", "timed_out"}
    await desk.careline.kill("router")
    (after,) = await until(queued, bool)
    assert (after["id"], after["queued_at"]) == (call["id"], call["queued_at"])

    await desk.igor.ready()
    talk = await desk.connect(desk.igor, "unknown")
    assert talk["id"] == call["id"]
    await desk.both_hear_each_other("a2")
    await waiting.hangs_up()
    await desk.ended(call["id"])
    await desk.no_channel_is_left()
    await desk.crm.switch_on()


async def a_caller_who_gave_up_is_called_back_once_though_the_router_dies_meanwhile(
    desk: Floor,
) -> None:
    rules = "{idle_min: 1, abandoned: true, short_abandon_s: 0}"
    await desk.careline.apply(f"careline: 1\nfloor: {{callbacks: {rules}}}\n")
    await desk.igor.say("state.set", state="not_ready", reason="break")
    caller = await desk.phones.call(floor.LINE, number=ANOTHER)
    await caller.waits_for("answered")
    await caller.hangs_up()
    (one,) = await until(desk.callbacks, bool)
    assert (one["state"], one["origin"], one["pbx"]) == ("waiting", "abandoned", "ast1")

    person = await desk.phones.person("ring")
    await desk.igor.ready()
    offer = await desk.accepted(desk.igor)
    assert offer["call_id"] == one["id"]
    await person.waits_for("ringing")
    await desk.careline.kill("router")
    await careline_listens(desk)
    await person.answers()
    await desk.both_hear_each_other("a2")
    (one,) = await desk.callbacks()
    assert (one["state"], one["attempts"]) == ("calling", 1)
    await person.hangs_up()
    await until(desk.callbacks, lambda callbacks: callbacks[0]["state"] == "done")
    await desk.no_channel_is_left()
    heard = [(each.what, each.call_id) for each in person.happenings if each.what == "called"]
    assert heard == [("called", ANOTHER)]
    await desk.wrapped_up(desk.igor, one["id"])


async def a_plain_dialplan_asks_by_curl_and_falls_back_when_careline_is_down(desk: Floor) -> None:
    token = desk.careline.issuer.token(subject="pbx1", roles=["pbx"], pbx="pbx1")
    await desk.asterisk.ask_by_curl(url=desk.careline.urls["router"], pbx="pbx1", token=token)
    await desk.phones.agent("a1")
    await desk.anna.ready()

    caller = await desk.phones.call(floor.LINE, number=floor.CASH_CALLER)
    call = await desk.connect(desk.anna, "cash")
    assert (call["pbx"], call["agent"]) == ("pbx1", "anna")
    await desk.both_hear_each_other("a1")
    await caller.hangs_up()
    assert (await desk.ended(call["id"]))["outcome"] == "handled"

    await desk.careline.stop()
    lost = await desk.phones.call(floor.LINE, number=floor.CASH_CALLER)
    await lost.waits_for("answered")

    async def waiting() -> str:
        return await desk.asterisk.cli("queue show careline-fallback")

    await until(waiting, lambda shown: "Callers:" in shown)
    await lost.hangs_up()


async def careline_listens(desk: Floor) -> None:
    """The router has connected to this Asterisk."""

    async def applications() -> str:
        return await desk.asterisk.cli("ari show apps")

    await until(applications, lambda shown: "careline" in shown)
