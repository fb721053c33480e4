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
from careline_tickets.domain.ticket import Details
from careline_tickets.recordings import RECORD, HostNotAllowedError, RecordingAwayError

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
    """A link to the recording of the appeal's call, or of the talk that the insurer had about it, which lives for 60
    seconds. Audited."""
    async with watched(office, viewer, "recording", ticket_id):
        async with office.database.read() as connection:
            stored = await office.journal.repository.find(connection, ticket_id)
        if stored is None or sight(stored.ticket, viewer) is Sight.NOTHING:
            raise NotFound("there is no such appeal")
        if viewer.roles.isdisjoint(LISTEN):
            raise Forbidden("recordings are not for this role")
        kept = await _kept(office, stored.ticket.details)
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
    except HostNotAllowedError as refusal:
        raise Conflict(str(refusal)) from None
    response.headers["Cache-Control"] = "no-store"
    base = request.url.path.rsplit("/", 3)[0]
    return RecordingLinkOut(url=f"{base}/recordings/{secret}", expires_at=expires_at)


async def _kept(office: OfficeHere, details: Details) -> str | None:
    """Where the recording is: of the call that the appeal came by, else of the talk that a partner had."""
    try:
        if details.call_id is not None:
            kept = await office.call_recordings.of(details.call_id)
            if kept is not None:
                return kept
        if details.external is None:
            return None
        record = await office.partner_recordings.of(details.external.source, details.external.id)
    except httpx.HTTPError:
        raise NotReady("it cannot be asked where the recording is: try again") from None
    return None if record is None else f"{RECORD}{record}"


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
    except HostNotAllowedError as refusal:
        raise Conflict(str(refusal)) from None
    except RecordingAwayError:
        raise NotReady("who keeps the recording does not give it: try again") from None
    headers = {**playing.headers, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return StreamingResponse(playing.body, playing.status, headers)
