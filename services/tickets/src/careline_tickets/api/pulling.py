"""Queues that people pull from: the next appeal that is for who asks."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import Field, StrictInt

from careline_common.db.unit_of_work import UnitOfWork
from careline_common.http.auth import Principal, require
from careline_common.http.etag import etag
from careline_common.http.idempotency import Answer, idempotent
from careline_tickets.api.office import OfficeHere, ViewerHere, actor_of
from careline_tickets.api.types import Body, Reference
from careline_tickets.api.views import TicketOut, shown_ticket
from careline_tickets.db import audit
from careline_tickets.domain.ticket import Command
from careline_tickets.domain.vocabulary import Action
from careline_tickets.pulling import Queue, next_for

PULLS = ("agent", "specialist", "contact_admin")

router = APIRouter(prefix="/v1/tickets", tags=["tickets"])


class NextIn(Body):
    """Which queue to pull from; without any, all that are for who asks."""

    level: StrictInt | None = Field(default=None, ge=1, le=3)
    group: Reference | None = None
    subject: Reference | None = None


@router.post(
    "/next",
    response_model=TicketOut,
    responses={204: {"description": "No appeal waits there for who asks"}},
)
async def take_next(
    request: Request,
    body: NextIn,
    caller: Annotated[Principal, Depends(require(*PULLS))],
    viewer: ViewerHere,
    office: OfficeHere,
) -> Response:
    """Takes the most urgent appeal that nobody owns: by priority, then by what is due first.

    Agents pull from level 1; specialists from levels 1 and 2, of groups they are in or of none;
    the administrator from all. 204 when there is none.
    """
    actor = actor_of(viewer)
    queue = Queue(level=body.level, group=body.group, subject=body.subject)

    async def effect(uow: UnitOfWork) -> Answer:
        stored = await next_for(uow, office.journal, actor, queue)
        if stored is None:
            return Answer(204)
        ticket = await office.journal.act(uow, stored, Command(action=Action.TAKE), actor)
        await audit.note(uow, who=viewer.id, roles=viewer.roles, what="ticket", ticket_id=ticket.id)
        view = shown_ticket(ticket, actor, uow.clock.now())
        return Answer.json(view, headers={"ETag": etag(view.version)})

    return await idempotent(request, office.database, caller, effect)
