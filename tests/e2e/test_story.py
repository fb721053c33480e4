"""The first call, from its arrival to a closed appeal, over all four services as real processes.

Each form of Careline goes through the same story, and in its middle every service is killed with -9 once
and the broker is restarted. The test keeps its own record of what it did and compares at the end.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import uuid_utils
from story import floor
from story.crm import Crm, crm
from story.pbx import WebhookPbx
from story.softphone import Softphone, at_work
from story.waiting import until
from story.world import Careline, People

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


@dataclass
class Record:
    """What the test did, by its own account."""

    calls: dict[str, dict[str, Any]] = field(default_factory=dict)
    replies: dict[str, int] = field(default_factory=dict)


@dataclass
class Story:
    """Everybody in the story."""

    careline: Careline
    people: People
    crm: Crm
    pbx: WebhookPbx
    anna: Softphone
    igor: Softphone
    feed: Path
    record: Record = field(default_factory=Record)

    async def call(self, agent: Softphone, caller: str, *, kill_while_ringing: bool = False) -> str:
        """A whole call: arrives, is offered to `agent`, accepted, answered and bridged."""
        pbx_call_id = str(uuid_utils.uuid7())
        arrived = await self.pbx.tell("call.arrived", pbx_call_id, caller=caller, line=floor.LINE)
        assert arrived.status_code == 202, arrived.text
        call_id = arrived.json()["call"]["id"]
        offer = await agent.hear("offer", lambda m: m["data"]["offer"]["call_id"] == call_id)
        accepted = await agent.say("offer.accept", offer_id=offer["data"]["offer"]["id"])
        assert accepted["type"] == "ack", accepted
        if kill_while_ringing:
            await self.careline.kill("router")
        ring = await self.command("ring", pbx_call_id)
        assert ring["offer_id"] == offer["data"]["offer"]["id"]
        await self.pbx.tell("call.answered", pbx_call_id, offer_id=ring["offer_id"])
        await self.command("bridge", pbx_call_id)
        await agent.hear("call.connected", lambda m: m["data"]["call_id"] == call_id)
        self.record.calls[call_id] = {"pbx_call_id": pbx_call_id, "caller": caller}
        return call_id

    async def command(self, kind: str, pbx_call_id: str) -> dict[str, Any]:
        """Waits for a command of a call; tells `done` for it and for whatever came before it."""

        async def look() -> dict[str, Any] | None:
            for command in await self.pbx.commands(wait=2):
                await self.pbx.done(command["id"])
                if command["type"] == kind and command["pbx_call_id"] == pbx_call_id:
                    return command
            return None

        return await until(look, lambda found: found is not None)

    async def hang_up(self, agent: Softphone, call_id: str, disposition: str) -> None:
        told = await self.pbx.tell(
            "call.hung_up", self.record.calls[call_id]["pbx_call_id"], by="caller"
        )
        assert told.status_code == 202, told.text
        await agent.hear("call.ended", lambda m: m["data"]["call_id"] == call_id)
        answer = await agent.say(
            "wrap_up.complete", call_id=call_id, disposition=disposition, resolved=True
        )
        assert answer["type"] == "ack", answer
        await agent.ready()

    async def messages_to(self, phone: str) -> list[dict[str, Any]]:
        page = await self.people.get("surveys", "/v1/sms/console/messages")
        return [message for message in page["items"] if message["to"] == phone]

    async def reply(self, phone: str, text: str) -> None:
        async with self.people.client("surveys", "admin") as http:
            body = {"from": phone, "text": text}
            (await http.post("/v1/sms/console/inbound", json=body)).raise_for_status()


@pytest.fixture
async def story(careline: Careline, tmp_path: Path, ports: Any) -> AsyncIterator[Story]:
    feed = tmp_path / "feed"
    feed.mkdir()
    people = People(careline)
    async with AsyncExitStack() as stack:
        customers = await stack.enter_async_context(crm(floor.CUSTOMERS, ports.take()))
        await careline.apply(
            floor.configuration(crm_url=customers.url, feed_folder=feed, asterisk="")
        )
        http = await stack.enter_async_context(
            people.client("router", "pbx", subject="pbx1", pbx="pbx1")
        )
        softphones = []
        for agent in ("anna", "igor"):
            token = people.client("router", "agent", subject=agent)
            own = await stack.enter_async_context(token)
            softphones.append(
                await stack.enter_async_context(at_work(own, careline.urls["router"]))
            )
        pbx = WebhookPbx(http, careline.urls["router"], "pbx1", floor.PBX_SECRET)
        yield Story(careline, people, customers, pbx, *softphones, feed)


async def test_the_first_call_from_its_arrival_to_a_closed_appeal(story: Story) -> None:
    await cash_and_insured_patients_reach_their_agents(story)
    await without_the_crm_a_call_is_still_routed(story)
    appeal = await an_unhappy_patient_opens_an_appeal(story)
    await an_insurer_s_file_becomes_appeals(story)
    await the_appeal_goes_its_way_and_is_closed(story, appeal)
    await nothing_is_lost_and_nothing_doubled(story)


async def cash_and_insured_patients_reach_their_agents(story: Story) -> None:
    paid = await story.call(story.anna, floor.CASH_CALLER, kill_while_ringing=True)
    insured = await story.call(story.igor, floor.INSURED_CALLER)
    for call_id, agent, payer in ((paid, "anna", "cash"), (insured, "igor", "insured")):
        call = await story.people.get("router", f"/v1/calls/{call_id}", "supervisor", "floor")
        assert (call["state"], call["agent"], call["payer"]) == ("connected", agent, payer)
        assert call["crm"]["status"] == "found"
        decisions = await story.people.get(
            "router", f"/v1/calls/{call_id}/decisions", "supervisor", "floor"
        )
        assert decisions["items"][-1]["chosen"] == agent
    await story.careline.kill("surveys")
    await story.hang_up(story.anna, paid, "booked")
    await story.hang_up(story.igor, insured, "informed")


async def without_the_crm_a_call_is_still_routed(story: Story) -> None:
    await story.crm.switch_off()
    call_id = await story.call(story.igor, floor.STRANGER)
    call = await story.people.get("router", f"/v1/calls/{call_id}", "supervisor", "floor")
    assert call["crm"]["status"] in {"failed", "timed_out"}
    assert call["payer"] == "unknown"
    await story.hang_up(story.igor, call_id, "informed")


async def an_unhappy_patient_opens_an_appeal(story: Story) -> dict[str, Any]:
    call_id = next(
        id_ for id_, call in story.record.calls.items() if call["caller"] == floor.CASH_CALLER
    )
    await until(lambda: story.messages_to(floor.CASH_CALLER), lambda found: len(found) == 1)
    await story.careline.kill("tickets")
    await story.careline.break_bus()
    await story.reply(floor.CASH_CALLER, "۲")
    story.record.replies[call_id] = 2

    async def scores() -> list[dict[str, Any]]:
        scored = await story.people.get("surveys", "/v1/invitations", reference_id=call_id)
        return [answer for item in scored["items"] for answer in item["answers"]]

    answers = await until(scores, bool)
    assert [answer["score"] for answer in answers] == [2]
    for by, key in (("agent", "anna"), ("queue", "paid")):
        page = await story.people.get("surveys", "/v1/scores", by=by, metric="csi")
        row = next(item for item in page["items"] if item["key"] == key)
        assert (row["n"], row["value"]) == (1, 0.0)

    async def appeals() -> list[dict[str, Any]]:
        tickets = await story.people.items("tickets", "/v1/tickets", "contact_admin")
        return [ticket for ticket in tickets if ticket["call_id"] == call_id]

    (appeal,) = await until(appeals, bool)
    assert appeal["invitation_id"]
    return appeal


async def an_insurer_s_file_becomes_appeals(story: Story) -> None:
    def drop(name: str) -> None:
        part = story.feed / f".{name}"
        part.write_bytes(floor.feed())
        part.rename(story.feed / name)

    await asyncio.to_thread(drop, "hotline.csv")
    await story.careline.kill("ingest")

    async def runs() -> list[dict[str, Any]]:
        return await story.people.items("ingest", "/v1/runs", source="ins7-daily")

    done = await until(runs, lambda found: [run["status"] for run in found] == ["done"])
    expected = {"read": 4, "created": 3, "updated": 0, "unchanged": 0, "quarantined": 1}
    assert done[0]["rows"] == expected
    quarantined = await story.people.items("ingest", "/v1/quarantine", run=done[0]["id"])
    assert [(row["row"], row["field"]) for row in quarantined] == [(floor.BAD_ROW, "phone")]
    assert quarantined[0]["text"]
    await asyncio.to_thread(drop, "hotline-again.csv")

    async def appeals() -> list[dict[str, Any]]:
        tickets = await story.people.items("tickets", "/v1/tickets", "contact_admin")
        return [ticket for ticket in tickets if ticket["channel"] == "insurer"]

    found = await until(appeals, lambda tickets: len(tickets) >= 3)
    assert sorted(ticket["external"]["id"] for ticket in found) == ["Ж-1", "Ж-2", "Ж-4"]
    async with story.people.client("ingest", "admin") as http:
        again = await http.post(
            "/v1/sources/ins7-daily/files",
            content=floor.feed(),
            headers={"content-disposition": 'attachment; filename="third.csv"'},
        )
    assert (again.status_code, again.json()["unchanged"]) == (200, True)


async def the_appeal_goes_its_way_and_is_closed(story: Story, appeal: dict[str, Any]) -> None:
    steps = [
        ("agent", "anna", {"action": "take"}, "in_work"),
        ("agent", "anna", {"action": "escalate", "to_level": 2}, "in_work"),
        ("specialist", "spec1", {"action": "send_to_insurer", "insurer": "ins7"}, "with_insurer"),
        ("insurer", "op7", {"action": "insurer_answer", "text": "Разобрались."}, "in_review"),
        ("contact_admin", "head", {"action": "return", "reason": "Ответ не по существу"}, "with_insurer"),
        ("insurer", "op7", {"action": "insurer_answer", "text": "Приём назначен."}, "in_review"),
        ("contact_admin", "head", {"action": "accept", "outcome": "justified"}, "closed"),
    ]  # fmt: skip
    path = f"/v1/tickets/{appeal['id']}"
    for role, subject, action, status in steps:
        claims = {"insurer": "ins7"} if role == "insurer" else {}
        async with story.people.client("tickets", role, subject=subject, **claims) as http:
            ticket = (await http.get(path)).raise_for_status().json()
            moved = await http.post(
                f"{path}/transitions",
                json=action,
                headers={"If-Match": f'"{ticket["version"]}"'},
            )
        assert moved.status_code == 200, (action, moved.text)
        assert moved.json()["status"] == status
        assert (await story.people.get("tickets", f"/v1/track/{ticket['tracking_code']}"))[
            "status"
        ] == status
    assert moved.json()["returns"] == 1


async def nothing_is_lost_and_nothing_doubled(story: Story) -> None:
    calls = await story.people.items("router", "/v1/calls", "supervisor", "floor")
    assert {call["id"]: call["pbx_call_id"] for call in calls} == {
        call_id: call["pbx_call_id"] for call_id, call in story.record.calls.items()
    }
    assert {(call["state"], call["outcome"]) for call in calls} == {("ended", "handled")}
    for call in story.record.calls.values():
        await until(lambda c=call: story.messages_to(c["caller"]), lambda found: len(found) == 1)
    tickets = await story.people.items("tickets", "/v1/tickets", "contact_admin")
    assert sorted(ticket["channel"] for ticket in tickets) == ["insurer"] * 3 + ["survey"]
    for agent, own in ((story.anna, 1), (story.igor, 2)):
        offers = [message for message in agent.messages if message["type"] == "offer"]
        assert len({message["data"]["offer"]["id"] for message in offers}) == own
        sequence = [message["seq"] for message in agent.messages if message.get("seq")]
        assert sequence == sorted(set(sequence))
