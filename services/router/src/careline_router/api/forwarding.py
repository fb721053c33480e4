"""Passing on to the floor's leader what reaches a process that stands by: one hop, nothing changed.

Bodies go through as they come, both ways. The only address that is ever contacted is the one in the
lease. What cannot be passed on, or is not answered, ends in 503 with `Retry-After`.
"""

import ssl
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

import httpx
from starlette._utils import get_route_path
from starlette.requests import ClientDisconnect
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from careline_common.http.problem import NotReady
from careline_common.http.scope import OPERATIONS, header
from careline_common.observability.logging import REQUEST_ID, current_request_id
from careline_router.api.forwarded_socket import ForwardedSocket
from careline_router.runtime.leader import Leader

FORWARDED = b"careline-forwarded"
"""Set on what was passed on: a process that does not lead either must not pass it further."""

DEADLINES_S = {"connect": 2.0, "pool": 2.0, "write": 60.0, "read": 60.0}
"""A PBX waits up to 30 s for a command, and a configuration may have 16 MB."""
MOST_CONNECTIONS = 1000
IDLE_S = 2.0
"""Shorter than the 5 s after which the leader closes an idle connection."""

HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"expect",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
"""RFC 9110, 7.6.1, and `Expect`, which the server before us has met."""
OURS = frozenset({b"date", b"server"})
"""Of an answer: our own server writes them."""

Headers = list[tuple[bytes, bytes]]


class _Route(BaseRoute):
    """What logs and metrics call a request that was passed on; its real route is known there."""

    path_format = "forwarded"


def connections_to_leader() -> httpx.AsyncHTTPTransport:
    """What `Forwarding` sends by; whoever makes it closes it.

    It is no client: that would keep cookies, and give those of one caller to the next.
    """
    return httpx.AsyncHTTPTransport(
        verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),  # plain HTTP only: nobody is trusted
        limits=httpx.Limits(
            max_connections=MOST_CONNECTIONS,
            max_keepalive_connections=MOST_CONNECTIONS,
            keepalive_expiry=IDLE_S,
        ),
    )


class Forwarding:
    """Stands in front of the routes. A process that leads, or is asked how it is, answers itself."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        leads: Callable[[], bool],
        leader: Leader,
        connections: httpx.AsyncBaseTransport,
    ) -> None:
        self.app = app
        self._leads = leads
        self._leader = leader
        self._connections = connections

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._answered_here(scope):
            await self.app(scope, receive, send)
            return
        scope["route"] = _Route()
        if scope["type"] == "http":
            async with self._reaching(scope) as leader:
                await self._pass_on(scope, receive, send, leader)
            return
        socket = ForwardedSocket(scope, receive, send)
        try:
            async with self._reaching(scope) as leader:
                await socket.run(leader, _onward(scope))
        except NotReady as problem:
            await socket.give_up(problem)

    @asynccontextmanager
    async def _reaching(self, scope: Scope) -> AsyncIterator[str]:
        """The leader's base URL for the block, which ends in `NotReady` when he is lost."""
        leader = self._leader.address
        if leader is None:
            raise NotReady("this process does not lead the floor, nor knows who does")
        if header(scope, FORWARDED) is not None:
            raise NotReady("this process does not lead the floor any more")
        try:
            async with self._leader.relied_on():
                yield leader
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise NotReady("the floor's leader cannot be reached; nothing was done") from error
        except (httpx.TransportError, TimeoutError) as error:
            raise NotReady(
                "the floor's leader was lost before it answered: it may have been done"
            ) from error

    def _answered_here(self, scope: Scope) -> bool:
        if scope["type"] not in {"http", "websocket"} or self._leads():
            return True
        return scope["type"] == "http" and get_route_path(scope) in OPERATIONS

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send, leader: str) -> None:
        query = scope["query_string"]
        request = httpx.Request(
            scope["method"],
            leader,
            headers=_onward(scope),
            content=_body(receive) if _has_body(scope) else None,
            extensions={
                "timeout": DEADLINES_S,
                "target": scope["raw_path"] + (b"?" + query if query else b""),
            },
        )
        answer = await self._connections.handle_async_request(request)
        try:
            headers = [pair for pair in _end_to_end(answer.headers.raw) if pair[0] not in OURS]
            await send(
                {"type": "http.response.start", "status": answer.status_code, "headers": headers}
            )
            async for part in answer.aiter_raw():
                await send({"type": "http.response.body", "body": part, "more_body": True})
        finally:
            await answer.aclose()
        await send({"type": "http.response.body", "body": b""})


def _has_body(scope: Scope) -> bool:
    return (header(scope, b"content-length") or "0") != "0" or (
        header(scope, b"transfer-encoding") is not None
    )


async def _body(receive: Receive) -> AsyncIterator[bytes]:
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        if body := message.get("body", b""):
            yield body
        more = message.get("more_body", False)


def _end_to_end(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Without what is meant for the next hop only, which `Connection` may name."""
    given = [(name.lower(), value) for name, value in headers]
    named = {
        option.strip().lower()
        for name, value in given
        if name == b"connection"
        for option in value.split(b",")
    }
    return [pair for pair in given if pair[0] not in HOP_BY_HOP | named]


def _onward(scope: Scope) -> Headers:
    """The caller's headers, with our mark, the request's id and the caller's address."""
    request_id = REQUEST_ID.lower().encode()
    mine = {FORWARDED, b"x-forwarded-for", request_id}
    headers = [pair for pair in _end_to_end(scope["headers"]) if pair[0] not in mine]
    hops = [
        value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"
    ]
    if scope.get("client") is not None:
        hops.append(scope["client"][0])
    if hops:
        headers.append((b"x-forwarded-for", ", ".join(hops).encode("latin-1")))
    known_as = current_request_id()
    if known_as is not None:
        headers.append((request_id, known_as.encode()))
    return [*headers, (FORWARDED, b"1")]
