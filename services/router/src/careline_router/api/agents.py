"""The agents, live, and what supervisors order."""

from typing import Annotated

from fastapi import APIRouter, Depends

from careline_common.http.paging import Page
from careline_router.api.deps import Service, viewer_who
from careline_router.api.permissions import Action
from careline_router.api.schemas import StateOrder
from careline_router.views import AgentView, Viewer

router = APIRouter(prefix="/v1/agents", tags=["floor"])

Reader = Annotated[Viewer, Depends(viewer_who(Action.READ_AGENTS))]
Steering = Annotated[Viewer, Depends(viewer_who(Action.STEER_AGENTS))]


@router.get("")
async def live_agents(viewer: Reader, service: Service) -> Page[AgentView]:
    """The agents and what they do now; a supervisor sees his own teams."""
    return Page(items=await service.queries.agents(viewer))


@router.put("/{agent_id}/state")
async def order_state(
    agent_id: str, body: StateOrder, viewer: Steering, service: Service
) -> AgentView:
    """A supervisor makes an agent ready or not ready, or logs him out."""
    return await service.force_state(viewer, agent_id, body.state, body.reason)
