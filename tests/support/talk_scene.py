"""A talk at a real Asterisk: a router over PostgreSQL, a caller, the agent whom he talks with, and another one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from careline_common.testing.asterisk import Asterisk
from careline_common.testing.proxy import Proxy
from careline_common.testing.sipp import Phone, Phones
from careline_common.testing.waiting import eventually
from careline_router.queries import EVERYTHING
from careline_router.usecases.transfers import TransferTarget

LINE = "+74950000001"
PACKETS = 10
"""A fifth of a second of sound at 50 packets a second."""


@dataclass
class Scene:
    """a1 talks with a caller; a2's phone answers whoever rings it. `ari` is between router and Asterisk."""

    router: Any
    asterisk: Asterisk
    caller: Phone
    agent: Phone
    other: Phone
    call_id: str
    ari: Proxy

    async def call(self) -> Any:
        return await self.router.service.queries.call(self.call_id, EVERYTHING)

    async def is_(self, state: str, agent: str | None) -> None:
        async def look() -> bool:
            call = await self.call()
            return (call.state, call.agent) == (state, agent)

        await eventually(look, what=f"the call is {state} with {agent}")

    async def sound_flows(self, *endpoints: str) -> None:
        """More sound both ways than there has been until now."""
        before = await self.asterisk.sound()

        async def more() -> bool:
            sound = await self.asterisk.sound()
            return all(
                new > old + PACKETS
                for each in endpoints
                for new, old in zip(sound.get(each, (0, 0)), before.get(each, (0, 0)), strict=True)
            )

        await eventually(more, what=f"sound for {endpoints}")

    async def bridged(self, *endpoints: str) -> None:
        """These phones, and no other, are in one bridge."""

        async def look() -> bool:
            shown = await self.asterisk.cli("core show channels concise")
            rows = [row.split("!") for row in shown.splitlines() if row.startswith("PJSIP/")]
            bridges: dict[str, set[str]] = {}
            for row in rows:
                bridges.setdefault(row[12], set()).add(row[0].removeprefix("PJSIP/").split("-")[0])
            return set(endpoints) in bridges.values()

        await eventually(look, what=f"{endpoints} in one bridge")

    async def nothing_is_left(self) -> None:
        async def left() -> bool:
            channels = await self.asterisk.cli("core show channels concise")
            bridges = await self.asterisk.cli("bridge show all")
            return "PJSIP/" not in channels and "talk-" not in bridges and "listen" not in bridges

        await eventually(left, what="nothing left at Asterisk")

    async def ask(self, **target: str) -> None:
        whom = TransferTarget(**target)
        await self.router.service.transfer("a1", self.call_id, whom, "warm")
        await self.other.waits_for("answered")
        await self.bridged("a1", "a2")


def configuration(asterisk: Asterisk, ari_port: int, **branch: Any) -> dict[str, Any]:
    """Two agents, one queue; `branch` is what its flow says of calls besides."""
    url = f"http://127.0.0.1:{ari_port}/ari"
    login = {"user": asterisk.ari_user, "password": asterisk.ari_password}
    agents = [
        {"id": name, "team": "t1", "skills": {"adult": level}, "endpoint": f"PJSIP/{name}",
         "accept": "ring"}
        for name, level in (("a1", 10), ("a2", 5))
    ]  # fmt: skip
    return {
        "skills": ["adult"],
        "queues": [{"id": "adult", "wrap_up_s": 0}],
        "flows": [{"id": "main", "default": {"queue": "adult", "skills": {"adult": 1}, **branch}}],
        "lines": [{"number": LINE, "flow": "main", "language": "ru"}],
        "agents": agents,
        "pbxs": [{"id": "ast1", "kind": "asterisk", "url": url, **login}],
    }


@asynccontextmanager
async def talk_scene(
    router: Any, asterisk: Asterisk, phones: Phones, **branch: Any
) -> AsyncIterator[Scene]:
    """From the moment at which both hear each other."""
    # Asterisk waits long for a socket that is still open when it is to stop
    ari = Proxy(lambda: asyncio.open_connection("127.0.0.1", asterisk.http_port))
    await ari.open()
    await router.store.apply(configuration(asterisk, ari.port, **branch))

    async def listens() -> bool:
        return "careline" in await asterisk.cli("ari show apps")

    await eventually(listens, what="a router that hears Asterisk")
    agent, other = await phones.agent("a1"), await phones.agent("a2")
    await router.service.log_in("a1")
    await router.service.set_state("a1", "ready")
    caller = await phones.call(LINE)
    await agent.waits_for("answered")

    async def talk() -> Any:
        calls = await router.service.queries.calls(EVERYTHING, state="connected")
        return calls[0] if calls else None

    call = await eventually(talk, what="a talk")
    made = Scene(router, asterisk, caller, agent, other, call.id, ari)
    await made.bridged("a1", "trunk")
    await router.service.log_in("a2")
    await router.service.set_state("a2", "ready")
    yield made
    await ari.close()
