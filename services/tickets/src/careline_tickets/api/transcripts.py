"""The field to type in while listening."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import Field

from careline_common.http.auth import Principal, require
from careline_common.http.etag import etag, if_match
from careline_common.http.idempotency import Answer
from careline_common.http.problem import NotFound
from careline_tickets.api.office import OfficeHere, ViewerHere, actor_of, problems, watched
from careline_tickets.api.types import Body, Text
from careline_tickets.api.views import TicketOut, shown_ticket
from careline_tickets.domain.sight import Sight, sight
from careline_tickets.transcribing import transcribe

TYPES = ("agent", "specialist", "contact_admin")

router = APIRouter(prefix="/v1/tickets", tags=["tickets"])


class TranscriptIn(Body):
    """What was said so far, whole: it takes the place of what was typed before."""

    text: Text = Field(repr=False)


@router.put("/{ticket_id}/transcript", response_model=TicketOut)
async def put_transcript(
    ticket_id: str,
    body: TranscriptIn,
    *,
    request: Request,
    _caller: Annotated[Principal, Depends(require(*TYPES))],
    viewer: ViewerHere,
    office: OfficeHere,
) -> Response:
    """Keeps what is being typed, as often as wanted, also after the appeal was closed: 404, then 428 or 412, then
    409 once it was merged. The same again changes nothing. Every version stays, and stands in the history."""
    async with (
        watched(office, viewer, "transcript", ticket_id),
        office.database.unit_of_work() as uow,
    ):
        stored = await office.journal.repository.find(uow.connection, ticket_id, for_update=True)
        if stored is None or sight(stored.ticket, viewer) is Sight.NOTHING:
            raise NotFound("there is no such appeal")
        if_match(request).check(stored.ticket.version)
        with problems():
            ticket = await transcribe(uow, office.journal, stored, body.text, viewer.id)
        view = shown_ticket(ticket, actor_of(viewer), uow.clock.now())
        view = view.model_copy(update={"transcript": body.text})
    return Answer.json(view, headers={"ETag": etag(view.version)}).response()
