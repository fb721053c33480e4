"""Recordings of the calls that appeals came by."""

from datetime import datetime

import httpx
from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from careline_common.http.problem import Conflict, Forbidden, NotFound, NotReady
from careline_tickets.api.office import OfficeHere, ViewerHere, watched
from careline_tickets.db import audit
from careline_tickets.domain.sight import Sight, sight
from careline_tickets.recordings import HostNotAllowedError, RecordingAwayError

LISTEN = frozenset({"agent", "specialist", "contact_admin", "auditor"})

router = APIRouter(prefix="/v1", tags=["recordings"])


class RecordingLinkOut(BaseModel):
    """Where the recording can be heard, without a token, until `expires_at`."""

    url: str
    expires_at: datetime


@router.post("/tickets/{ticket_id}/recording")
async def link_to_recording(
    ticket_id: str, request: Request, response: Response, viewer: ViewerHere, office: OfficeHere
) -> RecordingLinkOut:
    """A link to the recording of the appeal's call, which lives for 60 seconds. Audited."""
    async with watched(office, viewer, "recording", ticket_id):
        async with office.database.read() as connection:
            stored = await office.journal.repository.find(connection, ticket_id)
        if stored is None or sight(stored.ticket, viewer) is Sight.NOTHING:
            raise NotFound("there is no such appeal")
        if viewer.roles.isdisjoint(LISTEN):
            raise Forbidden("recordings are not for this role")
        call_id = stored.ticket.details.call_id
        kept = await _kept(office, call_id) if call_id is not None else None
        if kept is None:
            raise NotFound("there is no recording of this appeal's call")
    try:
        async with office.database.unit_of_work() as uow:
            secret, expires_at = await office.recordings.link(
                uow, ticket_id=ticket_id, who=viewer.id, url=kept
            )
            await audit.note(
                uow, who=viewer.id, roles=viewer.roles, what="recording", ticket_id=ticket_id
            )
    except HostNotAllowedError:
        raise Conflict(_NOT_LISTED) from None
    response.headers["Cache-Control"] = "no-store"
    base = request.url.path.rsplit("/", 3)[0]
    return RecordingLinkOut(url=f"{base}/recordings/{secret}", expires_at=expires_at)


_NOT_LISTED = "the recording is kept at a host that CARELINE_RECORDING_HOSTS does not name"


async def _kept(office: OfficeHere, call_id: str) -> str | None:
    try:
        return await office.call_recordings.of(call_id)
    except httpx.HTTPError:
        raise NotReady("the router cannot be asked where the recording is: try again") from None


@router.get("/recordings/{secret}", response_class=StreamingResponse)
async def play_recording(secret: str, request: Request, office: OfficeHere) -> StreamingResponse:
    """The recording itself, in whole or by `Range`; 404 once the link's minute is over."""
    async with office.database.unit_of_work() as uow:
        link = await office.recordings.opened(uow, secret)
        if link is None:
            raise NotFound("there is no such link, or its minute is over: ask for a new one")
        await audit.note(
            uow, who=link.who, roles=(), what="recording heard", ticket_id=link.ticket_id
        )
    try:
        playing = await office.recordings.play(link, request.headers.get("range"))
    except HostNotAllowedError:
        raise Conflict(_NOT_LISTED) from None
    except RecordingAwayError:
        raise NotReady("who keeps the recording does not give it: try again") from None
    headers = {**playing.headers, "Cache-Control": "no-store"}
    return StreamingResponse(playing.body, playing.status, headers)
