"""Offers, answered by REST; the agent socket does the same."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from careline_common.http.auth import Principal
from careline_router.api.deps import Service, may, once
from careline_router.api.permissions import Action
from careline_router.api.schemas import OfferReject
from careline_router.ports import Receipt
from careline_router.views import AgentView

router = APIRouter(prefix="/v1/offers", tags=["agents"])

Answering = Annotated[Principal, Depends(may(Action.ANSWER_OFFER))]


@router.post("/{offer_id}/accept", response_model=AgentView)
async def accept(offer_id: str, request: Request, caller: Answering, service: Service) -> Response:
    """Takes the offer: his phone rings next."""

    async def use_case(receipt: Receipt | None) -> AgentView:
        return await service.accept_offer(caller.subject, offer_id, receipt=receipt)

    return await once(request, caller, use_case)


@router.post("/{offer_id}/reject", response_model=AgentView)
async def reject(
    offer_id: str,
    request: Request,
    caller: Answering,
    service: Service,
    body: OfferReject | None = None,
) -> Response:
    """Refuses the offer: the call goes to somebody else."""
    reason = body.reason if body else None

    async def use_case(receipt: Receipt | None) -> AgentView:
        return await service.reject_offer(caller.subject, offer_id, reason, receipt=receipt)

    return await once(request, caller, use_case)
