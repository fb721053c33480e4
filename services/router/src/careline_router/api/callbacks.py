"""Callbacks: who is to be called, by whom it was wanted, and how far it is."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from careline_common.http.auth import Principal
from careline_common.http.idempotency import Answer
from careline_common.http.paging import Page, Paging
from careline_router.api.deps import Service, may, once, viewer_who
from careline_router.api.permissions import Action
from careline_router.api.schemas import CallbackWanted
from careline_router.domain.words import CallbackState
from careline_router.ports import Receipt
from careline_router.views import CallbackView, Viewer

router = APIRouter(prefix="/v1/callbacks", tags=["callbacks"])

Reader = Annotated[Viewer, Depends(viewer_who(Action.READ_CALLBACKS))]


@router.get("")
async def list_callbacks(
    viewer: Reader,
    service: Service,
    page: Paging,
    state: Annotated[CallbackState | None, Query()] = None,
) -> Page[CallbackView]:
    """Callbacks, the newest first. `phone` as `caller` of a call: for who has it, and his supervisors."""
    after = page.after(datetime, str)
    rows = await service.callbacks.all(
        viewer,
        state=state,
        after=None if after is None else (after[0], after[1]),
        limit=page.limit,
    )
    return page.of(rows, key=lambda row: (row.made_at, row.id), show=lambda row: row)


@router.post("", status_code=201, response_model=CallbackView)
async def request_callback(
    body: CallbackWanted,
    request: Request,
    caller: Annotated[Principal, Depends(may(Action.REQUEST_CALLBACK))],
    service: Service,
) -> Response:
    """Puts somebody down to be called back; 409 `known-person` with `id` when he is already."""
    viewer = service.viewer(caller.subject, caller.roles)

    async def use_case(receipt: Receipt | None) -> CallbackView:
        return await service.request_callback(
            viewer, body.phone, body.queue, body.not_before, receipt=receipt
        )

    def render(made: CallbackView) -> Answer:
        return Answer.json(made, status=201, location=f"{request.url.path}/{made.id}")

    return await once(request, caller, use_case, render=render)


@router.get("/{callback_id}")
async def one_callback(callback_id: str, viewer: Reader, service: Service) -> CallbackView:
    """One callback; its `id` is also that of its call."""
    return await service.callbacks.one(callback_id, viewer)


@router.delete(
    "/{callback_id}", status_code=204, dependencies=[Depends(may(Action.CANCEL_CALLBACK))]
)
async def cancel_callback(callback_id: str, service: Service) -> None:
    """Nobody is called back by this; 409 `callback-begun` while the person is being called."""
    await service.cancel_callback(callback_id)
