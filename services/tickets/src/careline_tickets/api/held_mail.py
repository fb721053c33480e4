"""Mails that look like a program's and belong to no appeal: seen, opened as appeals, or discarded."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, Field

from careline_common.db.unit_of_work import UnitOfWork
from careline_common.http.auth import Principal, require
from careline_common.http.etag import etag
from careline_common.http.idempotency import Answer, idempotent
from careline_common.http.paging import Page, Paging
from careline_common.http.problem import Conflict, NotFound
from careline_tickets.api.office import (
    Office,
    OfficeHere,
    ViewerHere,
    actor_of,
    sealing,
    watched,
)
from careline_tickets.api.types import Body, Text
from careline_tickets.api.views import TicketOut, shown_ticket
from careline_tickets.config_mail import MailboxEntry
from careline_tickets.db import audit, mail_held
from careline_tickets.db.mail_held import HELD, OPENED, Held, State
from careline_tickets.domain.mail import IncomingMail
from careline_tickets.domain.sight import Viewer
from careline_tickets.mail_holding import (
    JudgedAlreadyError,
    discard_held,
    open_held,
    read_held,
)
from careline_tickets.ports import AtRest

READS = ("agent", "specialist", "contact_admin")
DISCARDS = ("specialist", "contact_admin")
LONGEST_REASON = 1000

router = APIRouter(prefix="/v1/mail/held", tags=["mail"])

Reader = Annotated[Principal, Depends(require(*READS))]


class HeldMailOut(BaseModel):
    """A mail that is or was held. `mark` is why it looks like a program's (docs/mail.md). `whole` is false where it
    was too large and only its header is here. Sender and subject are null and empty once it was judged."""

    id: str
    mailbox: str
    came_at: datetime
    mark: str
    state: State
    whole: bool
    sender: str | None = Field(repr=False)
    subject: str = Field(repr=False)
    decided_at: datetime | None
    decided_by: str | None
    reason: str | None = Field(repr=False)
    ticket: str | None
    """The id of the appeal as which it was opened."""


class HeldFileOut(BaseModel):
    """A file of a held mail, as its sender named and declared it."""

    name: str = Field(repr=False)
    declared: str
    size: int


class HeldMailWholeOut(HeldMailOut):
    """With what it says, as long as it is held."""

    text: str | None = Field(repr=False)
    files: list[HeldFileOut]


class DiscardIn(Body):
    reason: Annotated[Text, Field(max_length=LONGEST_REASON)] = Field(
        description="why it is nobody's appeal; kept for a year, so without what the mail said"
    )


@router.get("")
async def list_held(
    *,
    page: Paging,
    viewer: ViewerHere,
    office: OfficeHere,
    _caller: Reader,
    state: State = HELD,
    mailbox: Annotated[str | None, Query(min_length=1, max_length=200)] = None,
) -> Page[HeldMailOut]:
    """Mails that are held, those that have waited longest first; or those that were judged. Audited."""
    after = page.after(datetime, str)
    async with office.database.unit_of_work() as uow:
        rows = await mail_held.page_of(
            uow.connection,
            state=state,
            mailbox=mailbox,
            limit=page.limit + 1,
            after=None if after is None else (after[0], after[1]),
        )
        await _audit(uow, viewer, "held mails")
    return page.of(rows, key=lambda held: (held.at, held.id), show=_shown)


@router.get("/{mail_id}")
async def read_one(
    mail_id: str, viewer: ViewerHere, office: OfficeHere, _caller: Reader
) -> HeldMailWholeOut:
    """One held mail, whole. Audited."""
    async with (
        watched(office, viewer, "held mail", mail_id),
        office.database.unit_of_work() as uow,
    ):
        held = await _found(uow, mail_id)
        raw = await mail_held.raw_of(uow.connection, mail_id)
        await _audit(uow, viewer, "held mail", mail_id)
    mail = await _read(office, raw) if held.state == HELD else None
    files = [] if mail is None else mail.files
    return HeldMailWholeOut(
        **_shown(held).model_dump(),
        text=None if mail is None else mail.text,
        files=[
            HeldFileOut(name=file.name, declared=file.declared, size=len(file.content))
            for file in files
        ],
    )


@router.post(
    "/{mail_id}/open",
    status_code=201,
    response_model=TicketOut,
    responses={200: {"model": TicketOut}},
)
async def open_as_appeal(
    mail_id: str, request: Request, caller: Reader, viewer: ViewerHere, office: OfficeHere
) -> Response:
    """Registers a held mail as an appeal, with its files, its sender as who is answered. Again → 200 and the same
    appeal; 409 for one that was discarded, whose time is over, or whose mailbox is configured no more."""
    async with office.database.read() as connection:
        raw = await mail_held.raw_of(connection, mail_id)
    mail = await _read(office, raw)

    async def effect(uow: UnitOfWork) -> Answer:
        held = await _found(uow, mail_id, for_update=True)
        if held.state == OPENED and held.ticket_id is not None:
            known = await office.journal.repository.find(uow.connection, held.ticket_id)
            assert known is not None, "appeals are never deleted"
            ticket, status = known.ticket, 200
        else:
            box, who = _box(office, held), actor_of(viewer)
            try:
                ticket = await open_held(uow, office.mail_desk, held, box=box, mail=mail, who=who)
            except JudgedAlreadyError as error:
                raise _judged(error.held) from None
            status = 201
            uow.after_commit(office.metrics.mail_judged.labels(OPENED).inc)
        await _audit(uow, viewer, "held mail opened", mail_id)
        view = shown_ticket(ticket, actor_of(viewer), uow.clock.now())
        base = request.url.path.rsplit("/", 4)[0]
        return Answer.json(
            view,
            status=status,
            location=f"{base}/tickets/{view.id}",
            headers={"ETag": etag(view.version)},
        )

    async with watched(office, viewer, "held mail opened", mail_id):
        return await idempotent(request, office.database, caller, effect)


@router.post("/{mail_id}/discard", response_model=HeldMailOut)
async def discard(
    *,
    mail_id: str,
    body: DiscardIn,
    request: Request,
    caller: Annotated[Principal, Depends(require(*DISCARDS))],
    viewer: ViewerHere,
    office: OfficeHere,
) -> Response:
    """Discards a held mail: what it said is gone at once; who discarded it, when and why stays for a year. Again
    changes nothing; 409 for one that was opened, or whose time is over."""

    async def effect(uow: UnitOfWork) -> Answer:
        held = await _found(uow, mail_id, for_update=True)
        try:
            await discard_held(uow, held, body.reason, actor_of(viewer))
        except JudgedAlreadyError as error:
            raise _judged(error.held) from None
        if held.state == HELD:
            uow.after_commit(office.metrics.mail_judged.labels(mail_held.DISCARDED).inc)
            await _audit(uow, viewer, "held mail discarded", mail_id)
        return Answer.json(_shown(await _found(uow, mail_id)))

    async with watched(office, viewer, "held mail discarded", mail_id):
        return await idempotent(request, office.database, caller, effect)


async def _found(uow: UnitOfWork, mail_id: str, *, for_update: bool = False) -> Held:
    held = await mail_held.find(uow.connection, mail_id, for_update=for_update)
    if held is None:
        raise NotFound("there is no such held mail")
    return held


async def _read(office: Office, raw: AtRest) -> IncomingMail:
    own = (box.address for box in office.rules.mailboxes.values())
    with sealing():
        return await read_held(raw, office.vault, own)


def _box(office: Office, held: Held) -> MailboxEntry:
    box = office.rules.mailboxes.get(held.mailbox)
    if box is None:
        raise Conflict(
            f"the mailbox {held.mailbox!r} is not configured any more: configure it, or register the appeal by hand"
        )
    return box


def _judged(held: Held) -> Conflict:
    over = "nobody has judged it in time, and it is gone" if held.state == mail_held.EXPIRED else ""
    return Conflict(
        over or f"the mail was {held.state} by {held.decided_by}", ticket=held.ticket_id
    )


def _shown(held: Held) -> HeldMailOut:
    return HeldMailOut(
        id=held.id,
        mailbox=held.mailbox,
        came_at=held.at,
        mark=held.mark,
        state=held.state,
        whole=held.whole,
        sender=held.sender,
        subject=held.subject,
        decided_at=held.decided_at,
        decided_by=held.decided_by,
        reason=held.reason,
        ticket=held.ticket_id,
    )


async def _audit(uow: UnitOfWork, viewer: Viewer, what: str, mail_id: str | None = None) -> None:
    await audit.note(uow, who=viewer.id, roles=viewer.roles, what=what, ticket_id=mail_id)
