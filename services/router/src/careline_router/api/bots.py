"""Bots: callers handed over to humans, and how many needed none."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, Field

from careline_common.http.auth import Principal
from careline_router.api.deps import Service, may, once
from careline_router.api.permissions import Action
from careline_router.api.report_deps import ReportPeriod
from careline_router.api.schemas import Body, Identifier, Short
from careline_router.db.bots import BotBy, BotRow
from careline_router.ports import Receipt
from careline_router.usecases.bot_talks import Handed
from careline_router.views import CallView

router = APIRouter(prefix="/v1", tags=["bots"])

Name = Annotated[str, Field(pattern=r"^[A-Za-z_][\w-]{0,49}$")]


class HandOverBody(Body):
    """`queue` None: the one the caller is in; `data` is what he was asked, by name."""

    queue: Identifier | None = None
    data: Annotated[dict[Name, Short], Field(max_length=50)] = Field(default_factory=dict)
    reason: Annotated[str, Field(min_length=1, max_length=100)] | None = None


class BotAnswer(BaseModel):
    items: list[BotRow]
    next: str | None = None


@router.post("/calls/{call_id}/hand-over", response_model=CallView)
async def hand_over(
    call_id: str,
    body: HandOverBody,
    request: Request,
    caller: Annotated[Principal, Depends(may(Action.HAND_OVER))],
    service: Service,
) -> Response:
    """A bot hands its caller over: he waits for a human, first at his place and with the moment in which he came;
    `data` is on the card of whoever gets him (`collected`). 403 `not-a-bot` for people."""
    handed = Handed(queue=body.queue, data=body.data, reason=body.reason)

    async def use_case(receipt: Receipt | None) -> CallView:
        return await service.hand_over(caller.subject, call_id, handed, receipt=receipt)

    return await once(request, caller, use_case)


@router.get("/reports/bots", dependencies=[Depends(may(Action.READ_REPORTS))])
async def bot_report(
    service: Service,
    period: ReportPeriod,
    by: BotBy = "bot",
) -> BotAnswer:
    """Of the calls that bots had, how many needed nobody else (`containment_pct`), beside what self-service tells
    of its own. Calls count by their end; `from` is midnight UTC of `to` when not given, `to` is now and not included."""
    return BotAnswer(items=await service.bots(by, *period))
