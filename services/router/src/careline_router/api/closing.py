"""How sockets are closed: a code and a reason that say why."""

import asyncio
from collections.abc import Iterable

from fastapi import WebSocket, WebSocketDisconnect

from careline_common.clock import Clock

NO_MESSAGE = 4400
EXPIRED = 4401
SUPERSEDED = 4409
TOO_SLOW = 4429
FLOODED = 4430
TOO_LARGE = 1009
TRY_AGAIN = 1013

REASONS = {
    NO_MESSAGE: "what was sent is no message",
    EXPIRED: "the token has expired",
    SUPERSEDED: "a newer socket of the same agent has taken over",
    TOO_SLOW: "the client does not read",
    FLOODED: "the client sends too much",
    TOO_LARGE: "the message is too large",
    TRY_AGAIN: "another process leads the floor",
}


MOST_A_SECOND = 50
MOST_AT_ONCE = 200
"""Messages of a client: no desk sends a tenth of it."""


class Allowance:
    """How many messages a client may still send now."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._left, self._last = float(MOST_AT_ONCE), clock.monotonic()

    def spend(self) -> bool:
        """Takes one message off; False: it is too many."""
        now = self._clock.monotonic()
        refilled = self._left + (now - self._last) * MOST_A_SECOND
        self._left, self._last = min(MOST_AT_ONCE, refilled) - 1, now
        return self._left >= 0


async def close(socket: WebSocket, done: Iterable["asyncio.Future[int | None]"]) -> None:
    """Closes by the code that a job has ended with; not when the client has gone by itself."""
    codes = [_code(task) for task in done]
    if all(codes):
        code = next(code for code in codes if code)
        await socket.close(code, REASONS[code])


def _code(task: "asyncio.Future[int | None]") -> int | None:
    """The close code a job ended with; None when the client has gone by itself."""
    failure = task.exception()
    if failure is None:
        return task.result()
    if isinstance(failure, WebSocketDisconnect):
        return None
    if isinstance(failure, TimeoutError):  # of something that was sent
        return TOO_SLOW
    raise failure
