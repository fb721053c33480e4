"""What an agent does for himself: log in and out, say whether he is ready, get into his socket."""

from fastapi import APIRouter, Request, Response

from careline_common.http.idempotency import Answer
from careline_router.api.deps import Agent, Service, Tickets, once
from careline_router.api.schemas import MoreTime, SessionStart, StateChange
from careline_router.ports import Receipt
from careline_router.views import AgentView

router = APIRouter(prefix="/v1/agents/me", tags=["agents"])


@router.post("/session", status_code=201, response_model=AgentView)
async def log_in(
    request: Request, caller: Agent, service: Service, body: SessionStart | None = None
) -> Response:
    """Logs in; not ready until he says so. Another log-in of the same agent takes this one over."""
    session = body or SessionStart()

    async def use_case(receipt: Receipt | None) -> AgentView:
        return await service.log_in(
            caller.subject, endpoint=session.endpoint, site=session.site, receipt=receipt
        )

    def render(agent: AgentView) -> Answer:
        where = request.url.path.removesuffix("/session")
        return Answer.json(agent, status=201, location=where)

    return await once(request, caller, use_case, render=render)


@router.delete("/session", status_code=204)
async def log_out(caller: Agent, service: Service) -> None:
    """Logs out; 409 while reserved or talking."""
    await service.log_out(caller.subject)


@router.get("")
async def myself(caller: Agent, service: Service) -> AgentView:
    """His state, skills, open offer and call."""
    return await service.queries.agent(caller.subject)


@router.put("/state")
async def set_state(body: StateChange, caller: Agent, service: Service) -> AgentView:
    """Ready or not ready; while reserved or talking, not ready holds after this call."""
    return await service.set_state(caller.subject, body.state, body.reason)


@router.post("/wrap-up/extend", response_model=AgentView)
async def extend_wrap_up(
    body: MoreTime, request: Request, caller: Agent, service: Service
) -> Response:
    """So many seconds more for the wrap-up, up to `wrap_up_max_s` of the queue from its beginning."""

    async def use_case(receipt: Receipt | None) -> AgentView:
        return await service.extend_wrap_up(caller.subject, body.seconds, receipt=receipt)

    return await once(request, caller, use_case)


@router.post("/ws-ticket", status_code=201)
async def socket_ticket(caller: Agent, service: Service, tickets: Tickets) -> dict[str, str]:
    """A ticket for the socket `/v1/agents/me/ws`: it opens one, within 30 s."""
    await service.queries.agent(caller.subject)
    return {"ticket": tickets.issue(caller)}
