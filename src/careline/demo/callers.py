"""A PBX with callers on it, over the signed webhook API: rings, bridges and hangs up in words only."""

import asyncio
import json
import random
from typing import Any

import httpx
import uuid_utils

from careline.demo.people import Access
from careline_common.clock import SystemClock, rfc3339
from careline_common.http.signed import signed_headers

PBX = "demo-pbx"
LINES = {
    "+74950000001": 45,
    "+74950000002": 20,
    "+74950000003": 10,
    "+74950000004": 15,
    "+74950000005": 10,
}
PAUSE_S = 5.0
"""Mean time between two calls."""
TALK_S = (12.0, 45.0)
PATIENCE_S = (40.0, 180.0)
RING_S = (0.5, 2.0)


class DemoPbx:
    """Callers arrive, wait, talk and leave; what a real PBX does with voice happens here in words."""

    def __init__(self, access: Access, secret: str) -> None:
        self._access = access
        self._secret = secret
        self._clock = SystemClock()
        self._chance = random.Random()  # noqa: S311 - made-up callers
        self._calls: dict[str, asyncio.Task[None]] = {}
        self._rings: dict[str, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        async with (
            httpx.AsyncClient(base_url=self._access.url, timeout=30) as self._http,
            self._access.client(["pbx"], PBX, pbx=PBX) as self._polling,
        ):
            await self._adopt()
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._obey())
                    tasks.create_task(self._ring_in())
            finally:
                for task in (*self._calls.values(), *self._rings.values(), *self._tasks):
                    task.cancel()

    async def _adopt(self) -> None:
        """Takes over the calls that a killed run left in the router: they end sooner or later."""
        async with self._access.client(["supervisor", "floor"]) as client:
            for state in ("queued", "offered", "connected"):
                answer = await client.get("/router/v1/calls", params={"state": state, "limit": 200})
                for call in answer.raise_for_status().json()["items"]:
                    if call["pbx"] == PBX:
                        self._leave_after(call["pbx_call_id"], self._chance.uniform(*PATIENCE_S))

    async def _ring_in(self) -> None:
        while True:
            await asyncio.sleep(self._chance.expovariate(1 / PAUSE_S))
            call = str(uuid_utils.uuid7())
            line = self._chance.choices(list(LINES), list(LINES.values()))[0]
            caller = f"+7900{self._chance.randrange(10_000_000):07d}"
            await self._tell("call.arrived", call, {"caller": caller, "line": line})
            self._leave_after(call, self._chance.uniform(*PATIENCE_S))

    async def _obey(self) -> None:
        """Fetches commands and carries them out; `done` is told only after the deed."""
        while True:
            answer = await self._polling.get(f"/router/v1/pbx/{PBX}/commands", params={"wait": 20})
            for command in answer.raise_for_status().json()["items"]:
                await self._carry_out(command)
                done = f"/router/v1/pbx/{PBX}/commands/{command['id']}/done"
                (await self._polling.post(done, json={"ok": True})).raise_for_status()

    async def _carry_out(self, command: dict[str, Any]) -> None:
        call = command["pbx_call_id"]
        match command["type"]:
            case "ring":
                offer = command["offer_id"]
                if offer not in self._rings:
                    self._rings[offer] = asyncio.create_task(self._answer(call, offer))
            case "cancel_ring":
                if ring := self._rings.pop(command["offer_id"], None):
                    ring.cancel()
            case "bridge":
                self._leave_after(call, self._chance.uniform(*TALK_S))
            case "hangup":
                if caller := self._calls.pop(call, None):
                    caller.cancel()

    async def _answer(self, call: str, offer: str) -> None:
        await asyncio.sleep(self._chance.uniform(*RING_S))
        await self._tell("call.answered", call, {"offer_id": offer})

    def _leave_after(self, call: str, seconds: float) -> None:
        """The caller hangs up then, whether he was served or has lost patience."""
        if previous := self._calls.pop(call, None):
            previous.cancel()
        self._calls[call] = asyncio.create_task(self._leave(call, seconds))

    async def _leave(self, call: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self._calls.pop(call, None)
        telling = asyncio.create_task(self._tell("call.hung_up", call, {"by": "caller"}))
        self._tasks.add(telling)
        telling.add_done_callback(self._tasks.discard)

    async def _tell(self, kind: str, call: str, data: dict[str, Any]) -> None:
        """Sends one signed event, again and again under the same id until it has been taken."""
        message = str(uuid_utils.uuid7())
        body = json.dumps(
            {"type": kind, "call_id": call, "at": rfc3339(self._clock.now()), "data": data}
        ).encode()
        while True:
            headers = signed_headers(self._secret, message, self._clock.now(), body)
            try:
                answer = await self._http.post(
                    f"/router/v1/pbx/{PBX}/events",
                    content=body,
                    headers={**headers, "content-type": "application/json"},
                )
                if answer.status_code < httpx.codes.INTERNAL_SERVER_ERROR:
                    return
            except httpx.HTTPError:
                pass
            await asyncio.sleep(1)
