"""An agent's socket through a process that stands by: messages and close codes both ways.

It is closed with 1012 when the leader goes; the client comes back and resumes by its last number.
"""

import asyncio
from collections.abc import Iterable
from contextlib import suppress

import websockets
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from careline_common.http.problem import NotReady

OPEN_S = 10.0
NORMAL = 1000
GOING_AWAY = 1001
NO_CODE = 1005
LOST = 1006
RESTART = 1012
NEVER_SENT = frozenset({NO_CODE, LOST, 1015})
"""RFC 6455, 7.4.1: stand for an end without a code, and must not be in a frame."""

_DENIAL_KEEPS = ("content-type", "retry-after", "www-authenticate", "x-request-id")


class ForwardedSocket:
    """A caller's socket, and the one to the leader that it is joined with."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._caller = WebSocket(scope, receive, send)

    async def run(self, leader: str, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Joins both until one of them ends it; the leader's refusal is passed on as it is.

        Raises `NotReady` when the leader cannot be reached.
        """
        await self._caller.receive()
        try:
            connection = await self._connect(leader, headers)
        except websockets.InvalidStatus as refused:
            await self._caller.send_denial_response(_denial(refused.response))
            return
        except (OSError, websockets.WebSocketException) as error:
            raise NotReady("the floor's leader cannot be reached") from error
        try:
            with suppress(WebSocketDisconnect):
                await self._caller.accept(connection.subprotocol)
                await self._join(connection)
        finally:
            connection.transport.abort()

    async def give_up(self, problem: NotReady) -> None:
        """Says 503 in place of the handshake, or 1012 (service restart) to an open socket."""
        if self._caller.application_state is WebSocketState.CONNECTING:
            await self._caller.send_denial_response(problem.response())
        else:
            await self._close(RESTART, problem.type)

    async def _connect(
        self, leader: str, headers: Iterable[tuple[bytes, bytes]]
    ) -> websockets.ClientConnection:
        path, query = self._scope["raw_path"], self._scope["query_string"]
        target = (path + (b"?" + query if query else b"")).decode("latin-1")
        return await websockets.connect(
            leader.replace("http", "ws", 1) + target,
            subprotocols=[websockets.Subprotocol(each) for each in self._scope["subprotocols"]]
            or None,
            additional_headers=[
                (name.decode("latin-1"), value.decode("latin-1"))
                for name, value in headers
                if name != b"host" and not name.startswith(b"sec-websocket-")
            ],
            user_agent_header=None,
            compression=None,
            proxy=None,
            max_size=None,
            open_timeout=OPEN_S,
        )

    async def _join(self, leader: websockets.ClientConnection) -> None:
        hearing = asyncio.create_task(self._hear_caller(leader))
        try:
            code, reason = await self._hear_leader(leader)
        finally:
            hearing.cancel()
            await asyncio.gather(hearing, return_exceptions=True)
        await self._close(code, reason)

    async def _hear_caller(self, leader: websockets.ClientConnection) -> None:
        with suppress(websockets.ConnectionClosed):
            while True:
                message = await self._caller.receive()
                if message["type"] == "websocket.disconnect":
                    code = message.get("code", NO_CODE)
                    code = GOING_AWAY if code in NEVER_SENT else code
                    await leader.close(code, message.get("reason") or "")
                    return
                text = message.get("text")
                await leader.send(message["bytes"] if text is None else text)

    async def _hear_leader(self, leader: websockets.ClientConnection) -> tuple[int, str]:
        """Passes on what the leader says; gives the code and reason with which he has ended it."""
        with suppress(websockets.ConnectionClosed):
            while True:
                said = await leader.recv()
                if isinstance(said, str):
                    await self._caller.send_text(said)
                else:
                    await self._caller.send_bytes(said)
        code = leader.close_code or LOST
        if code in NEVER_SENT:
            return (NORMAL, "") if code == NO_CODE else (RESTART, "the leader was lost")
        return code, leader.close_reason or ""

    async def _close(self, code: int, reason: str) -> None:
        if self._caller.client_state is WebSocketState.CONNECTED:
            with suppress(WebSocketDisconnect, RuntimeError):  # it has gone meanwhile
                await self._caller.close(code, reason)


def _denial(answer: websockets.Response) -> Response:
    headers = {name: answer.headers[name] for name in _DENIAL_KEEPS if name in answer.headers}
    return Response(bytes(answer.body or b""), answer.status_code, headers=headers)
