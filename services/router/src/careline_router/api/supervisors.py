"""What supervisors watch, have said to all who wait, and have done."""

import asyncio
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response, WebSocket

from careline_common.clock import Clock
from careline_common.http.auth import Principal
from careline_common.http.idempotency import Answer
from careline_common.http.paging import Page, Paging
from careline_common.http.problem import InvalidInput, NotReady, Problem, Unauthorized
from careline_router.api.closing import (
    EXPIRED,
    TRY_AGAIN,
)
from careline_router.api.deps import Now, Service, Tickets, may, once
from careline_router.api.permissions import ALLOWED, Action
from careline_router.api.schemas import Announcement, ClientMessage, TokenRenewal, read
from careline_router.api.socket_link import SocketLink
from careline_router.ports import Receipt
from careline_router.service import RouterService
from careline_router.supervisor_board import EVERY_S, Board
from careline_router.views import SupervisorActionView

router = APIRouter(prefix="/v1", tags=["floor"])


@router.post("/announcements", status_code=202, response_model=dict[str, int])
async def announce(
    body: Announcement,
    request: Request,
    caller: Annotated[Principal, Depends(may(Action.ANNOUNCE))],
    service: Service,
) -> Response:
    """Has everybody who waits hear something, or those of one queue; answers to how many it is told."""
    viewer = service.viewer(caller.subject, caller.roles)

    async def use_case(receipt: Receipt | None) -> int:
        return await service.announce(viewer, body.media, body.queue, receipt=receipt)

    def render(told: int) -> Answer:
        return Answer.json({"told": told}, status=202)

    return await once(request, caller, use_case, render=render)


@router.get("/supervisors/actions", dependencies=[Depends(may(Action.READ_ACTIONS))])
async def actions(service: Service, page: Paging) -> Page[SupervisorActionView]:
    """What supervisors did, to whom and when, the newest first."""
    after = page.after(datetime, int)
    rows = await service.actions(
        after=None if after is None else (after[0], after[1]), limit=page.limit
    )
    return page.of(rows, key=lambda row: (row[1].at, row[0]), show=lambda row: row[1])


@router.post("/supervisors/me/ws-ticket", status_code=201)
async def socket_ticket(
    caller: Annotated[Principal, Depends(may(Action.WATCH_FLOOR))], tickets: Tickets
) -> dict[str, str]:
    """A ticket for the socket `/v1/supervisors/me/ws`: it opens one, within 30 s."""
    return {"ticket": tickets.issue(caller)}


@router.websocket("/supervisors/me/ws")
async def supervisor_socket(
    socket: WebSocket,
    *,
    service: Service,
    clock: Now,
    tickets: Tickets,
    ticket: Annotated[str, Query(max_length=200)] = "",
) -> None:
    """`snapshot {queues, agents, calls}` first, then each second `delta`, if anything is different."""
    caller = tickets.redeem(ticket)
    refusal: Problem | None = None
    if caller is None or not caller.has(*ALLOWED[Action.WATCH_FLOOR]):
        refusal = Unauthorized("the ticket is unknown, used, older than 30 s or not a supervisor's")
    elif not service.leads:
        refusal = NotReady("this process does not lead the floor")
    if refusal is not None or caller is None:
        await socket.send_denial_response((refusal or Unauthorized()).response())
        return
    await socket.accept()
    await Watch(socket, service, clock, caller).run()


class Watch:
    """An open socket of one supervisor: one task tells, one reads. Closed as an agent's is."""

    def __init__(
        self, socket: WebSocket, service: RouterService, clock: Clock, caller: Principal
    ) -> None:
        self._service = service
        self._clock = clock
        self._link = SocketLink(socket, clock, caller, Action.WATCH_FLOOR)
        self._seq = 0

    async def run(self) -> None:
        await self._link.serve(self._tell_all(), self._link.read(self._handle))

    async def _tell_all(self) -> int:
        """Each second what is different; who cannot take it in is not told of every change in between."""
        seen = self._look()
        await self._tell("snapshot", seen.document())
        while True:
            await asyncio.sleep(EVERY_S)
            if not self._service.leads:
                return TRY_AGAIN
            if self._link.caller.expires_at <= self._clock.now():
                return EXPIRED
            now = self._look()
            changed = now.since(seen)
            seen = now
            if changed:
                await self._tell("delta", changed)

    def _look(self) -> Board:
        viewer = self._service.viewer(self._link.caller.subject, self._link.caller.roles)
        return self._service.boards.now().for_viewer(viewer)

    async def _tell(self, kind: str, data: dict[str, Any]) -> None:
        self._seq += 1
        await self._link.put(
            {"seq": self._seq, "type": kind, "at": self._clock.now(), "data": data}
        )

    async def _handle(self, message: ClientMessage) -> None:
        """`auth.renew {token}` is all that can be said."""
        if message.type != "auth.renew":
            raise InvalidInput(f"no message is called {message.type!r}", allowed=["auth.renew"])
        await self._link.renew(read(TokenRenewal, message.data, "data").token)
