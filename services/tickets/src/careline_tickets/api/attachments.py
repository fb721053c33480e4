"""Files with appeals: sent, listed, and given out by a link that lives for a minute."""

import hashlib
from datetime import datetime
from email.message import Message
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, Field

from careline_common.http.auth import Principal, require
from careline_common.http.problem import Conflict, NotFound, invalid
from careline_tickets.api.office import OfficeHere, ViewerHere, actor_of, sealing, watched
from careline_tickets.attaching import NotScannedError, TooManyFilesError
from careline_tickets.db import attachments, audit
from careline_tickets.db.attachments import Attachment
from careline_tickets.domain.attachments import BadFileError
from careline_tickets.domain.mail import MailFile
from careline_tickets.domain.sight import Sight, sight

UPLOAD_PATH = r"/v1/tickets/[^/]+/attachments"
ATTACHES = ("agent", "specialist", "contact_admin", "service", "insurer")

router = APIRouter(prefix="/v1", tags=["attachments"])

_FILE = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"description": "The appeal has these bytes already"},
}


class AttachmentOut(BaseModel):
    """A file of an appeal. `state` is waiting (for the scanner), clean or infected (and removed)."""

    id: str
    name: str = Field(repr=False)
    media: str
    size: int
    sha256: str
    author: str
    at: datetime
    state: str
    verdict: str | None

    @classmethod
    def of(cls, file: Attachment) -> "AttachmentOut":
        return cls(
            id=file.id,
            name=file.name,
            media=file.media,
            size=file.size,
            sha256=file.sha256.hex(),
            author=file.author,
            at=file.at,
            state=file.state,
            verdict=file.verdict,
        )


class AttachmentsOut(BaseModel):
    items: list[AttachmentOut]


class AttachmentLinkOut(BaseModel):
    """Where the file is given out, without a token, until `expires_at`."""

    url: str
    expires_at: datetime


async def _check_seen(office: OfficeHere, viewer: ViewerHere, ticket_id: str) -> None:
    """Raises 404 where the appeal and its words are not for this viewer."""
    async with office.database.read() as connection:
        stored = await office.journal.repository.find(connection, ticket_id)
    if stored is None or sight(stored.ticket, viewer) is not Sight.ALL:
        raise NotFound("there is no such appeal")


@router.post(
    "/tickets/{ticket_id}/attachments",
    status_code=201,
    response_model=AttachmentOut,
    openapi_extra=_FILE,
    responses=_ANSWERS,
    summary="Send a file: its type in Content-Type, its name in Content-Disposition",
)
async def attach(
    ticket_id: str,
    request: Request,
    response: Response,
    viewer: ViewerHere,
    office: OfficeHere,
    _caller: Annotated[Principal, Depends(require(*ATTACHES))],
) -> AttachmentOut:
    """Keeps a file with an appeal. The same bytes again → 200 and the file that is there."""
    async with watched(office, viewer, "attach", ticket_id):
        await _check_seen(office, viewer, ticket_id)
    file = MailFile(
        name=_file_name(request.headers.get("content-disposition")),
        declared=request.headers.get("content-type", ""),
        content=await request.body(),
    )
    desk = office.attachments
    try:
        good = desk.check(file)
        with sealing():
            async with office.database.unit_of_work() as uow:
                kept = await desk.keep(uow, ticket_id, [good], actor_of(viewer))
                files = await attachments.of(uow.connection, ticket_id)
    except BadFileError as error:
        raise invalid("file", str(error)) from None
    except TooManyFilesError:
        raise Conflict("the appeal has as many files as it may have") from None
    shown = (
        kept.files[0]
        if kept.files
        else next(each for each in files if each.sha256 == hashlib.sha256(good.content).digest())
    )
    response.status_code = 201 if kept.files else 200
    response.headers["Location"] = f"{request.url.path}/{shown.id}"
    return AttachmentOut.of(shown)


@router.get("/tickets/{ticket_id}/attachments")
async def list_attachments(
    ticket_id: str, viewer: ViewerHere, office: OfficeHere
) -> AttachmentsOut:
    """The files of an appeal, oldest first. Audited: their names are the citizen's words."""
    async with watched(office, viewer, "attachments", ticket_id):
        await _check_seen(office, viewer, ticket_id)
    async with office.database.unit_of_work() as uow:
        files = await attachments.of(uow.connection, ticket_id)
        await audit.note(
            uow, who=viewer.id, roles=viewer.roles, what="attachments", ticket_id=ticket_id
        )
    return AttachmentsOut(items=[AttachmentOut.of(file) for file in files])


@router.post("/tickets/{ticket_id}/attachments/{attachment_id}/link")
async def link_to_attachment(
    *,
    ticket_id: str,
    attachment_id: str,
    request: Request,
    response: Response,
    viewer: ViewerHere,
    office: OfficeHere,
) -> AttachmentLinkOut:
    """A link to a file that is known to be clean, which lives for 60 seconds. Audited."""
    async with watched(office, viewer, "attachment", ticket_id):
        await _check_seen(office, viewer, ticket_id)
        async with office.database.unit_of_work() as uow:
            files = await attachments.of(uow.connection, ticket_id)
            file = next((each for each in files if each.id == attachment_id), None)
            if file is None:
                raise NotFound("the appeal has no such file")
            try:
                secret, expires_at = await office.attachments.link(uow, file, viewer.id)
            except NotScannedError as error:
                raise Conflict(str(error)) from None
            await audit.note(
                uow, who=viewer.id, roles=viewer.roles, what="attachment", ticket_id=ticket_id
            )
    response.headers["Cache-Control"] = "no-store"
    base = request.url.path.rsplit("/", 5)[0]
    return AttachmentLinkOut(url=f"{base}/attachments/{secret}", expires_at=expires_at)


@router.get("/attachments/{secret}", response_class=Response)
async def give_attachment(secret: str, office: OfficeHere) -> Response:
    """The file itself, to be saved and never shown in place; 404 once the link's minute is over."""
    async with office.database.unit_of_work() as uow:
        with sealing():
            found = await office.attachments.opened(uow, secret)
        if found is None:
            raise NotFound("there is no such link, or its minute is over: ask for a new one")
        file, content, who = found
        await audit.note(uow, who=who, roles=(), what="attachment given", ticket_id=file.ticket_id)
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(file.name, safe='')}",
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
    }
    return Response(content, media_type=file.media, headers=headers)


def _file_name(disposition: str | None) -> str:
    """The name in a Content-Disposition (RFC 6266), empty where there is none."""
    head = Message()
    head["Content-Disposition"] = (disposition or "").replace("\r", "").replace("\n", "")
    return head.get_filename("")
