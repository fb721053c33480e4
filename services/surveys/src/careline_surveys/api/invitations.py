"""Invitations: made on request, looked up by id, reference or person."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from careline_common.db.unit_of_work import UnitOfWork
from careline_common.http.auth import Principal
from careline_common.http.idempotency import Answer, idempotent
from careline_common.http.paging import Page, PageQuery, Paging
from careline_common.http.problem import NotFound
from careline_surveys.adapters.phones import read_number
from careline_surveys.api.access import Db, Inviter, Reader, Surveys
from careline_surveys.api.schemas import InvitationTaken, InvitationView, NewInvitation, PhoneBody
from careline_surveys.db import audit, inbound, invitations
from careline_surveys.db.inbound import Comment
from careline_surveys.domain.invitations import Answer as Given
from careline_surveys.domain.invitations import Invitation, Reference, Status, Subject
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
            insurer=body.insurer,
        ),
    )

    async def effect(uow: UnitOfWork) -> Answer:
        made = await surveys.requested(uow, body.survey, wanted)
        taken = InvitationTaken(id=made.id, status=made.status, reason=made.reason)
        return Answer.json(taken, status=202, location=f"{request.url.path}/{made.id}")

    return await idempotent(request, database, caller, effect)


@router.get("/{invitation_id}", summary="An invitation and its answers")
async def get_invitation(
    invitation_id: str, reader: Reader, surveys: Surveys, database: Db
) -> InvitationView:
    """What a patient wrote is personal: that it was looked at is noted in the audit."""
    async with database.unit_of_work() as uow:
        found = await invitations.get(uow.connection, invitation_id)
        if found is None:
            raise NotFound("there is no such invitation")
        shown = await surveys.shown(uow.connection, [found])
        comments = await inbound.comments_on(uow.connection, [found.id])
        await _audit(uow, reader, shown, comments)
    return InvitationView.of(*shown[0], comments.get(found.id, ()))


@router.get("", summary="Invitations, newest first")
async def list_invitations(
    page: Paging,
    reader: Reader,
    *,
    surveys: Surveys,
    database: Db,
    status: Annotated[Status | None, Query()] = None,
    reason: Annotated[str | None, Query(max_length=100)] = None,
    reference_id: Annotated[str | None, Query(max_length=200)] = None,
) -> Page[InvitationView]:
    async with database.unit_of_work() as uow:
        return await _page(
            uow,
            surveys,
            page,
            reader,
            status=status,
            reason=reason,
            reference_id=reference_id,
            person_id=None,
        )


@router.post("/search", summary="Invitations of a person")
async def search_invitations(
    body: PhoneBody, page: Paging, caller: Inviter, surveys: Surveys, database: Db
) -> Page[InvitationView]:
    async with database.unit_of_work() as uow:
        person_id = await surveys.people.find(uow.connection, body.phone)
        await audit.note(uow, caller, "invitations.search", person_id)
        if person_id is None:
            return Page(items=[])
        return await _page(
            uow, surveys, page, caller, status=None, reference_id=None, person_id=person_id
        )


async def _page(
    uow: UnitOfWork,
    surveys: SurveysService,
    page: PageQuery,
    reader: Principal,
    *,
    status: str | None,
    reason: str | None = None,
    reference_id: str | None,
    person_id: str | None,
) -> Page[InvitationView]:
    key = page.after(datetime, str)
    rows = await invitations.listed(
        uow.connection,
        status=status,
        reason=reason,
        reference_id=reference_id,
        person_id=person_id,
        after=None if key is None else (key[0], key[1]),
        limit=page.limit + 1,
    )
    shown = await surveys.shown(uow.connection, rows)
    await _audit(uow, reader, shown)
    return page.of(
        shown,
        key=lambda pair: (pair[0].created_at, pair[0].id),
        show=lambda pair: InvitationView.of(*pair),
    )


async def _audit(
    uow: UnitOfWork,
    reader: Principal,
    shown: Sequence[tuple[Invitation, Sequence[Given]]],
    comments: Mapping[str, Sequence[Comment]] = MappingProxyType({}),
) -> None:
    """Notes whose words are shown; scores alone name nobody."""
    for invitation, answers in shown:
        texts = [answer.text for answer in answers]
        texts += [comment.text for comment in comments.get(invitation.id, ())]
        if any(text is not None for text in texts):
            await audit.note(uow, reader, "invitation.comment", invitation.id)
