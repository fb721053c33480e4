"""What `careline bench router` lets live on a router: agents on their sockets, a PBX, and callers.

Every call is a whole story, over the public API alone: announced with a signature, offered on a socket, accepted
there, answered, talked, hung up, wrapped up. The PBX fetches its commands, carries each out once and says so.
"""

import asyncio
import itertools
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import websockets
from pydantic_core import from_json, to_json

from careline.bench.router_wire import Wire, bearer, document
from careline_common.clock import SystemClock
from careline_common.http.issuer import LocalIssuer
from careline_common.http.signed import signed_headers
from careline_common.ids import UuidIds

PBX = "pbx1"
SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"  # noqa: S105 - of a benchmark's own router
QUEUES = ("adult", "child", "dental", "vip")
AT_ONCE = 20
"""So many agents come to work at a time."""


def configuration(agents: int) -> dict[str, Any]:
    """Four queues with a line each; every agent serves two of them."""
    pairs = list(itertools.combinations(QUEUES, 2))
    return {
        "skills": list(QUEUES),
        "queues": [{"id": name, "wrap_up_s": 60, "offer_timeout_s": 15} for name in QUEUES],
        "flows": [{"id": name, "default": {"queue": name, "skills": {name: 1}}} for name in QUEUES],
        "lines": [
            {"number": line_of(place), "flow": name, "language": "ru"}
            for place, name in enumerate(QUEUES)
        ],
        "teams": [{"id": f"t{number}"} for number in range(20)],
        "agents": [
            {
                "id": f"a{number}",
                "team": f"t{number % 20}",
                "skills": dict.fromkeys(pairs[number % len(pairs)], 3 + number % 3),
                "endpoint": f"PJSIP/a{number}",
                "accept": "app",
            }
            for number in range(agents)
        ],
        "pbxs": [{"id": PBX, "kind": "webhook", "secret": SECRET}],
    }


def line_of(number: int) -> str:
    return f"+7495000000{number % len(QUEUES)}"


@dataclass(slots=True)
class Times:
    """How long an agent talks and wraps up, in seconds."""

    talk_s: float = 8.0
    wrap_up_s: float = 2.0


@dataclass(slots=True)
class Stretch:
    """What came of the calls of one stretch of the load."""

    delays_s: list[float] = field(default_factory=list)
    calls: int = 0
    ended: int = 0
    errors: Counter[str] = field(default_factory=Counter)


class Centre:
    """The people and the PBX. `stretch` is where calls that begin now are counted."""

    def __init__(self, wire: Wire, address: str, issuer: LocalIssuer, tasks: asyncio.TaskGroup):
        self.stretch = Stretch()
        self.times = Times()
        self._wire = wire
        self._address = address.replace("http", "ws", 1)
        self._issuer = issuer
        self._tasks = tasks
        self._clock = SystemClock()
        self._ids = UuidIds()
        self._pbx = bearer(issuer.token(subject=PBX, roles=["pbx"], pbx=PBX))
        self._numbers = itertools.count(1)
        self._begun: dict[str, tuple[float, Stretch]] = {}
        self._stretch_of: dict[str, Stretch] = {}
        self._seen: set[str] = set()
        self._running: list[asyncio.Task[None]] = []
        self._sockets: list[websockets.ClientConnection] = []

    # -- coming to work ------------------------------------------------------------------------

    async def open(self, agents: int) -> None:
        """Everybody is connected and ready; the PBX asks for its commands."""
        turns = asyncio.Semaphore(AT_ONCE)
        await asyncio.gather(*(self._come(f"a{number}", turns) for number in range(agents)))
        self._running.append(self._tasks.create_task(self._poll()))

    async def _come(self, agent: str, turns: asyncio.Semaphore) -> None:
        headers = bearer(self._issuer.token(subject=agent, roles=["agent"]))
        async with turns:
            await self._ask("POST", "/v1/agents/me/session", headers, b"{}")
            answer = await self._ask("POST", "/v1/agents/me/ws-ticket", headers)
            socket = await websockets.connect(
                f"{self._address}/v1/agents/me/ws?ticket={answer['ticket']}", compression=None
            )
            await self._ask("PUT", "/v1/agents/me/state", headers, document(state="ready"))
        self._sockets.append(socket)
        self._running.append(self._tasks.create_task(self._work(socket)))

    async def close(self) -> None:
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        await asyncio.gather(*(socket.close() for socket in self._sockets))

    async def _ask(self, method: str, path: str, headers: str, body: bytes = b"") -> Any:
        """The document of an answer; a refusal is counted as an error of the load."""
        status, answer = await self._wire.ask(method, path, headers, body)
        if status >= 300:
            self.stretch.errors[f"{method} {path.split('/')[2]} {status}"] += 1
            return {}
        return answer

    # -- agents --------------------------------------------------------------------------------

    async def _work(self, socket: websockets.ClientConnection) -> None:
        """Takes what he is offered, and wraps it up; then the call's story is over."""
        numbers = map(str, itertools.count(1))
        wrapping: dict[str, Stretch] = {}

        async def say(number: str, kind: str, **data: Any) -> None:
            await socket.send(to_json({"type": kind, "id": number, "data": data}).decode())

        async for text in socket:
            message = from_json(text)
            match message["type"]:
                case "offer":
                    offer = message["data"]["offer"]
                    self._offered(offer)
                    await say(next(numbers), "offer.accept", offer_id=offer["id"])
                case "call.ended":
                    call_id, number = message["data"]["call_id"], next(numbers)
                    wrapping[number] = self._stretch_of.pop(call_id)
                    done = {"call_id": call_id, "disposition": "done", "resolved": True}
                    self._later(self.times.wrap_up_s, say(number, "wrap_up.complete", **done))
                case "ack" if message["id"] in wrapping:
                    wrapping.pop(message["id"]).ended += 1
                case "error":
                    self.stretch.errors[f"socket {message['problem']['type']}"] += 1

    def _offered(self, offer: dict[str, Any]) -> None:
        """From the moment in which the call's event was about to be sent."""
        known = self._begun.pop(offer["caller"], None)
        if known is None:  # a second offer of it: somebody has let the first one pass
            return
        began, stretch = known
        stretch.delays_s.append(perf_counter() - began)
        self._stretch_of[offer["call_id"]] = stretch

    # -- calls ---------------------------------------------------------------------------------

    async def calls(self, per_s: float, seconds: float) -> Stretch:
        """Calls at a steady rate, whatever becomes of the earlier ones; their stretch."""
        stretch = self.stretch = Stretch()
        began = perf_counter()
        for number in range(round(per_s * seconds)):
            await asyncio.sleep(began + number / per_s - perf_counter())
            self._tasks.create_task(self._call(next(self._numbers), stretch))
        await asyncio.sleep(began + seconds - perf_counter())
        return stretch

    async def all_ended(self, stretch: Stretch, patience_s: float) -> None:
        """Returns when every call of a stretch is over; those that are not by then are errors."""
        until = perf_counter() + patience_s
        while stretch.ended < stretch.calls and perf_counter() < until:  # noqa: ASYNC110 - not worth an event a call
            await asyncio.sleep(0.1)
        if stretch.ended < stretch.calls:
            stretch.errors["calls that did not end"] += stretch.calls - stretch.ended

    async def _call(self, number: int, stretch: Stretch) -> None:
        caller = f"+7916{number:07}"
        stretch.calls += 1
        self._begun[caller] = perf_counter(), stretch
        await self._tell(f"c-{number}", "call.arrived", caller=caller, line=line_of(number))

    async def _tell(self, call_id: str, kind: str, **data: Any) -> None:
        now = self._clock.now()
        body = document(type=kind, call_id=call_id, at=now, data=data)
        signed = signed_headers(SECRET, self._ids.new(), now, body)
        headers = "".join(f"{name}: {value}\r\n" for name, value in signed.items())
        answer = await self._ask("POST", f"/v1/pbx/{PBX}/events", headers, body)
        for command in answer.get("commands", ()):
            self._carry_out(command)

    # -- the PBX -------------------------------------------------------------------------------

    async def _poll(self) -> None:
        while True:
            answer = await self._ask("GET", f"/v1/pbx/{PBX}/commands?wait=5", self._pbx)
            for command in answer.get("items", ()):
                self._carry_out(command)

    def _carry_out(self, command: dict[str, Any]) -> None:
        if command["id"] not in self._seen:
            self._seen.add(command["id"])
            self._tasks.create_task(self._carried_out(command))

    async def _carried_out(self, command: dict[str, Any]) -> None:
        call_id = command["pbx_call_id"]
        path = f"/v1/pbx/{PBX}/commands/{command['id']}/done"
        await self._ask("POST", path, self._pbx, document(ok=True))
        self._seen.discard(command["id"])
        if command["type"] == "ring":
            await self._tell(call_id, "call.answered", offer_id=command["offer_id"])
        elif command["type"] == "bridge":
            self._later(self.times.talk_s, self._tell(call_id, "call.hung_up", by="caller"))

    def _later(self, seconds: float, work: Coroutine[Any, Any, None]) -> None:
        async def wait() -> None:
            await asyncio.sleep(seconds)
            await work

        self._tasks.create_task(wait())
