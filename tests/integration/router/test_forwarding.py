"""One hop, from a process that stands by to a leader that says what has reached him."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_from_bytes

import httpx
import pytest
import pytest_asyncio
import uvicorn
import websockets
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.middleware import Middleware
from starlette.types import Receive, Scope, Send
from websockets.exceptions import ConnectionClosed, InvalidStatus

from careline_common.http.app import create_app
from careline_common.http.health import Readiness
from careline_common.http.issuer import LocalIssuer
from careline_common.observability.metrics import MetricsRegistry
from careline_common.testing.http import authenticator_of, settings_for
from careline_common.testing.waiting import eventually
from careline_router.api.forwarding import Forwarding, connections_to_leader
from careline_router.runtime.leader import Leader

pytestmark = pytest.mark.integration

TYPE = "application/octet-stream"


@dataclass
class Partner:
    """Who leads: keeps what reaches him and answers what the test has said."""

    seen: list[tuple[Scope, bytes]] = field(default_factory=list)
    status: int = 200
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: list[bytes] = field(default_factory=lambda: [b"done"])
    first_part: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    close: tuple[int, str] = (1000, "")
    closed_by_caller: list[int] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._socket(scope, receive, send)
            return
        body = b""
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
            self.first_part.set()
        self.seen.append((scope, body))
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        for part in self.body[:-1]:
            await send({"type": "http.response.body", "body": part, "more_body": True})
            await self.go_on.wait()
        await send({"type": "http.response.body", "body": self.body[-1]})

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.seen.append((scope, b""))
        await receive()
        if self.status != 200:
            head = {"status": self.status, "headers": [(b"content-type", b"text/plain")]}
            await send({"type": "websocket.http.response.start", **head})
            await send({"type": "websocket.http.response.body", "body": b"no"})
            return
        wanted = scope["subprotocols"]
        await send({"type": "websocket.accept", "subprotocol": wanted[-1] if wanted else None})
        while (message := await receive())["type"] == "websocket.receive":
            if message.get("text") == "end":
                code, reason = self.close
                await send({"type": "websocket.close", "code": code, "reason": reason})
                return
            echo = {name: message[name] for name in ("text", "bytes") if message.get(name)}
            await send({"type": "websocket.send", **echo})
        self.closed_by_caller.append(message["code"])


@dataclass
class Hop:
    """A process that stands by, and the leader it knows."""

    partner: Partner
    leader: Leader
    url: str
    http: httpx.AsyncClient
    server: uvicorn.Server

    def connect(self, **options: Any) -> Any:
        return websockets.connect(f"{self.url.replace('http', 'ws')}/v1/ws?ticket=t", **options)


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[tuple[uvicorn.Server, str]]:
    config = uvicorn.Config(
        app, host="127.0.0.1", port=0, log_level="critical", lifespan="off",
        timeout_graceful_shutdown=1,
    )  # fmt: skip
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    await eventually(lambda: server.started)
    try:
        yield server, f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


@asynccontextmanager
async def standing_by(leader: Leader, issuer: LocalIssuer, clock: Any) -> AsyncIterator[str]:
    """An app with all that is around a router's routes; of its own it has none."""
    async with connections_to_leader() as connections:
        layer = Middleware(Forwarding, leads=lambda: False, leader=leader, connections=connections)
        app = create_app(
        title="standby", version="1", description="", readiness=Readiness(), clock=clock,
        authenticator=authenticator_of(issuer, clock), settings=settings_for(issuer.path),
        metrics_registry=MetricsRegistry("router"),
        in_front=[layer],
      )  # fmt: skip
        async with served(app) as (_, url):
            yield url


@pytest_asyncio.fixture
async def hop(issuer: LocalIssuer, manual_clock: Any) -> AsyncIterator[Hop]:
    partner, leader = Partner(), Leader()
    async with (
        served(partner) as (server, address),
        standing_by(leader, issuer, manual_clock) as url,
        httpx.AsyncClient(base_url=url, timeout=30, verify=False) as http,
    ):
        leader.is_at(address)
        yield Hop(partner, leader, url, http, server)
        partner.go_on.set()


def not_ready(answer: httpx.Response) -> bool:
    return (
        answer.status_code == 503
        and answer.json()["type"] == "not-ready"
        and answer.headers["retry-after"] == "1"
    )


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


# -- requests ----------------------------------------------------------------------------------


def test_what_is_said_arrives_and_what_is_answered_too() -> None:
    with asyncio.Runner() as runner:

        @settings(max_examples=50)
        @given(
            method=st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE"]),
            path=st.binary(max_size=20),
            query=st.binary(max_size=20),
            parts=st.lists(st.binary(max_size=2000), max_size=4),
            value=st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=30),
            answer=st.binary(max_size=2000),
            status=st.sampled_from([200, 201, 202, 400, 409, 422, 500]),
        )
        def arrives(**said: Any) -> None:
            runner.run(_arrives(address, partner, connections, **said))

        partner, connections, stack = Partner(), connections_to_leader(), AsyncExitStack()
        _, address = runner.run(stack.enter_async_context(served(partner)))
        stack.push_async_callback(connections.aclose)
        try:
            arrives()
        finally:
            runner.run(stack.aclose())


async def _arrives(
    address: str,
    partner: Partner,
    connections: httpx.AsyncBaseTransport,
    *,
    method: str,
    path: bytes,
    query: bytes,
    parts: list[bytes],
    value: str,
    answer: bytes,
    status: int,
) -> None:
    """Through the layer itself, without the servers around it, which would cost most of the time."""
    partner.status, partner.body = status, [answer]
    partner.headers = [
        (b"x-answer", value.encode()),
        (b"set-cookie", b"a=1"),
        (b"set-cookie", b"b=2"),
    ]
    leader = Leader()
    leader.is_at(address)
    layer = Forwarding(partner, leads=lambda: False, leader=leader, connections=connections)
    target = b"/v1/" + quote_from_bytes(path).encode()
    asked = quote_from_bytes(query).encode()
    scope = {
        "type": "http", "method": method, "path": "/v1/x", "raw_path": target,
        "query_string": asked, "client": ("192.0.2.1", 1),
        "headers": [(b"host", b"careline"), (b"x-value", value.encode())]
        + [(b"transfer-encoding", b"chunked")] * bool(parts),
    }  # fmt: skip
    coming = iter(
        [{"type": "http.request", "body": part, "more_body": True} for part in parts]
        + [{"type": "http.request", "body": b"", "more_body": False}]
    )
    sent: list[Any] = []

    async def receive() -> Any:
        return next(coming)

    async def send(message: Any) -> None:
        sent.append(message)

    await layer(scope, receive, send)
    seen, body = partner.seen.pop()
    assert (seen["method"], seen["raw_path"], seen["query_string"]) == (method, target, asked)
    assert body == b"".join(parts)
    assert dict(seen["headers"])[b"x-value"] == value.encode()
    assert sent[0]["status"] == status
    assert [pair for pair in sent[0]["headers"] if pair in partner.headers] == partner.headers
    assert b"".join(message.get("body", b"") for message in sent[1:]) == answer


async def test_headers_of_one_hop_stay_and_the_caller_is_named(hop: Hop) -> None:
    hop.partner.headers = [(b"connection", b"x-mine"), (b"x-mine", b"1"), (b"x-kept", b"2")]
    headers = {
        "Connection": "X-Hop, keep-alive", "X-Hop": "1", "TE": "trailers", "X-Kept": "2",
        "X-Request-ID": "r-1", "X-Forwarded-For": "192.0.2.7", "Authorization": "Bearer t",
        "Host": "router.example.org",
    }  # fmt: skip
    answer = await hop.http.get("/v1/calls", headers=headers)
    seen = dict(hop.partner.seen[0][0]["headers"])
    assert b"x-hop" not in seen
    assert b"te" not in seen
    assert seen[b"x-kept"] == b"2"
    assert seen[b"host"] == b"router.example.org"
    assert seen[b"authorization"] == b"Bearer t"
    assert seen[b"x-request-id"] == b"r-1"
    assert seen[b"x-forwarded-for"].startswith(b"192.0.2.7, ")
    assert "x-mine" not in answer.headers
    assert answer.headers["x-kept"] == "2"
    assert [len(answer.headers.get_list(name)) for name in ("date", "server")] == [1, 1]


async def test_a_large_body_goes_through_and_one_too_large_does_not(hop: Hop) -> None:
    large = b"x" * (12 << 20)
    answer = await hop.http.put("/v1/config", content=large, headers={"Content-Type": TYPE})
    assert answer.content == b"done"
    assert hop.partner.seen[0][1] == large
    refused = await hop.http.post("/v1/calls", content=large)
    assert (refused.status_code, len(hop.partner.seen)) == (413, 1)


async def test_both_ways_are_streamed(hop: Hop) -> None:
    hop.partner.body = [b"one", b"two"]

    async def upload() -> AsyncIterator[bytes]:
        yield b"first"
        await asyncio.wait_for(hop.partner.first_part.wait(), 30)
        yield b"second"

    async with hop.http.stream("POST", "/v1/calls", content=upload()) as answer:
        parts = answer.aiter_raw()
        assert await anext(parts) == b"one"
        hop.partner.go_on.set()
        assert await anext(parts) == b"two"
    assert hop.partner.seen[0][1] == b"firstsecond"


async def test_no_cookie_of_one_caller_reaches_the_next(hop: Hop) -> None:
    hop.partner.headers = [(b"set-cookie", b"a=1")]
    for _ in range(2):
        async with httpx.AsyncClient(base_url=hop.url, verify=False) as somebody:
            await somebody.get("/v1/calls")
    assert [b"cookie" in dict(scope["headers"]) for scope, _ in hop.partner.seen] == [False, False]


async def test_how_this_process_is_doing_it_says_itself(hop: Hop) -> None:
    for path in ("/healthz", "/readyz", "/metrics", "/openapi.json"):
        assert (await hop.http.get(path)).status_code == 200
    assert hop.partner.seen == []


async def test_without_a_leader_and_with_a_dead_one_it_is_503(hop: Hop) -> None:
    for address in (None, f"http://127.0.0.1:{free_port()}"):
        hop.leader.is_at(address)
        assert not_ready(await hop.http.post("/v1/calls", json={}))
        with pytest.raises(InvalidStatus) as refused:
            await hop.connect()
        assert refused.value.response.status_code == 503
        assert refused.value.response.headers["Retry-After"] == "1"


async def test_what_was_passed_on_once_is_not_passed_on_again(hop: Hop) -> None:
    mark = {"Careline-Forwarded": "1"}
    assert not_ready(await hop.http.post("/v1/calls", json={}, headers=mark))
    with pytest.raises(InvalidStatus) as refused:
        await hop.connect(additional_headers=mark)
    assert refused.value.response.status_code == 503
    assert hop.partner.seen == []


async def test_two_that_take_each_other_for_the_leader_do_not_loop(
    hop: Hop, issuer: LocalIssuer, manual_clock: Any
) -> None:
    other = Leader()
    async with standing_by(other, issuer, manual_clock) as url:
        other.is_at(hop.url)
        hop.leader.is_at(url)
        assert not_ready(await hop.http.get("/v1/calls"))
        with pytest.raises(InvalidStatus) as refused:
            await hop.connect()
        assert refused.value.response.status_code == 503


async def test_a_leader_that_moves_while_he_is_asked_leaves_a_503(hop: Hop) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with asyncio.timeout(30):
        async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
            hop.leader.is_at(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
            asking = asyncio.create_task(hop.http.get("/v1/calls"))
            await eventually(lambda: hop.leader._relying)
            hop.leader.is_at(None)
            answer = await asking
    assert not_ready(answer)
    assert "may have been done" in answer.json()["detail"]


async def test_a_leader_that_dies_while_he_is_asked_leaves_a_503(hop: Hop) -> None:
    async def dies(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.abort()

    async with await asyncio.start_server(dies, "127.0.0.1", 0) as dying:
        hop.leader.is_at(f"http://127.0.0.1:{dying.sockets[0].getsockname()[1]}")
        answer = await hop.http.post("/v1/calls", json={})
    assert not_ready(answer)
    assert "may have been done" in answer.json()["detail"]


async def test_an_answer_that_breaks_off_is_not_taken_for_a_whole_one(hop: Hop) -> None:
    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(half, "127.0.0.1", 0) as breaking:
        hop.leader.is_at(f"http://127.0.0.1:{breaking.sockets[0].getsockname()[1]}")
        with pytest.raises(httpx.RemoteProtocolError):
            await hop.http.get("/v1/calls")


# -- WebSockets --------------------------------------------------------------------------------


async def test_messages_go_both_ways_under_the_chosen_subprotocol(hop: Hop) -> None:
    headers = {"Authorization": "Bearer t"}
    async with hop.connect(subprotocols=["a", "b"], additional_headers=headers) as desk:
        assert desk.subprotocol == "b"
        for said in ("hello", "я" * 100_000, b"\x00\xff"):
            await desk.send(said)
            assert await desk.recv() == said
        await desk.close(4000, "enough")
    scope = hop.partner.seen[0][0]
    assert (scope["path"], scope["query_string"]) == ("/v1/ws", b"ticket=t")
    given_on = dict(scope["headers"])
    assert given_on[b"authorization"] == b"Bearer t"
    assert given_on[b"careline-forwarded"] == b"1"
    await eventually(lambda: hop.partner.closed_by_caller == [4000])


@pytest.mark.parametrize("close", [(1000, ""), (4401, "expired"), (4409, "again"), (1013, "later")])
async def test_the_leaders_close_code_is_kept(hop: Hop, close: tuple[int, str]) -> None:
    hop.partner.close = close
    async with hop.connect() as desk:
        await desk.send("end")
        with pytest.raises(ConnectionClosed):
            await desk.recv()
        assert (desk.close_code, desk.close_reason) == close


async def test_the_leaders_refusal_is_passed_on(hop: Hop) -> None:
    hop.partner.status = 401
    with pytest.raises(InvalidStatus) as refused:
        await hop.connect()
    assert refused.value.response.status_code == 401
    assert refused.value.response.body == b"no"


async def test_a_socket_is_closed_for_a_restart_when_the_leader_moves(hop: Hop) -> None:
    async with hop.connect() as desk:
        await desk.send("hello")
        await desk.recv()
        hop.leader.is_at(None)
        with pytest.raises(ConnectionClosed):
            await desk.recv()
        assert desk.close_code == 1012


async def test_a_caller_who_is_cut_off_is_cut_off_at_the_leader(hop: Hop) -> None:
    async with hop.connect() as desk:
        await desk.send("hello")
        await desk.recv()
        desk.transport.abort()
    await eventually(lambda: hop.partner.closed_by_caller == [1001])
