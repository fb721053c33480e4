"""The customer card of a call, and the verification of who calls."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends
from pydantic import Field

from careline_common.http.auth import Principal
from careline_router.api.deps import Service, may
from careline_router.api.permissions import Action
from careline_router.api.schemas import Body
from careline_router.usecases.customers import Looker

router = APIRouter(prefix="/v1/calls", tags=["calls"])

Agent = Annotated[Principal, Depends(may(Action.ANSWER_OFFER))]


class Said(Body):
    """What the caller has said; signs that are no digits do not count."""

    check: Literal["birth_date", "policy_number"]
    answer: Annotated[str, Field(min_length=1, max_length=40)]


@router.get("/{call_id}/customer")
async def customer(call_id: str, agent: Agent, service: Service) -> dict[str, Any]:
    """What is known of the caller, for the agent who is offered the call or has it. Each look is noted.

    `questions` are by what he may be verified; with `verify_callers` his name comes once he has been.
    """
    return await service.customer(_looker(agent), call_id)


@router.post("/{call_id}/verification")
async def verify(call_id: str, body: Said, agent: Agent, service: Service) -> dict[str, Any]:
    """Whether what the caller says is what the CRM knows (`matched`): his birth date as DDMMYYYY, the last four
    digits of his policy. The answer is the card as it is then."""
    return await service.verify(_looker(agent), call_id, body.check, body.answer)


def _looker(agent: Principal) -> Looker:
    return Looker(subject=agent.subject, roles=agent.roles)
