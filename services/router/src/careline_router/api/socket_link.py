"""What a socket does whoever it belongs to: one task tells, one reads, and the first to end closes it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from fastapi import WebSocket
from pydantic_core import to_json

from careline_common.clock import Clock
from careline_common.db.engine import is_unavailable
from careline_common.http.auth import Authenticator, Principal
from careline_common.http.problem import Forbidden, NotReady, Problem
from careline_router.api.closing import FLOODED, NO_MESSAGE, TOO_LARGE, Allowance, close
from careline_router.api.desk import Refused, read_message
from careline_router.api.permissions import ALLOWED, Action
from careline_router.api.schemas import ClientMessage

LONGEST_MESSAGE = 64 * 1024
SEND_S = 20.0
"""Who takes nothing in for so long does not read any more; what he misses he gets when he comes back."""

log = structlog.get_logger(__name__)

Handle = Callable[[ClientMessage], Awaitable[None]]
"""Does what a message asks for; raises a `Problem` when that cannot be."""


class SocketLink:
    """An open socket. `caller` is who speaks, by his newest token, and `action` what he must be allowed."""

    def __init__(self, socket: WebSocket, clock: Clock, caller: Principal, action: Action) -> None:
        self.caller = caller
        self._socket = socket
        self._clock = clock
        self._action = action
        self._authenticator: Authenticator = socket.app.state.authenticator

    async def serve(self, *jobs: Awaitable[int | None]) -> None:
        """Runs the jobs until one of them ends, and closes by the code it ended with."""
        tasks = [asyncio.ensure_future(job) for job in jobs]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        await close(self._socket, done)

    async def put(self, document: dict[str, Any]) -> None:
        """Raises TimeoutError when the client does not take it in."""
        async with asyncio.timeout(SEND_S):
            await self._socket.send_text(to_json(document).decode())

    async def read(self, handle: Handle) -> int | None:
        """What the client asks for, one after the other; returns the code to close by."""
        allowance = Allowance(self._clock)
        while True:
            received = await self._socket.receive()
            if received["type"] == "websocket.disconnect":
                return None
            text = received.get("text")
            if text is None:
                return NO_MESSAGE
            if len(text) > LONGEST_MESSAGE:
                return TOO_LARGE
            if not allowance.spend():
                return FLOODED
            await self.put(await _answer(text, handle))

    async def renew(self, token: str) -> None:
        """Goes on under a newer token of the same person."""
        caller = await self._authenticator.verify(token)
        caller.check(*ALLOWED[self._action])
        if caller.subject != self.caller.subject:
            raise Forbidden("the token is somebody else's")
        self.caller = caller


async def _answer(text: str, handle: Handle) -> dict[str, Any]:
    """`ack`, or `error` with a problem."""
    message_id: str | None = None
    try:
        message = read_message(text)
        message_id = message.id
        await handle(message)
    except Refused as refused:
        return {"type": "error", "id": refused.message_id, "problem": refused.problem}
    except Problem as problem:
        return {"type": "error", "id": message_id, "problem": problem.document()}
    except Exception as error:  # noqa: BLE001 - one failed request must not cut a talk
        log.error("socket.request_failed", error=type(error).__name__)  # noqa: TRY400 - texts may be personal
        failure = NotReady("the database is away") if is_unavailable(error) else Problem()
        return {"type": "error", "id": message_id, "problem": failure.document()}
    return {"type": "ack", "id": message_id}
