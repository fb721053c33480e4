"""Everybody who works with a world for as long as it lives."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from story.pbx import WebhookPbx
from story.softphone import Softphone
from story.waiting import until

from matrix import floor
from matrix.doors import Door
from matrix.world import World


class Switch:
    """The webhook PBX: it fetches its commands all day, and carries each out once."""

    def __init__(self, pbx: WebhookPbx) -> None:
        self.pbx = pbx
        self._commands: dict[str, dict[str, Any]] = {}

    async def work(self) -> None:
        while True:
            try:
                await self.take(await self.pbx.commands(wait=2))
            except httpx.HTTPError:
                await asyncio.sleep(0.1)

    async def take(self, commands: list[dict[str, Any]]) -> None:
        """Carries out what was fetched, or came with an answer. What is not heard to be done is told
        again."""
        for command in commands:
            self._commands.setdefault(command["id"], command)
            await self.pbx.done(command["id"])

    async def told(self, kind: str, pbx_call_id: str) -> dict[str, Any]:
        """The first command of this kind for this call, now or soon."""

        async def look() -> dict[str, Any] | None:
            return next(
                (
                    command
                    for command in self._commands.values()
                    if (command["type"], command["pbx_call_id"]) == (kind, pbx_call_id)
                ),
                None,
            )

        found = await until(look, bool, f"the command {kind}")
        assert found is not None
        return found


class Agent:
    """An agent: his telephone's socket tells him of offers; he acts by requests that he repeats."""

    def __init__(self, name: str, door: Door, router: str) -> None:
        self.name = name
        self.door = door
        self.softphone = Softphone(door.http, router)

    async def be(self, state: str) -> None:
        """Ready, which a call may end at once, or not ready. Leaves a wrap-up for either."""
        enough = {state, "reserved", "talking"} if state == "ready" else {state}

        async def look() -> dict[str, Any]:
            myself: dict[str, Any] = await self.door.get("/v1/agents/me")
            if myself["state"] not in enough:
                await self.door.http.put("/v1/agents/me/state", json={"state": state})
            return myself

        await until(look, lambda myself: myself["state"] in enough, f"{self.name} {state}")

    def heard_offer_of(self, call_id: str, but: Collection[str] = ()) -> str | None:
        """The latest offer of this call that the socket has told, but for these."""
        return next(
            (
                message["data"]["offer"]["id"]
                for message in reversed(self.softphone.messages)
                if message["type"] == "offer"
                and message["data"]["offer"]["call_id"] == call_id
                and message["data"]["offer"]["id"] not in but
            ),
            None,
        )


@dataclass(frozen=True, slots=True)
class People:
    """Doors by service for who may see everything, and those who act."""

    see: dict[str, Door]
    admin: dict[str, Door]
    office: dict[str, Door]
    switch: Switch
    anna: Agent
    igor: Agent

    def offered(self, call_id: str, but: Collection[str] = ()) -> tuple[Agent, str] | None:
        """Who was told the latest offer of this call but for these, and its id."""
        told = [(agent, agent.heard_offer_of(call_id, but)) for agent in (self.anna, self.igor)]
        return next(((agent, offer) for agent, offer in told if offer), None)


OFFICE = {
    "anna": ("agent",), "spec1": ("specialist",), "op7": ("insurer",), "head": ("contact_admin",),
}  # fmt: skip
SEERS = {
    "router": ("supervisor", "floor", "admin"),
    "tickets": ("contact_admin", "admin"),
    "surveys": ("admin",),
    "ingest": ("admin",),
}


@asynccontextmanager
async def at_work(world: World) -> AsyncIterator[People]:
    """All of them, until the block ends."""
    async with AsyncExitStack() as stack:

        def door(service: str, *roles: str, subject: str = "test", **claims: str) -> Door:
            token = world.issuer.token(subject=subject, roles=list(roles), **claims)
            opened = Door(world.urls[service], token)
            stack.push_async_callback(opened.close)
            return opened

        async def forever(work: Any) -> None:
            task = asyncio.create_task(work)
            stack.push_async_callback(_ended, task)

        admin = {name: door(name, "admin") for name in world.urls}
        await configured(world, admin)
        http = door("router", "pbx", subject=floor.PBX, pbx=floor.PBX).http
        router = world.urls["router"]
        switch = Switch(WebhookPbx(http, router, floor.PBX, floor.PBX_SECRET))
        await forever(switch.work())
        agents = {}
        for name in ("anna", "igor"):
            agents[name] = agent = Agent(name, door("router", "agent", subject=name), router)
            await agent.softphone.log_in()
            await forever(agent.softphone.stay_connected())
        for phone in ("a1", "a2"):
            await world.outside.phones.agent(phone)
        yield People(
            see={name: door(name, *SEERS[name]) for name in world.urls},
            admin=admin,
            office={
                who: door(
                    "tickets", *roles, subject=who, **({"insurer": "ins7"} if who == "op7" else {})
                )
                for who, roles in OFFICE.items()
            },
            switch=switch,
            **agents,
        )


async def configured(world: World, admin: dict[str, Door]) -> None:
    outside = world.outside
    document = floor.configuration(
        crm_url=outside.crm.url,
        sms=outside.carrier.configuration(),
        sftp=outside.insurer.configuration(),
        asterisk={
            "id": floor.ASTERISK,
            "kind": "asterisk",
            "app": "careline",
            "url": f"http://127.0.0.1:{outside.ari_port}/ari",
            "user": outside.asterisk.ari_user,
            "password": outside.asterisk.ari_password,
        },
    )
    for door in admin.values():
        await door.put("/v1/config", document)


async def _ended(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
