"""The agent's socket: typed JSON both ways, numbered, resumed after a cut.

Close codes: 4401 the token has expired, 4409 a newer socket of the same agent has taken over, 4429
the client does not read, 4430 it sends too much, 4400 it sends what is no message, 1009 one that is too large,
1013 another process leads the floor.
"""

import asyncio
from collections.abc import Awaitable
from datetime import datetime
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Query, WebSocket, WebSocketDisconnect
from pydantic_core import to_json

from careline_common.clock import Clock, rfc3339
from careline_common.db.engine import is_unavailable
from careline_common.http.auth import Authenticator, Principal
from careline_common.http.problem import Forbidden, NotReady, Problem, Unauthorized
from careline_router.api.closing import (
    EXPIRED,
    FLOODED,
    NO_MESSAGE,
    SUPERSEDED,
    TOO_LARGE,
    TOO_SLOW,
    TRY_AGAIN,
    Allowance,
    close,
)
from careline_router.api.deps import Now, Service, Tickets
from careline_router.api.desk import Desk, Refused, read_message
from careline_router.api.numbering import LARGEST, Numbering, stored_number
from careline_router.api.permissions import ALLOWED, Action
from careline_router.api.queue_stats import EVERY_S, QueueStats
from careline_router.feeds import Feed, SlowReader
from careline_router.service import RouterService

WARN_S = 60.0
"""How long before a token expires its bearer is told."""
WATCH_S = 0.5
LONGEST_MESSAGE = 64 * 1024
SEND_S = 20.0
"""Who takes nothing in for so long does not read any more; what he misses he gets when he comes back."""

log = structlog.get_logger(__name__)

router = APIRouter(tags=["agents"])


@router.websocket("/v1/agents/me/ws")
async def agent_socket(
    socket: WebSocket,
    *,
    service: Service,
    clock: Now,
    tickets: Tickets,
    ticket: Annotated[str, Query(max_length=200)] = "",
    after: Annotated[int | None, Query(ge=0, le=LARGEST)] = None,
) -> None:
    """One agent's connection, from his ticket to the end."""
    caller = tickets.redeem(ticket)
    if caller is None:
        refusal = Unauthorized("the ticket is unknown, used or older than 30 s")
        await socket.send_denial_response(refusal.response())
        return
    try:
        if not service.leads:
            raise NotReady("this process does not lead the floor")
        await service.queries.agent(caller.subject)
    except Problem as problem:
        await socket.send_denial_response(problem.response())
        return
    async with service.feeds.open(caller.subject, after=stored_number(after)) as feed:
        await socket.accept()
        await Connection(socket, service, clock, caller).run(feed, after)


class Connection:
    """An open socket: one task writes the feed, one reads the client, one watches the token."""

    def __init__(
        self, socket: WebSocket, service: RouterService, clock: Clock, caller: Principal
    ) -> None:
        self._socket = socket
        self._service = service
        self._clock = clock
        self._authenticator: Authenticator = socket.app.state.authenticator
        self._stats: QueueStats = socket.app.state.queue_stats
        self._caller = caller
        self._desk = Desk(service, caller.subject, renew=self._renew)
        self._numbers = Numbering(0)

    async def run(self, feed: Feed, after: int | None) -> None:
        """Serves until one side ends it; says why by the close code."""
        self._numbers = Numbering.behind(after, feed.seq)
        try:
            await self._tell("resync", {"snapshot": feed.snapshot})
        except (WebSocketDisconnect, TimeoutError):
            return
        jobs: list[Awaitable[int | None]] = [
            self._write(feed),
            self._read(),
            self._watch_token(),
            self._tell_queues(),
        ]
        tasks = [asyncio.ensure_future(job) for job in jobs]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        await close(self._socket, done)

    async def _write(self, feed: Feed) -> int | None:
        """What was missed, then what happens."""
        try:
            async for message in feed:
                await self._send(
                    self._numbers.of_stored(message.seq), message.type, message.at, message.data
                )
        except SlowReader:
            return TOO_SLOW
        return SUPERSEDED if feed.superseded else None

    async def _read(self) -> int | None:
        """What the client asks for, one after the other."""
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
            await self._put(await self._answer(text))

    async def _answer(self, text: str) -> dict[str, Any]:
        """`ack`, or `error` with a problem."""
        message_id: str | None = None
        try:
            message = read_message(text)
            message_id = message.id
            await self._desk.handle(message)
        except Refused as refused:
            return {"type": "error", "id": refused.message_id, "problem": refused.problem}
        except Problem as problem:
            return {"type": "error", "id": message_id, "problem": problem.document()}
        except Exception as error:  # noqa: BLE001 - one failed request must not cut a talk
            log.error("socket.request_failed", error=type(error).__name__)  # noqa: TRY400 - texts may be personal
            failure = NotReady("the database is away") if is_unavailable(error) else Problem()
            return {"type": "error", "id": message_id, "problem": failure.document()}
        return {"type": "ack", "id": message_id}

    async def _watch_token(self) -> int | None:
        """Warns before the token expires; afterwards ends the connection, but no talk.

        Ends it too when another process leads the floor: what happens then is not heard here.
        """
        warned_for: Principal | None = None
        while True:
            if not self._service.leads:
                return TRY_AGAIN
            left = (self._caller.expires_at - self._clock.now()).total_seconds()
            if left <= 0 and not await self._is_talking():
                return EXPIRED
            if left <= WARN_S and warned_for is not self._caller:
                warned_for = self._caller
                expires_at = rfc3339(self._caller.expires_at)
                await self._tell("auth.expiring", {"expires_at": expires_at})
            await asyncio.sleep(WATCH_S)

    async def _is_talking(self) -> bool:
        """Whether he talks; while nobody can tell, he might."""
        try:
            agent = await self._service.queries.agent(self._caller.subject)
        except Exception as error:
            if is_unavailable(error):
                return True
            raise
        return agent.state == "talking"

    async def _renew(self, token: str) -> None:
        """Goes on under a newer token of the same agent."""
        caller = await self._authenticator.verify(token)
        caller.check(*ALLOWED[Action.OWN_SESSION])
        if caller.subject != self._caller.subject:
            raise Forbidden("the token is somebody else's")
        self._caller = caller

    async def _tell_queues(self) -> int | None:
        told: list[dict[str, Any]] | None = None
        while True:
            queues = await self._present_queues()
            if queues is not None and queues != told:
                await self._tell("queue.stats", {"queues": queues})
                told = queues
            await asyncio.sleep(EVERY_S)

    async def _present_queues(self) -> list[dict[str, Any]] | None:
        try:
            return await self._stats.now()
        except Exception as error:
            if is_unavailable(error):
                return None
            raise

    async def _tell(self, kind: str, data: dict[str, Any]) -> None:
        """Sends what is true now and is not repeated to a socket that comes back."""
        await self._send(self._numbers.of_passing(), kind, self._clock.now(), data)

    async def _send(self, seq: int, kind: str, at: datetime, data: Any) -> None:
        await self._put({"seq": seq, "type": kind, "at": at, "data": data})

    async def _put(self, document: dict[str, Any]) -> None:
        """Raises TimeoutError when the client does not take it in."""
        async with asyncio.timeout(SEND_S):
            await self._socket.send_text(to_json(document).decode())
