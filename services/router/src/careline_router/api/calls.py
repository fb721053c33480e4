"""Calls: what is known of them, why they went where they went, and what can be done with them."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response

from careline_common.http.auth import Principal
from careline_common.http.paging import Page, Paging
from careline_common.http.problem import Forbidden
from careline_router.api.deps import Service, may, once, viewer_who
from careline_router.api.permissions import ALLOWED, PBX, Action
from careline_router.api.schemas import Assign, Listen, Move, Reprioritise, WrapUp
from careline_router.api.wire import as_wrap_up
from careline_router.domain.words import CallState
from careline_router.ports import Receipt
from careline_router.views import CallView, Viewer

router = APIRouter(prefix="/v1/calls", tags=["calls"])

Reader = Annotated[Viewer, Depends(viewer_who(Action.READ_CALLS))]
Steering = Annotated[Principal, Depends(may(Action.STEER_CALLS))]


@router.get("")
async def list_calls(
    viewer: Reader,
    service: Service,
    page: Paging,
    state: Annotated[CallState | None, Query()] = None,
    queue: Annotated[str | None, Query(max_length=200)] = None,
) -> Page[CallView]:
    """Calls, the newest first. Agents see their own, supervisors those of their teams."""
    after = page.after(datetime, str)
    rows = await service.queries.calls(
        viewer,
        state=state,
        queue=queue,
        after=None if after is None else (after[0], after[1]),
        limit=page.limit,
    )
    return page.of(rows, key=lambda call: (call.arrived_at, call.id), show=lambda call: call)


@router.get("/by-pbx/{pbx}/{pbx_call_id:path}")
async def call_by_pbx(
    pbx: str,
    pbx_call_id: str,
    caller: Annotated[Principal, Depends(may(Action.READ_CALL_BY_PBX))],
    service: Service,
) -> CallView:
    """The call that a PBX knows by this id; a PBX finds its own calls only."""
    if not caller.has(*ALLOWED[Action.READ_CALL_BY_PBX] - {PBX}) and caller.pbx != pbx:
        raise Forbidden("the token is for another PBX")
    viewer = service.viewer(caller.subject, caller.roles)
    return await service.queries.call_by_pbx(pbx, pbx_call_id, viewer)


@router.get("/{call_id}")
async def one_call(call_id: str, viewer: Reader, service: Service) -> CallView:
    """A call; `caller` only for its agent and for supervisors of his team."""
    return await service.queries.call(call_id, viewer)


@router.get("/{call_id}/decisions", dependencies=[Depends(may(Action.READ_DECISIONS))])
async def decisions(
    call_id: str,
    service: Service,
    expand: Annotated[Literal["agents"] | None, Query()] = None,
) -> dict[str, list[dict[str, Any]]]:
    """One record for each offer of this call: who was there, and why this agent.

    With `expand=agents`, `agents` are all of them, rebuilt out of the journal: `{"id","state","site","why"}`,
    `why` being what kept the call from him. 409 `journal-gone` when that is too long ago.
    """
    records = await service.queries.decisions(call_id, everybody=expand is not None)
    return {"items": records}


@router.post("/{call_id}/wrap-up", response_model=CallView)
async def wrap_up(
    call_id: str,
    body: WrapUp,
    request: Request,
    caller: Annotated[Principal, Depends(may(Action.WRAP_UP))],
    service: Service,
) -> Response:
    """What became of the call; its agent is ready again afterwards."""

    async def use_case(receipt: Receipt | None) -> CallView:
        return await service.wrap_up(caller.subject, call_id, as_wrap_up(body), receipt=receipt)

    return await once(request, caller, use_case)


@router.post("/{call_id}/move", response_model=CallView)
async def move(
    call_id: str, body: Move, request: Request, caller: Steering, service: Service
) -> Response:
    """Moves a waiting call to another queue; it keeps its place in time."""
    viewer = service.viewer(caller.subject, caller.roles)

    async def use_case(receipt: Receipt | None) -> CallView:
        return await service.move(viewer, call_id, body.queue, receipt=receipt)

    return await once(request, caller, use_case)


@router.post("/{call_id}/priority", response_model=CallView)
async def set_priority(
    call_id: str, body: Reprioritise, request: Request, caller: Steering, service: Service
) -> Response:
    """Gives a waiting call another priority class."""
    viewer = service.viewer(caller.subject, caller.roles)

    async def use_case(receipt: Receipt | None) -> CallView:
        return await service.set_priority(viewer, call_id, body.priority, receipt=receipt)

    return await once(request, caller, use_case)


@router.post("/{call_id}/listen", response_model=CallView)
async def listen(
    call_id: str, body: Listen, request: Request, caller: Steering, service: Service
) -> Response:
    """Connects a supervisor's phone to a talk: he listens, whispers to the agent, or talks with both."""
    viewer = service.viewer(caller.subject, caller.roles)

    async def use_case(receipt: Receipt | None) -> CallView:
        return await service.listen(viewer, call_id, body.mode, body.endpoint, receipt=receipt)

    return await once(request, caller, use_case)


@router.post("/{call_id}/assign", response_model=CallView)
async def assign(
    call_id: str,
    request: Request,
    caller: Steering,
    service: Service,
    body: Assign | None = None,
) -> Response:
    """Gives a waiting call to an agent; without one, a supervisor who is an agent picks it for himself."""
    viewer = service.viewer(caller.subject, caller.roles)
    agent = (body and body.agent) or caller.subject

    async def use_case(receipt: Receipt | None) -> CallView:
        return await service.assign(viewer, call_id, agent, receipt=receipt)

    return await once(request, caller, use_case)


@router.post("/{call_id}/withdraw", response_model=CallView)
async def withdraw(call_id: str, request: Request, caller: Steering, service: Service) -> Response:
    """Takes the call's open offer back from its agent; somebody else is offered it."""
    viewer = service.viewer(caller.subject, caller.roles)

    async def use_case(receipt: Receipt | None) -> CallView:
        return await service.withdraw_offer(viewer, call_id, receipt=receipt)

    return await once(request, caller, use_case)
