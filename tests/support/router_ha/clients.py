"""Agents and a PBX that know two doors, and go on at the other one when the first does not answer.

What they do is what any careful client does: a request that may not have been done is asked again under its key, a
socket is opened again from the last message on, a command that has been carried out is not carried out again.
"""

import asyncio
import itertools
import random
from collections.abc import Coroutine
from contextlib import suppress
from time import perf_counter
from typing import Any

import websockets
from pydantic_core import from_json, to_json

from careline.bench.router_load import PBX, SECRET
from careline.bench.router_wire import Wire, bearer, document
from careline_common.clock import SystemClock
from careline_common.http.issuer import LocalIssuer
from careline_common.http.signed import signed_headers
from careline_common.ids import UuidIds
from careline_common.testing.waiting import eventually
from router_ha.seen import Heard, Seen

LINE = "+74950000001"
PATIENCE_S = 1.0
"""After so long without an answer a client asks at the other door."""
PBX_WAIT_S = 2
HEARTBEAT_S = 0.5
PAUSE_S = 0.02
GONE = (OSError, EOFError, TimeoutError, websockets.WebSocketException)


class Doors:
    """Two processes, as a balancer shows them: who has just failed is asked last."""

    def __init__(self, urls: list[str], seen: Seen) -> None:
        self.urls = urls
        self.wires = [Wire(url) for url in urls]
        self._failed_at = [0.0] * len(urls)
        self._seen = seen

    def best(self, favourite: int) -> int:
        """The favourite, unless it has failed later than the other."""
        other = 1 - favourite
        recent = perf_counter() - self._failed_at[favourite] < PATIENCE_S
        return (
            other if recent and self._failed_at[favourite] > self._failed_at[other] else favourite
        )

    def failed(self, door: int, why: str) -> None:
        self._failed_at[door] = perf_counter()
        self._seen.patience[why] += 1

    async def ask(
        self, method: str, path: str, headers: str, body: bytes = b"", *, favourite: int = 0
    ) -> Any:
        """The document of the first answer that is one; None when it is a refusal, which is counted."""
        while True:
            door = self.best(favourite)
            try:
                async with asyncio.timeout(PATIENCE_S + PBX_WAIT_S * ("wait=" in path)):
                    status, answer = await self.wires[door].ask(method, path, headers, body)
            except GONE as error:
                self.failed(door, type(error).__name__)
            else:
                if status < 300:
                    return answer
                if status != 503:
                    self._seen.errors[f"{method} {path.partition('?')[0]} {status}"] += 1
                    return None
                self.failed(door, "503")
            await asyncio.sleep(PAUSE_S)

    async def close(self) -> None:
        await asyncio.gather(*(wire.close() for wire in self.wires))


class Desk:
    """One agent. `back_at` is when he last heard where he stands, on a socket that was opened anew."""

    def __init__(self, number: int, centre: "Centre") -> None:
        self.name = f"a{number}"
        self.back_at = 0.0
        self.door = number % 2
        self._centre = centre
        self._headers = bearer(centre.issuer.token(subject=self.name, roles=["agent"]))
        self._numbers = map(str, itertools.count(1))
        self._last: int | None = None

    async def live(self) -> None:
        """Comes to work, and comes back whenever his socket is cut."""
        ask = self._centre.doors.ask
        await ask("POST", "/v1/agents/me/session", self._headers, b"{}")
        await ask("PUT", "/v1/agents/me/state", self._headers, document(state="ready"))
        while True:
            door = self._centre.doors.best(self.door)
            try:
                await self._connected(door)
            except GONE as error:
                self._centre.doors.failed(door, f"socket {type(error).__name__}")
                await asyncio.sleep(PAUSE_S)

    async def _connected(self, door: int) -> None:
        ask, address = self._centre.doors.ask, self._centre.doors.urls[door]
        ticket = await ask("POST", "/v1/agents/me/ws-ticket", self._headers, favourite=door)
        after = "" if self._last is None else f"&after={self._last}"
        url = f"{address.replace('http', 'ws', 1)}/v1/agents/me/ws?ticket={ticket['ticket']}{after}"
        socket = await websockets.connect(
            url, compression=None, ping_interval=None, open_timeout=PATIENCE_S, close_timeout=0.1
        )
        try:
            await self._work(socket, door)
        finally:
            self._centre.leave(self._after_leaving(socket, door))

    async def _work(self, socket: websockets.ClientConnection, door: int) -> None:
        """Until the socket is cut, or says nothing to a heartbeat in time."""
        while True:
            try:
                async with asyncio.timeout(HEARTBEAT_S):
                    text = await socket.recv()
            except TimeoutError:
                async with asyncio.timeout(PATIENCE_S):
                    await (await socket.ping())
                continue
            message = from_json(text)
            if message["type"] == "resync":
                self.back_at = perf_counter()
            heard = self._heard(message, door)
            if heard is not None:
                self._last = heard.seq
                self._centre.seen.heard.append(heard)
            await self._act(socket, message)

    def _heard(self, message: dict[str, Any], door: int) -> Heard | None:
        if "seq" not in message:
            return None
        return Heard(
            self.name, door, message["seq"], message["type"], message["at"], message["data"]
        )

    async def _after_leaving(self, socket: websockets.ClientConnection, door: int) -> None:
        """A process that wakes up may still say something on the socket that was left."""
        with suppress(*GONE):
            while True:
                heard = self._heard(from_json(await socket.recv()), door)
                if heard is not None:
                    self._centre.seen.leftovers.append(heard)

    async def _act(self, socket: websockets.ClientConnection, message: dict[str, Any]) -> None:
        """Takes what he is offered and wraps up what he has had; after a cut, what was left of it."""
        data = message.get("data", {})
        match message["type"]:
            case "resync":
                await self._go_on(socket, data["snapshot"])
            case "offer":
                await self._say(socket, "offer.accept", offer_id=data["offer"]["id"])
            case "call.ended":
                await self._wrap_up(socket, data["call_id"])
            case "error" if message["problem"]["type"] not in {
                "not-ready", "offer-closed", "already-wrapped-up",
            }:  # fmt: skip
                self._centre.seen.errors[f"socket {message['problem']['type']}"] += 1

    async def _go_on(self, socket: websockets.ClientConnection, snapshot: dict[str, Any]) -> None:
        if snapshot.get("offer"):
            await self._say(socket, "offer.accept", offer_id=snapshot["offer"]["id"])
        if snapshot["state"] == "wrap_up" and snapshot.get("call"):
            await self._wrap_up(socket, snapshot["call"]["id"])

    async def _wrap_up(self, socket: websockets.ClientConnection, call_id: str) -> None:
        done = {"call_id": call_id, "disposition": "done", "resolved": True}
        await self._say(socket, "wrap_up.complete", **done)

    async def _say(self, socket: websockets.ClientConnection, kind: str, **data: Any) -> None:
        document = {"type": kind, "id": next(self._numbers), "data": data}
        await socket.send(to_json(document).decode())


class Centre:
    """The agents, the PBX and its callers. `talk_s` is how long people talk."""

    def __init__(
        self,
        urls: list[str],
        issuer: LocalIssuer,
        tasks: asyncio.TaskGroup,
        *,
        talk_s: float,
        seed: int,
    ) -> None:
        self.seen = Seen()
        self.doors = Doors(urls, self.seen)
        self.issuer = issuer
        self.desks: list[Desk] = []
        self.delays_s: list[float] = []
        """How long the PBX waited until each arrival was acknowledged."""
        self.begun = 0
        self._tasks = tasks
        self._talk_s = talk_s
        self._random = random.Random(seed)
        self._clock, self._ids = SystemClock(), UuidIds()
        self._pbx = bearer(issuer.token(subject=PBX, roles=["pbx"], pbx=PBX))
        self._running: list[asyncio.Task[None]] = []
        self._leaving: list[asyncio.Task[None]] = []
        self._carried_out: set[str] = set()

    async def open(self, agents: int) -> None:
        """Everybody is at his desk and ready; the PBX asks for its commands at both doors."""
        self.desks = [Desk(number, self) for number in range(agents)]
        self._running += [self._tasks.create_task(desk.live()) for desk in self.desks]
        self._running += [self._tasks.create_task(self._poll(door)) for door in (0, 1)]
        while not all(desk.back_at for desk in self.desks):  # noqa: ASYNC110 - once
            await asyncio.sleep(PAUSE_S)

    async def close(self) -> None:
        for tasks in (self._running, self._leaving):  # who stops working leaves his socket, too
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        await self.doors.close()

    def leave(self, listening: Coroutine[Any, Any, None]) -> None:
        try:
            self._leaving.append(self._tasks.create_task(listening))
        except RuntimeError:  # all is ending because something has failed, which is to be told
            listening.close()

    # -- callers -------------------------------------------------------------------------------

    async def calls(self, per_s: float) -> None:
        """Calls at a steady rate, whatever becomes of the earlier ones, until this is cancelled."""
        began = perf_counter()
        for number in itertools.count():
            await asyncio.sleep(began + number / per_s - perf_counter())
            self.call()

    def call(self) -> None:
        """One more caller, who does not give up."""
        self.begun += 1
        self._tasks.create_task(self._call(f"c-{self.begun}"))

    async def acknowledged(self, within_s: float) -> None:
        """Returns when every caller who has called by now is known; fails when that takes too long."""
        names = [f"c-{number}" for number in range(1, self.begun + 1)]
        await eventually(
            lambda: all(name in self.seen.arrived for name in names), within_s=within_s
        )

    async def all_over(self, within_s: float) -> None:
        """Returns when every caller has talked and hung up, or that takes too long."""
        until = perf_counter() + within_s
        while len(self.seen.hung_up) < self.begun and perf_counter() < until:  # noqa: ASYNC110 - polled
            await asyncio.sleep(PAUSE_S)

    async def _call(self, name: str) -> None:
        began = perf_counter()
        caller = f"+7916{int(name[2:]):07}"
        answer = await self._tell(name, "call.arrived", caller=caller, line=LINE)
        self.delays_s.append(perf_counter() - began)
        if answer is not None:
            self.seen.arrived[name] = answer["call"]

    async def _tell(self, call_id: str, kind: str, **data: Any) -> Any:
        """A fact under one id and one signature, until it is acknowledged."""
        now = self._clock.now()
        body = document(type=kind, call_id=call_id, at=now, data=data)
        signed = signed_headers(SECRET, self._ids.new(), now, body)
        headers = "".join(f"{name}: {value}\r\n" for name, value in signed.items())
        path, door = f"/v1/pbx/{PBX}/events", self._random.randrange(2)
        answer = await self.doors.ask("POST", path, headers, body, favourite=door)
        for command in (answer or {}).get("commands", ()):
            self._carry_out(command)
        return answer

    # -- the PBX -------------------------------------------------------------------------------

    async def _poll(self, door: int) -> None:
        path = f"/v1/pbx/{PBX}/commands?wait={PBX_WAIT_S}"
        while True:
            answer = await self.doors.ask("GET", path, self._pbx, favourite=door)
            for command in (answer or {}).get("items", ()):
                self._carry_out(command)

    def _carry_out(self, command: dict[str, Any]) -> None:
        new = command["id"] not in self._carried_out
        self._carried_out.add(command["id"])
        self._tasks.create_task(self._done(command, new))

    async def _done(self, command: dict[str, Any], new: bool) -> None:
        """Says so of a repeat too; carries out what is new."""
        call_id = command["pbx_call_id"]
        if new and command["type"] == "ring":
            self.seen.rung[command["offer_id"]] += 1
        path = f"/v1/pbx/{PBX}/commands/{command['id']}/done"
        await self.doors.ask("POST", path, self._pbx, document(ok=True))
        if new and command["type"] == "ring":
            await self._tell(call_id, "call.answered", offer_id=command["offer_id"])
        elif new and command["type"] == "bridge":
            await asyncio.sleep(self._talk_s)
            await self._tell(call_id, "call.hung_up", by="caller")
            self.seen.hung_up.add(call_id)
