"""Invitations: made on request, looked up by id, reference or person."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_common.db.unit_of_work import UnitOfWork
from careline_common.http.idempotency import Answer, idempotent
from careline_common.http.paging import Page, PageQuery, Paging
from careline_common.http.problem import NotFound
from careline_surveys.adapters.phones import read_number
from careline_surveys.api.access import Db, Inviter, Reader, Surveys
from careline_surveys.api.schemas import InvitationTaken, InvitationView, NewInvitation, PhoneBody
from careline_surveys.db import inbound, invitations
from careline_surveys.domain.invitations import Reference, Status, Subject
from careline_surveys.inviting import Request as Invite
from careline_surveys.service import SurveysService

router = APIRouter(prefix="/v1/invitations", tags=["invitations"])


@router.post(
    "", status_code=202, summary="Ask a patient; one reference is asked about once",
    response_model=InvitationTaken,
)  # fmt: skip
async def invite(
    request: Request, body: NewInvitation, caller: Inviter, surveys: Surveys, database: Db
) -> Response:
    is_call = body.reference.type == "call"
    wanted = Invite(
        service=body.service,
        number=read_number(body.phone),
        language=body.language,
        reference=Reference(type=body.reference.type, id=body.reference.id),
        subject=Subject(
            call_id=body.reference.id if is_call else None,
            agent=body.agent,
            team=body.team or surveys.book.team_of(body.agent),
            queue=body.queue,
            organisation=body.organisation,
        ),
    )

    async def effect(uow: UnitOfWork) -> Answer:
        made = await surveys.requested(uow, body.survey, wanted)
        taken = InvitationTaken(id=made.id, status=made.status, reason=made.reason)
        return Answer.json(taken, status=202, location=f"{request.url.path}/{made.id}")

    return await idempotent(request, database, caller, effect)


@router.get("/{invitation_id}", summary="An invitation and its answers")
async def get_invitation(
    invitation_id: str, _reader: Reader, surveys: Surveys, database: Db
) -> InvitationView:
    async with database.read() as connection:
        found = await invitations.get(connection, invitation_id)
        if found is None:
            raise NotFound("there is no such invitation")
        shown = await surveys.shown(connection, [found])
        comments = await inbound.comments_on(connection, [found.id])
    return InvitationView.of(*shown[0], comments.get(found.id, ()))


@router.get("", summary="Invitations, newest first")
async def list_invitations(
    page: Paging,
    _reader: Reader,
    *,
    surveys: Surveys,
    database: Db,
    status: Annotated[Status | None, Query()] = None,
    reason: Annotated[str | None, Query(max_length=100)] = None,
    reference_id: Annotated[str | None, Query(max_length=200)] = None,
) -> Page[InvitationView]:
    async with database.read() as connection:
        return await _page(
            connection,
            surveys,
            page,
            status=status,
            reason=reason,
            reference_id=reference_id,
            person_id=None,
        )


@router.post("/search", summary="Invitations of a person")
async def search_invitations(
    body: PhoneBody, page: Paging, _caller: Inviter, surveys: Surveys, database: Db
) -> Page[InvitationView]:
    async with database.read() as connection:
        person_id = await surveys.people.find(connection, body.phone)
        if person_id is None:
            return Page(items=[])
        return await _page(
            connection, surveys, page, status=None, reference_id=None, person_id=person_id
        )


async def _page(
    connection: AsyncConnection,
    surveys: SurveysService,
    page: PageQuery,
    *,
    status: str | None,
    reason: str | None = None,
    reference_id: str | None,
    person_id: str | None,
) -> Page[InvitationView]:
    key = page.after(datetime, str)
    rows = await invitations.listed(
        connection,
        status=status,
        reason=reason,
        reference_id=reference_id,
        person_id=person_id,
        after=None if key is None else (key[0], key[1]),
        limit=page.limit + 1,
    )
    shown = await surveys.shown(connection, rows)
    return page.of(
        shown,
        key=lambda pair: (pair[0].created_at, pair[0].id),
        show=lambda pair: InvitationView.of(*pair),
    )
