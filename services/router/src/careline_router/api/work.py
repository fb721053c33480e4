"""Appeals that an agent was offered and has in hand."""

from typing import Annotated

from fastapi import APIRouter, Depends

from careline_common.http.auth import Principal
from careline_router.api.deps import Service, may
from careline_router.api.permissions import Action
from careline_router.views import AgentView

router = APIRouter(prefix="/v1/work", tags=["agents"])


@router.post("/{call_id}/done")
async def done(
    call_id: str,
    caller: Annotated[Principal, Depends(may(Action.END_WORK))],
    service: Service,
) -> AgentView:
    """The agent is free for the next thing; the appeal stays as it is in the journal, and his. Once more is the same."""
    return await service.work_done(caller.subject, call_id)
