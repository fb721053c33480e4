"""The insurance records of a caller, for the agent who has his call."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field

from careline_common.http.auth import Principal
from careline_router.api.deps import Service, may
from careline_router.api.permissions import Action
from careline_router.api.schemas import Body
from careline_router.records_port import Insured
from careline_router.usecases.customers import Looker
from careline_router.usecases.insurance import InsuranceView

router = APIRouter(prefix="/v1/calls", tags=["calls"])

Agent = Annotated[Principal, Depends(may(Action.READ_INSURANCE))]


class SaidOfPolicy(Body):
    """What the caller says, where the CRM does not know it; it is kept nowhere."""

    policy_number: Annotated[str, Field(pattern=r"[^\W_]", max_length=64)] | None = None
    birth_date: date | None = None


@router.post("/{call_id}/insurance")
async def insurance(
    call_id: str, agent: Agent, service: Service, body: SaidOfPolicy | None = None
) -> InsuranceView:
    """The caller's policies, the one that counts first, as the insurance records have them now. Each look is noted.

    For the agent who is offered the call or has it, once the caller has been verified (409 `not-verified`). Asked is by what
    the CRM knows of him, or by what he says; 409 `nothing-to-ask-by` when that is too little, 409 `too-many-looks` after
    twenty in one call. 503
    `records-unavailable` with the reason when the records do not answer.
    """
    said = Insured() if body is None else Insured(**body.model_dump())
    looker = Looker(subject=agent.subject, roles=agent.roles)
    return await service.insurance(looker, call_id, said)
