"""Appeals: register, read, list, act."""

from dataclasses import replace
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic_core import from_json, to_json

from careline_common.db.unit_of_work import UnitOfWork
from careline_common.http.auth import Caller, Principal, require
from careline_common.http.etag import etag, if_match
from careline_common.http.idempotency import REPLAYED, Answer, idempotent
from careline_common.http.paging import Page, Paging
from careline_common.http.problem import Forbidden, NotFound, invalid
from careline_tickets.api.office import (
    Office,
    OfficeHere,
    ViewerHere,
    actor_of,
    problems,
    watched,
)
from careline_tickets.api.schemas import TicketIn, TransitionIn, is_phone, read_person
from careline_tickets.api.views import (
    HistoryOut,
    TicketOut,
    shown_change,
    shown_duplicates,
    shown_ticket,
    text_of,
    with_personal,
)
from careline_tickets.db import audit, reports, staffing
from careline_tickets.db.reading import history_of
from careline_tickets.db.repository import Stored
from careline_tickets.domain.person import Person
from careline_tickets.domain.sight import Sight, Viewer, sight
from careline_tickets.domain.ticket import Command, Ticket
from careline_tickets.domain.vocabulary import Action
from careline_tickets.domain.workflow import require_permitted
from careline_tickets.service import Closing, NewTicket

REGISTERS = ("agent", "specialist", "contact_admin", "service")
BACKDATES = ("contact_admin", "service")

router = APIRouter(prefix="/v1/tickets", tags=["tickets"])


@router.post("", status_code=201, response_model=TicketOut, responses={200: {"model": TicketOut}})
async def register_ticket(
    request: Request,
    body: TicketIn,
    caller: Annotated[Principal, Depends(require(*REGISTERS))],
    viewer: ViewerHere,
    office: OfficeHere,
) -> Response:
    """Registers an appeal; 200 with the known one when its external id is in the journal."""
    new = _new_ticket(await _completed(body, request, office), caller, office)

    async def effect(uow: UnitOfWork) -> Answer:
        with problems():
            registered = await office.journal.register(uow, new, actor_of(viewer))
        ticket, person = registered.ticket, new.person
        if not registered.fresh:
            await _audit(uow, viewer, "ticket", ticket.id)
            person = await office.journal.repository.person(uow.connection, ticket.id)
        elif body.fill_in_s is not None:
            await reports.note_filling(uow.connection, ticket.id, body.fill_in_s)
        view = shown_ticket(ticket, actor_of(viewer), uow.clock.now())
        if viewer.reads_all:
            view = await _with_others(
                uow, office, view, ticket, person, text=body.text, written=registered.fresh
            )
        return Answer.json(
            view,
            status=201 if registered.fresh else 200,
            location=f"{request.url.path}/{view.id}",
            headers={"ETag": etag(view.version)},
        )

    kept = await idempotent(request, office.database, caller, effect)
    return await _with_text(office, kept, given=new.text)


async def _with_text(office: Office, kept: Response, *, given: str) -> Response:
    """The answer with the appeal's text, which is not kept with it under an Idempotency-Key: kept
    answers hold nothing that would have to be erased. What was just registered has what was `given`."""
    document, text = from_json(bytes(kept.body)), given or None
    if kept.status_code != HTTPStatus.CREATED or REPLAYED in kept.headers:
        async with office.database.read() as connection:
            text = text_of(await office.journal.repository.contents(connection, document["id"]))
    headers = {name: value for name, value in kept.headers.items() if name != "content-length"}
    return Response(to_json(document | {"text": text}), kept.status_code, headers)


async def _completed(body: TicketIn, request: Request, office: Office) -> TicketIn:
    """With what the call says of the person, where the form does not say it all."""
    if body.call_id is None:
        for name in ("channel", "kind"):
            if getattr(body, name) is None:
                raise invalid(name, "is required without a call_id")
    known = body.person
    if body.call_id is None or (known.phone and known.name and body.insurer):
        return body
    call = await office.calls.of(body.call_id, request.headers.get("Authorization", ""))
    if call is None:
        return body
    if call.insurer is not None and call.insurer not in office.rules.insurers:
        call = replace(call, insurer=None)
    if call.phone is not None and not is_phone(call.phone, office.region):
        call = replace(call, phone=None)  # a SIP address, say: the router keeps what the PBX had
    return body.completed(call)


def _new_ticket(body: TicketIn, caller: Principal, office: Office) -> NewTicket:
    now = office.clock.now()
    if body.registered_at is not None:
        if not caller.has(*BACKDATES):
            raise Forbidden(f"registered_at takes one of the roles {', '.join(BACKDATES)}")
        if body.registered_at > now:
            raise invalid("registered_at", "must not lie in the future")
    return NewTicket(
        details=body.details(),
        person=read_person(body.person, rules=office.rules, region=office.region, now=now),
        text=body.text,
        transcript=body.transcript,
        registered_at=body.registered_at or now,
        closing=Closing(answer=body.close.answer, outcome=body.close.outcome)
        if body.close
        else None,
    )


@router.get("/{ticket_id}", response_model=TicketOut)
async def read_ticket(ticket_id: str, viewer: ViewerHere, office: OfficeHere) -> Response:
    """One appeal. Who may not see it gets the same answer as for one that does not exist."""
    async with (
        watched(office, viewer, "ticket", ticket_id),
        office.database.unit_of_work() as uow,
    ):
        stored, seen = await _visible(uow, office, viewer, ticket_id)
        if seen is Sight.ALL:
            view = await _whole(uow, office, viewer, stored.ticket)
            await _audit(uow, viewer, "ticket", ticket_id)
        else:
            view = shown_ticket(stored.ticket, actor_of(viewer), uow.clock.now())
    return Answer.json(view, headers={"ETag": etag(view.version)}).response()


@router.get("/{ticket_id}/history")
async def read_history(
    ticket_id: str, page: Paging, viewer: ViewerHere, office: OfficeHere
) -> Page[HistoryOut]:
    """Every change, oldest first: who, when, before and after, with the hash that chains it to the one before."""
    (after,) = page.after(int) or (0,)
    async with (
        watched(office, viewer, "history", ticket_id),
        office.database.unit_of_work() as uow,
    ):
        await _visible(uow, office, viewer, ticket_id)
        rows = await history_of(uow.connection, ticket_id, after=after, limit=page.limit + 1)
        await _audit(uow, viewer, "history", ticket_id)
    return page.of(rows, key=lambda row: (row.version,), show=shown_change)


@router.post("/{ticket_id}/transitions", response_model=TicketOut)
async def act_on_ticket(
    *,
    request: Request,
    ticket_id: str,
    body: TransitionIn,
    caller: Caller,
    viewer: ViewerHere,
    office: OfficeHere,
) -> Response:
    """Does one action: 404, then 403, then 428 or 412, then 409 with `allowed`, then 422.

    `reopen` after the time for it answers 201 with the new appeal that goes on from this one. A merge
    that could never be is 422 before anything about versions."""
    command = body.command()

    async def effect(uow: UnitOfWork) -> Answer:
        await _lock(uow, office, ticket_id, command)
        stored, _ = await _visible(uow, office, viewer, ticket_id, for_update=True)
        actor = actor_of(viewer)
        with problems():
            require_permitted(stored.ticket.facts, command.action, actor)
            if command.action is Action.MERGE:
                await office.journal.check_merge(uow, command)
            if_match(request).check(stored.ticket.version)
            ticket = await office.journal.act(uow, stored, command, actor)
        view = shown_ticket(ticket, actor, uow.clock.now())
        headers = {"ETag": etag(view.version)}
        if ticket.id == ticket_id:
            return Answer.json(view, headers=headers)
        location = f"{request.url.path.rsplit('/', 2)[0]}/{ticket.id}"
        return Answer.json(view, status=201, location=location, headers=headers)

    async with watched(office, viewer, f"action {command.action}", ticket_id):
        return await idempotent(request, office.database, caller, effect)


async def _lock(uow: UnitOfWork, office: Office, ticket_id: str, command: Command) -> None:
    """Two appeals are taken in one order, so that opposite merges wait and do not deadlock."""
    if command.action is Action.MERGE and command.into is not None:
        await office.journal.repository.lock(uow.connection, [ticket_id, command.into])


async def _visible(
    uow: UnitOfWork, office: Office, viewer: Viewer, ticket_id: str, *, for_update: bool = False
) -> tuple[Stored, Sight]:
    """The appeal and what of it may be seen; raises 404."""
    stored = await office.journal.repository.find(uow.connection, ticket_id, for_update=for_update)
    seen = Sight.NOTHING if stored is None else sight(stored.ticket, viewer)
    if stored is None or seen is Sight.NOTHING:
        raise NotFound("there is no such appeal")
    return stored, seen


async def _whole(uow: UnitOfWork, office: Office, viewer: Viewer, ticket: Ticket) -> TicketOut:
    """All of an appeal."""
    repository = office.journal.repository
    person = await repository.person(uow.connection, ticket.id)
    contents = await repository.contents(uow.connection, ticket.id)
    view = shown_ticket(ticket, actor_of(viewer), uow.clock.now())
    view = with_personal(view, person, contents)
    return await _with_others(uow, office, view, ticket, person) if viewer.reads_all else view


async def _with_others(
    uow: UnitOfWork,
    office: Office,
    view: TicketOut,
    ticket: Ticket,
    person: Person,
    *,
    text: str | None = None,
    written: bool = False,
) -> TicketOut:
    """With its likely duplicates, those of a text too where one is given, and its owner's state."""
    duplicates = await office.journal.duplicates_of(uow, ticket, person, text, written=written)
    state = None
    if ticket.owner is not None:
        state = await staffing.state_of(uow.connection, ticket.owner)
    return view.model_copy(
        update={"duplicates": shown_duplicates(duplicates), "owner_state": state}
    )


async def _audit(uow: UnitOfWork, viewer: Viewer, what: str, ticket_id: str) -> None:
    await audit.note(uow, who=viewer.id, roles=viewer.roles, what=what, ticket_id=ticket_id)
