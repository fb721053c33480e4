"""The agent's socket: typed JSON both ways, numbered, resumed after a cut.

Close codes: 4401 the token has expired, 4409 a newer socket of the same agent has taken over, 4429
the client does not read, 4430 it sends too much, 4400 it sends what is no message, 1009 one that is too large,
1013 another process leads the floor.
"""

import asyncio
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, WebSocket, WebSocketDisconnect

from careline_common.clock import Clock, rfc3339
from careline_common.db.engine import is_unavailable
from careline_common.http.auth import Principal
from careline_common.http.problem import NotReady, Problem, Unauthorized
from careline_router.api.closing import (
    EXPIRED,
    SUPERSEDED,
    TOO_SLOW,
    TRY_AGAIN,
)
from careline_router.api.deps import Now, Service, Tickets
from careline_router.api.desk import Desk
from careline_router.api.numbering import LARGEST, Numbering, stored_number
from careline_router.api.permissions import Action
from careline_router.api.queue_stats import EVERY_S, QueueStats
from careline_router.api.socket_link import SocketLink
from careline_router.feeds import Feed, SlowReader
from careline_router.service import RouterService

WARN_S = 60.0
"""How long before a token expires its bearer is told."""
WATCH_S = 0.5
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
    """An open socket: besides what every socket does it writes the feed, and watches the token."""

    def __init__(
        self, socket: WebSocket, service: RouterService, clock: Clock, caller: Principal
    ) -> None:
        self._service = service
        self._clock = clock
        self._stats: QueueStats = socket.app.state.queue_stats
        self._link = SocketLink(socket, clock, caller, Action.OWN_SESSION)
        self._desk = Desk(service, caller.subject, renew=self._link.renew)
        self._numbers = Numbering(0)

    async def run(self, feed: Feed, after: int | None) -> None:
        """Serves until one side ends it; says why by the close code."""
        self._numbers = Numbering.behind(after, feed.seq)
        try:
            await self._tell("resync", {"snapshot": feed.snapshot, "lost": feed.lost})
        except (WebSocketDisconnect, TimeoutError):
            return
        await self._link.serve(
            self._write(feed),
            self._link.read(self._desk.handle),
            self._watch_token(),
            self._tell_queues(),
        )

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

    async def _watch_token(self) -> int | None:
        """Warns before the token expires; afterwards ends the connection, but no talk.

        Ends it too when another process leads the floor: what happens then is not heard here.
        """
        warned_for: Principal | None = None
        while True:
            if not self._service.leads:
                return TRY_AGAIN
            left = (self._link.caller.expires_at - self._clock.now()).total_seconds()
            if left <= 0 and not await self._is_talking():
                return EXPIRED
            if left <= WARN_S and warned_for is not self._link.caller:
                warned_for = self._link.caller
                expires_at = rfc3339(self._link.caller.expires_at)
                await self._tell("auth.expiring", {"expires_at": expires_at})
            await asyncio.sleep(WATCH_S)

    async def _is_talking(self) -> bool:
        """Whether he talks; while nobody can tell, he might."""
        try:
            agent = await self._service.queries.agent(self._link.caller.subject)
        except Exception as error:
            if is_unavailable(error):
                return True
            raise
        return agent.state == "talking"

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
        await self._link.put({"seq": seq, "type": kind, "at": at, "data": data})
