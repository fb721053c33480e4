"""What routes are given: the service, and the caller with his rights.

`careline_router.api.install` hangs what they need on `app.state`.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

from fastapi import Depends, Request
from starlette.requests import HTTPConnection
from starlette.responses import Response

from careline_common.clock import Clock
from careline_common.http.auth import Principal, require
from careline_common.http.idempotency import (
    Answer,
    KeyReusedError,
    fingerprint,
    key_reused,
    request_key,
    token_scope,
)
from careline_common.http.problem import Forbidden
from careline_common.http.signed import SignedCallbacks
from careline_router.api.permissions import ALLOWED, Action
from careline_router.api.tickets import SocketTickets
from careline_router.api.wire import impersonal
from careline_router.ports import AlreadyAnswered, Receipt
from careline_router.service import RouterService
from careline_router.views import Viewer


async def _service(connection: HTTPConnection) -> RouterService:
    service: RouterService = connection.app.state.service
    return service


async def _clock(connection: HTTPConnection) -> Clock:
    clock: Clock = connection.app.state.clock
    return clock


async def _callbacks(connection: HTTPConnection) -> SignedCallbacks:
    callbacks: SignedCallbacks = connection.app.state.callbacks
    return callbacks


async def _tickets(connection: HTTPConnection) -> SocketTickets:
    tickets: SocketTickets = connection.app.state.tickets
    return tickets


View = TypeVar("View")
Service = Annotated[RouterService, Depends(_service)]
Now = Annotated[Clock, Depends(_clock)]
Callbacks = Annotated[SignedCallbacks, Depends(_callbacks)]
Tickets = Annotated[SocketTickets, Depends(_tickets)]


def may(action: Action) -> Callable[[Principal], Awaitable[Principal]]:
    """Dependency: a caller whose role allows the action; raises 401 or 403."""
    return require(*ALLOWED[action])


def pbx_may(action: Action) -> Callable[..., Awaitable[str]]:
    """Dependency: the id of the PBX in the path, which must be the one in the token."""

    async def allowed(
        pbx: str, caller: Annotated[Principal, Depends(may(action))], service: Service
    ) -> str:
        if caller.pbx != pbx:
            raise Forbidden("the token is for another PBX")
        service.signs.heard(pbx)
        return pbx

    return allowed


def viewer_who(action: Action) -> Callable[..., Awaitable[Viewer]]:
    """Dependency: the caller as the service's reads and orders take him."""

    async def viewer(
        caller: Annotated[Principal, Depends(may(action))], service: Service
    ) -> Viewer:
        return service.viewer(caller.subject, caller.roles)

    return viewer


Agent = Annotated[Principal, Depends(may(Action.OWN_SESSION))]


async def once(
    request: Request,
    caller: Principal,
    use_case: Callable[[Receipt | None], Awaitable[View]],
    *,
    render: Callable[[View], Answer] = Answer.json,
) -> Response:
    """Runs a use case and answers it; under an Idempotency-Key once, then the first answer again.

    An answer under a key is kept, and so holds nothing personal.
    """
    key = request_key(request)
    if key is None:
        return render(await use_case(None)).response()

    def render_kept(view: View) -> Answer:
        return render(impersonal(view))

    receipt = Receipt(
        scope=token_scope(caller),
        key=key,
        fingerprint=await fingerprint(request),
        render=render_kept,
    )
    try:
        return render_kept(await use_case(receipt)).response()
    except AlreadyAnswered as answered:
        return answered.answer.response(replayed=True)
    except KeyReusedError as error:
        raise key_reused() from error
