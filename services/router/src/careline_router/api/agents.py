"""The agents, live, and what supervisors order."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from careline_common.http.auth import Principal
from careline_common.http.idempotency import Answer
from careline_common.http.paging import Page, Paging
from careline_router.api.deps import Service, may, once, viewer_who
from careline_router.api.permissions import Action
from careline_router.api.schemas import ExtraSkill, StateOrder
from careline_router.ports import Receipt
from careline_router.views import AgentView, Viewer
from careline_router.views import ExtraSkill as ExtraSkillView

router = APIRouter(prefix="/v1/agents", tags=["floor"])

Reader = Annotated[Viewer, Depends(viewer_who(Action.READ_AGENTS))]
Steering = Annotated[Viewer, Depends(viewer_who(Action.STEER_AGENTS))]


@router.get("")
async def live_agents(viewer: Reader, service: Service, page: Paging) -> Page[AgentView]:
    """The agents and what they do now; a supervisor sees his own teams."""
    after = page.after(str)
    rows = await service.queries.agents(
        viewer, after=None if after is None else after[0], limit=page.limit
    )
    return page.of(rows, key=lambda agent: (agent.id,), show=lambda agent: agent)


@router.put("/{agent_id}/state")
async def order_state(
    agent_id: str, body: StateOrder, viewer: Steering, service: Service
) -> AgentView:
    """A supervisor makes an agent ready or not ready, or logs him out."""
    return await service.force_state(viewer, agent_id, body.state, body.reason)


@router.get("/{agent_id}/skills")
async def extra_skills(agent_id: str, viewer: Steering, service: Service) -> Page[ExtraSkillView]:
    """What an agent was given for today, beside the skills that he is configured with."""
    return Page(items=service.extra_skills(viewer, agent_id))


@router.post("/{agent_id}/skills", status_code=201, response_model=ExtraSkillView)
async def give_skill(
    agent_id: str,
    body: ExtraSkill,
    request: Request,
    caller: Annotated[Principal, Depends(may(Action.STEER_AGENTS))],
    service: Service,
) -> Response:
    """Gives an agent a skill until midnight where he works; calls that wait for it may be offered to him at once."""
    viewer = service.viewer(caller.subject, caller.roles)

    async def use_case(receipt: Receipt | None) -> ExtraSkillView:
        return await service.give_skill(viewer, agent_id, body.skill, body.level, receipt=receipt)

    def render(given: ExtraSkillView) -> Answer:
        where = f"{request.url.path}/{given.skill}"
        return Answer.json(given, status=201, location=where)

    return await once(request, caller, use_case, render=render)


@router.delete("/{agent_id}/skills/{skill}", status_code=204)
async def take_skill(agent_id: str, skill: str, viewer: Steering, service: Service) -> None:
    """Ends what was given for today; the agent's own level of it holds again."""
    await service.take_skill(viewer, agent_id, skill)
