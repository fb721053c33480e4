"""A whole router over a real PostgreSQL, a PBX that signs, agents with tokens, and a CRM by HTTP."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
import uvicorn
import websockets
from pydantic import SecretStr
from pydantic_core import from_json, to_json
from websockets.exceptions import InvalidStatus

from careline_common.clock import Clock, ManualClock, SystemClock, rfc3339
from careline_common.http.issuer import LocalIssuer
from careline_common.http.signed import signed_headers
from careline_common.ids import UuidIds
from careline_common.lifecycle import Service
from careline_common.messaging.memory import MemoryTransport
from careline_common.testing.waiting import eventually
from careline_router.app import create_service
from careline_router.fakes.crm import PlainCrm
from careline_router.fakes.http_server import FakeServer
from careline_router.settings import RouterSettings

SECRET = "whsec_" + "c2VjcmV0LW9mLXBieC1vbmU="
OTHER_SECRET = "whsec_" + "c2VjcmV0LW9mLXBieC10d28="
LINE = "+74950000001"
CHILD_LINE = "+74950000002"
CALLER = "+79161234567"

CUSTOMERS: dict[str, dict[str, Any]] = {
    "+79161234567": {
        "payer": "cash",
        "name": "Anna Petrova",
        "vip": True,
        "language": "ru",
    },
    "+79167654321": {"payer": "insured", "insurance": "voluntary", "name": "Boris Ivanov"},
}

CONFIG: dict[str, Any] = {
    "careline": 1,
    "skills": ["adult", "child"],
    "queues": [
        {"id": "adult", "offer_timeout_s": 15, "ring_timeout_s": 20, "wrap_up_s": 30},
        {"id": "child", "offer_timeout_s": 15, "ring_timeout_s": 20, "wrap_up_s": 0},
    ],
    "flows": [
        {
            "id": "main",
            "default": {"queue": "adult", "skills": {"adult": 1}},
            "rules": [
                {
                    "when": "crm.payer == 'cash'",
                    "queue": "adult",
                    "skills": {"adult": 1},
                    "priority": "cash",
                }
            ],
        },
        {"id": "children", "default": {"queue": "child", "skills": {"child": 1}}},
    ],
    "lines": [
        {"number": LINE, "flow": "main", "language": "ru"},
        {"number": CHILD_LINE, "flow": "children", "language": "ru"},
    ],
    "teams": [{"id": "t1", "lead": "sup1"}, {"id": "t2", "lead": "sup2"}],
    "agents": [
        {
            "id": "a1",
            "name": "A",
            "team": "t1",
            "site": "msk",
            "skills": {"adult": 10},
            "endpoint": "PJSIP/a1",
            "accept": "app",
        },
        {
            "id": "a2",
            "name": "B",
            "team": "t2",
            "skills": {"child": 5},
            "endpoint": "PJSIP/a2",
            "accept": "ring",
        },
        {"id": "waker", "endpoint": "PJSIP/waker"},
    ],
    "users": [{"id": "sup1", "roles": ["supervisor"]}],
    "pbxs": [
        {"id": "pbx1", "kind": "webhook", "secret": SECRET},
        {"id": "pbx2", "kind": "webhook", "secret": OTHER_SECRET},
    ],
    "calendars": [{"id": "c1", "zone": "Europe/Moscow", "weekly": {"mon": ["09:00-18:00"]}}],
}


@dataclass(kw_only=True)
class Callers:
    """Everybody who talks to a router, by this client of it."""

    client: httpx.AsyncClient
    issuer: LocalIssuer
    clock: Any
    numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def token(self, subject: str, *roles: str, pbx: str | None = None, ttl_s: float = 3600) -> str:
        return self.issuer.token(subject=subject, roles=roles, pbx=pbx, ttl_s=ttl_s)

    def bearer(self, subject: str, *roles: str, pbx: str | None = None) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token(subject, *roles, pbx=pbx)}"}

    @property
    def pbx(self) -> dict[str, str]:
        return self.bearer("pbx1", "pbx", pbx="pbx1")

    @property
    def other_pbx(self) -> dict[str, str]:
        return self.bearer("pbx2", "pbx", pbx="pbx2")

    @property
    def floor(self) -> dict[str, str]:
        return self.bearer("boss", "supervisor", "floor")

    @property
    def admin(self) -> dict[str, str]:
        return self.bearer("root", "admin")

    def agent(self, subject: str = "a1") -> dict[str, str]:
        return self.bearer(subject, "agent")

    async def advance(self, seconds: float) -> None:
        """Moves the clock and wakes the floor, which naps by the machine's own."""
        self.clock.advance(seconds)
        await self.client.post("/v1/agents/me/session", headers=self.agent("waker"))

    # -- the PBX -------------------------------------------------------------------------------

    def event(self, kind: str, call_id: str, **data: Any) -> bytes:
        return to_json(
            {"type": kind, "call_id": call_id, "at": rfc3339(self.clock.now()), "data": data}
        )

    async def post_event(
        self,
        body: bytes,
        *,
        webhook_id: str | None = None,
        pbx: str = "pbx1",
        secret: str = SECRET,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        name = webhook_id or f"msg-{next(self.numbers)}"
        signed = signed_headers(SecretStr(secret), name, self.clock.now(), body)
        return await self.client.post(
            f"/v1/pbx/{pbx}/events",
            content=body,
            headers={"Content-Type": "application/json", **signed, **(headers or {})},
        )

    async def tell(self, kind: str, call_id: str, **data: Any) -> dict[str, Any]:
        answer = await self.post_event(self.event(kind, call_id, **data))
        assert answer.status_code == 202, answer.text
        told: dict[str, Any] = answer.json()
        return told

    async def arrive(
        self, call_id: str = "p-1", *, caller: str = CALLER, line: str = LINE
    ) -> dict[str, Any]:
        return await self.tell("call.arrived", call_id, caller=caller, line=line)

    async def commands(self, wait: float = 0) -> list[dict[str, Any]]:
        answer = await self.client.get(
            "/v1/pbx/pbx1/commands", params={"wait": wait}, headers=self.pbx
        )
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    # -- agents --------------------------------------------------------------------------------

    async def ready(self, agent: str = "a1") -> None:
        headers = self.agent(agent)
        answer = await self.client.post("/v1/agents/me/session", headers=headers)
        assert answer.status_code == 201, answer.text
        answer = await self.client.put(
            "/v1/agents/me/state", json={"state": "ready"}, headers=headers
        )
        assert answer.status_code == 200, answer.text

    async def me(self, agent: str = "a1") -> dict[str, Any]:
        answer = await self.client.get("/v1/agents/me", headers=self.agent(agent))
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def offer(self, agent: str = "a1") -> dict[str, Any]:
        """The agent's open offer, as soon as he has one."""

        async def open_offer() -> Any:
            return (await self.me(agent)).get("offer")

        offer: dict[str, Any] = await eventually(open_offer, what=f"an offer for {agent}")
        return offer

    async def connect(self, call_id: str = "p-1", **arrival: Any) -> dict[str, Any]:
        """A call from its arrival to its talk with a1, who is made ready; gives the call."""
        await self.ready("a1")
        await self.arrive(call_id, **arrival)
        offer = await self.offer("a1")
        answer = await self.client.post(
            f"/v1/offers/{offer['id']}/accept", headers=self.agent("a1")
        )
        assert answer.status_code == 200, answer.text
        told = await self.tell("call.answered", call_id, offer_id=offer["id"])
        assert told["call"]["state"] == "connected"
        call: dict[str, Any] = told["call"]
        return call

    async def call(self, call_id: str, headers: dict[str, str] | None = None) -> dict[str, Any]:
        answer = await self.client.get(f"/v1/calls/{call_id}", headers=headers or self.floor)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


@dataclass(kw_only=True)
class Router(Callers):
    """A running router and everybody who talks to it."""

    service: Service
    stop: Callable[[], Awaitable[None]]


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[str]:
    """The app behind a real HTTP and WebSocket server; gives host and port."""
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", lifespan="off")
    )
    task = asyncio.create_task(server.serve())
    await eventually(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await task


@pytest.fixture
def serve():
    """Serves an app for as long as a block lasts."""
    return served


@pytest.fixture
def crm() -> PlainCrm:
    return PlainCrm(CUSTOMERS, token=None)


@asynccontextmanager
async def living(
    database_url: str, tokens: LocalIssuer, clock: Clock, *, leads: bool = True
) -> AsyncIterator[Router]:
    """A router from its start to its end; one that does not lead is yielded once it has started."""
    settings = RouterSettings(
        database_url=SecretStr(database_url), issuer_file=tokens.path, migrate_on_start=True
    )
    service = create_service(
        settings, transport=MemoryTransport(clock=clock), clock=clock, ids=UuidIds()
    )
    async with AsyncExitStack() as life:
        await life.enter_async_context(service.running())
        client = await life.enter_async_context(
            httpx.AsyncClient(
                transport=httpx.ASGITransport(app=service.app), base_url="http://router"
            )
        )
        if leads:
            await asyncio.wait_for(service.readiness.wait(), 20)
        else:
            await eventually(lambda: not service.readiness.lacks("started"), within_s=20)
        yield Router(client=client, issuer=tokens, clock=clock, service=service, stop=life.aclose)


async def configure(router: Callers, document: dict[str, Any]) -> None:
    answer = await router.client.put("/v1/config", json=document, headers=router.admin)
    assert answer.status_code == 200, answer.text


@pytest.fixture
def tokens(tmp_path, manual_clock) -> LocalIssuer:
    """Issues tokens by the test's own clock."""
    return LocalIssuer(tmp_path / "issuer.json", clock=manual_clock)


@pytest.fixture
def start(database_url, tokens, manual_clock):
    """Starts routers over the test's database: one after the other they are one router's lives."""
    return partial(living, database_url, tokens, manual_clock)


@pytest_asyncio.fixture
async def router(start) -> AsyncIterator[Router]:
    """A configured router without a CRM, for this test alone."""
    async with start() as running:
        await configure(running, CONFIG)
        yield running


@pytest.fixture
def live_router():
    """A configured router by the machine's own clock."""

    @asynccontextmanager
    async def _live(database_url: str, folder: Path) -> AsyncIterator[Router]:
        tokens = LocalIssuer(folder / "issuer.json")
        async with living(database_url, tokens, SystemClock()) as running:
            await configure(running, CONFIG)
            yield running

    return _live


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_router(
    postgres_server, postgres_template, tmp_path_factory
) -> AsyncIterator[Router]:
    """One such router for all tests that leave it as it was and its clock alone."""
    clock = ManualClock(datetime(2026, 3, 2, 9, 0, tzinfo=UTC))
    tokens = LocalIssuer(tmp_path_factory.mktemp("shared") / "issuer.json", clock=clock)
    name = await postgres_server.create(template=postgres_template)
    async with living(postgres_server.url(name), tokens, clock) as running:
        await configure(running, CONFIG)
        yield running
    await postgres_server.drop(name)


@pytest_asyncio.fixture
async def router_with_crm(router, crm) -> AsyncIterator[Router]:
    """The same, with customer data behind it."""
    async with FakeServer(crm) as server:
        facts = ("payer", "insurance", "name", "vip", "language")
        entry = {
            "kind": "http",
            "url": f"{server.url}/customers/{{phone}}",
            "deadline_ms": 2000,
            "cache_s": 0,
            "map": {name: f"$.{name}" for name in facts},
        }
        await configure(router, {"careline": 1, "crm": entry})
        yield router


class Socket:
    """A client of the agent socket that keeps what it has received."""

    def __init__(self, connection: websockets.ClientConnection) -> None:
        self.connection = connection
        self.messages: list[dict[str, Any]] = []
        self.looked_at = 0
        self.numbers = itertools.count(1)

    async def receive(self, within_s: float = 30) -> dict[str, Any]:
        message: dict[str, Any] = from_json(
            await asyncio.wait_for(self.connection.recv(), within_s)
        )
        self.messages.append(message)
        return message

    async def answer(self) -> dict[str, Any]:
        """The next `ack` or `error`, whatever the router tells in between."""
        while True:
            message = await self.receive()
            if message["type"] in {"ack", "error"}:
                return message

    async def until(self, kind: str) -> dict[str, Any]:
        """The next message of this type that was not looked at yet."""
        while True:
            while self.looked_at < len(self.messages):
                message = self.messages[self.looked_at]
                self.looked_at += 1
                if message["type"] == kind:
                    return message
            await self.receive()

    async def send(self, kind: str, **data: Any) -> dict[str, Any]:
        """Sends a message and gives the ack or error it gets."""
        name = f"m{next(self.numbers)}"
        await self.connection.send(to_json({"type": kind, "id": name, "data": data}).decode())
        while True:
            message = await self.receive()
            if message["type"] in {"ack", "error"}:
                assert message["id"] == name
                return message

    async def until_state(self, state: str) -> None:
        while (await self.until("state.changed"))["data"]["state"] != state:
            pass

    def numbered(self) -> list[int]:
        """The numbers of all messages so far, as they came."""
        return [message["seq"] for message in self.messages if "seq" in message]


@asynccontextmanager
async def opened(
    router: Callers,
    address: str,
    agent: str = "a1",
    *,
    after: int | None = None,
    ttl_s: float = 3600,
) -> AsyncIterator[Socket]:
    """An agent's socket to a router that is served at this address."""
    token = router.token(agent, "agent", ttl_s=ttl_s)
    answer = await router.client.post(
        "/v1/agents/me/ws-ticket", headers={"Authorization": f"Bearer {token}"}
    )
    assert answer.status_code == 201, answer.text
    query = f"ticket={answer.json()['ticket']}" + ("" if after is None else f"&after={after}")
    async with websockets.connect(f"ws://{address}/v1/agents/me/ws?{query}") as connection:
        yield Socket(connection)


@pytest_asyncio.fixture
async def address(router) -> AsyncIterator[str]:
    """Where the router is served."""
    async with served(router.service.app) as host_and_port:
        yield host_and_port


@pytest.fixture
def desk(router, address):
    """Opens agent sockets: `async with desk("a1", after=…) as socket`."""
    return partial(opened, router, address)


@pytest.fixture
def open_desk():
    """The same for another router, which is served for as long."""

    @asynccontextmanager
    async def _open(router: Router, **options: Any) -> AsyncIterator[Socket]:
        async with (
            served(router.service.app) as host_and_port,
            opened(router, host_and_port, **options) as socket,
        ):
            yield socket

    return _open


@pytest.fixture
def open_socket_at():
    """Tries to open an agent's socket; gives the status of the refusal."""

    async def _try(router: Router) -> int:
        async with served(router.service.app) as host_and_port:
            with pytest.raises(InvalidStatus) as refused:
                await websockets.connect(f"ws://{host_and_port}/v1/agents/me/ws?ticket=none")
        return refused.value.response.status_code

    return _try


@pytest.fixture
def callers():
    """Those who talk to a router that runs as a process of its own."""
    return Callers


@pytest.fixture
def configured():
    """Gives a router the floor of these tests."""
    return partial(configure, document=CONFIG)


@pytest.fixture
def open_at():
    """An agent's socket to a router that is served at an address."""
    return opened
