"""Gathers the other two accounts: what the partners have on record, and what Careline says."""

import asyncio
import os
import re
from typing import Any

from story.forms import run

from matrix import floor
from matrix.checker import Outside, Said, check
from matrix.doors import Door
from matrix.people import People
from matrix.record import ACKED, Record
from matrix.world import NAMES, World

SETTLE_S = 60.0
PAUSE_S = 0.5
_UNPUBLISHED = re.compile(r'^careline_outbox_unpublished\{service="(\w+)"\} (\S+)', re.MULTILINE)


async def findings(world: World, people: People, record: Record, *, whole: bool) -> list[str]:
    """What the checker finds once nothing changes any more; what is only late is waited for.

    `whole` asks the commands too, which take seconds: for parked messages and the chain of history.
    """
    deadline = asyncio.get_running_loop().time() + SETTLE_S
    while True:
        found = check(
            record, outside_of(world, people), await said_by(world, people, record, whole)
        )
        if not found or asyncio.get_running_loop().time() > deadline:
            return found
        await asyncio.sleep(PAUSE_S)


def outside_of(world: World, people: People) -> Outside:
    """The records of the SMSC, of the insurer's server and of the softphones."""
    heard = {
        agent.name: [
            {"seq": message["seq"], "type": message["type"],
             "offer": message["data"].get("offer", {}).get("id") if message["type"] == "offer" else None}
            for message in agent.softphone.messages
            if message["type"] not in PASSING
        ]
        for agent in (people.anna, people.igor)
    }  # fmt: skip
    return Outside(
        messages=world.outside.carrier.messages(),
        answers=list(world.outside.insurer.answers().values()),
        heard=heard,
    )


PASSING = frozenset({"resync", "queue.stats", "auth.expiring"})
"""Messages that are of the moment: their numbers are not of the lasting ones."""


async def said_by(world: World, people: People, record: Record, whole: bool) -> Said:
    see = people.see
    tickets = await see["tickets"].items("/v1/tickets")
    worked = record.keys(ACKED, "action")
    return Said(
        calls=await see["router"].items("/v1/calls"),
        invitations=await see["surveys"].items("/v1/invitations"),
        tickets=tickets,
        histories={
            ticket["id"]: (await see["tickets"].read(f"/v1/tickets/{ticket['id']}/history"))[
                "items"
            ]
            for ticket in tickets
            if ticket["id"] in worked
        },
        runs=await see["ingest"].items("/v1/runs", source=floor.SOURCE),
        quarantine=await see["ingest"].items("/v1/quarantine", source=floor.SOURCE),
        scores=(await see["surveys"].read("/v1/scores", by="service", metric="csi"))["items"],
        unapplied=await _unapplied(people.admin, record),
        unpublished=await _unpublished(world, see) if whole else {},
        parked=await _told(world, "parked", "list") if whole else "nothing is parked",
        verified=await _told(world, "tickets", "verify") if whole else "the chain holds",
    )


async def _unapplied(admin: dict[str, Door], record: Record) -> list[str]:
    """What was applied with success and would not be unchanged if it were applied again."""
    missing = []
    for line in record.of(ACKED, "configuration"):
        service, number = line.key.rsplit("-", 1)
        answer = await admin[service].put("/v1/config", floor.addition(int(number)), dry_run=True)
        for section, counts in answer["sections"].items():
            if counts["created"] or counts["updated"]:
                missing.append(f"{section} of {line.key}")
    return missing


async def _unpublished(world: World, see: dict[str, Door]) -> dict[str, float]:
    texts = [(await see[name].http.get("/metrics")).text for name in NAMES]
    return {
        service: float(count) for text in texts for service, count in _UNPUBLISHED.findall(text)
    }


async def _told(world: World, *arguments: str) -> str:
    """What a `careline` command says about this world, in one line."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("CARELINE_")
    }
    done = await run(*arguments, environment={**environment, **world.command, "COLUMNS": "300"})
    told: Any = (done.out + done.error).strip()
    return str(told)
