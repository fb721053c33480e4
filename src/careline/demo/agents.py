"""Agents' softphones, over the agent WebSocket: they accept, talk and wrap up."""

import asyncio
import contextlib
import json
import random
from pathlib import Path
from typing import Any

import uuid_utils
import websockets

from careline.configuration import read
from careline.demo.people import Access

THINKING_S = (0.5, 3.0)
WRAP_UP_S = (2.0, 8.0)
RESOLVED = 0.8
BREAK = 0.03
BREAK_S = 20.0


def names(floor: Path) -> list[str]:
    """The agents of the demo floor."""
    return [agent["id"] for agent in read(floor).sections["agents"]]


class Softphone:
    """One agent at his desk."""

    def __init__(self, access: Access, agent: str) -> None:
        self._access = access
        self._agent = agent
        self._chance = random.Random()  # noqa: S311 - made-up people
        self._busy: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        async with self._access.client(["agent"], self._agent) as self._http:
            (await self._http.post("/router/v1/agents/me/session", json={})).raise_for_status()
            ticket = (
                (await self._http.post("/router/v1/agents/me/ws-ticket")).raise_for_status().json()
            )
            address = self._access.url.replace("http", "ws", 1) + "/router/v1/agents/me/ws"
            async with websockets.connect(f"{address}?ticket={ticket['ticket']}") as self._socket:
                await self._send("state.set", {"state": "ready"})
                try:
                    async for message in self._socket:
                        self._hear(json.loads(message))
                finally:
                    for task in self._busy:
                        task.cancel()

    def _hear(self, message: dict[str, Any]) -> None:
        match message["type"]:
            case "resync":
                self._resume(message["data"]["snapshot"])
            case "offer":
                self._later(
                    THINKING_S, "offer.accept", {"offer_id": message["data"]["offer"]["id"]}
                )
            case "call.ended":
                self._wrap_up(message["data"]["call_id"])
            case "state.changed":
                self._settle(message["data"])

    def _resume(self, snapshot: dict[str, Any]) -> None:
        """After a restart: answer what is open."""
        if snapshot.get("offer"):
            self._later(THINKING_S, "offer.accept", {"offer_id": snapshot["offer"]["id"]})
        if snapshot["state"] == "wrap_up" and snapshot.get("call"):
            self._wrap_up(snapshot["call"]["id"])
        self._settle(snapshot)

    def _wrap_up(self, call_id: str) -> None:
        disposition = self._chance.choice(["booked", "informed", "complaint"])
        resolved = self._chance.random() < RESOLVED
        wrap_up = {"call_id": call_id, "disposition": disposition, "resolved": resolved}
        self._later(WRAP_UP_S, "wrap_up.complete", wrap_up)

    def _settle(self, data: dict[str, Any]) -> None:
        if data["state"] == "not_ready":
            self._later((BREAK_S / 2, BREAK_S), "state.set", {"state": "ready"})
        elif data["state"] == "ready" and self._chance.random() < BREAK:
            self._later((1.0, 5.0), "state.set", {"state": "not_ready", "reason": "break"})

    def _later(self, between: tuple[float, float], kind: str, data: dict[str, Any]) -> None:
        task = asyncio.create_task(self._send_after(self._chance.uniform(*between), kind, data))
        self._busy.add(task)
        task.add_done_callback(self._busy.discard)

    async def _send_after(self, seconds: float, kind: str, data: dict[str, Any]) -> None:
        await asyncio.sleep(seconds)
        await self._send(kind, data)

    async def _send(self, kind: str, data: dict[str, Any]) -> None:
        with contextlib.suppress(websockets.ConnectionClosed):
            await self._socket.send(
                json.dumps({"type": kind, "id": str(uuid_utils.uuid7()), "data": data})
            )
