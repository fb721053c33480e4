"""The web form behind a signed link: looking does not use the link up, answering does."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_common.db.unit_of_work import UnitOfWork
from careline_common.http.problem import NotFound
from careline_surveys.answering import scored
from careline_surveys.api import form_page
from careline_surveys.api.access import Db, Surveys
from careline_surveys.db import answers, invitations
from careline_surveys.domain import variables
from careline_surveys.domain.definitions import Definition, Question
from careline_surveys.domain.invitations import OPEN, Invitation
from careline_surveys.inviting import LINK, values_of, words_of
from careline_surveys.replying import LONGEST_REPLY, read_answer
from careline_surveys.service import SurveysService

router = APIRouter(prefix="/v1/f", tags=["form"])

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Open:
    """An invitation that may still be answered here, and what is still to be asked."""

    invitation: Invitation
    definition: Definition
    questions: Sequence[tuple[Question, str]]


def _html(text: str, status: int = 200) -> HTMLResponse:
    return HTMLResponse(text, status, headers=HEADERS)


@router.get("/{token}", summary="The form behind a link", response_class=HTMLResponse)
async def show_form(token: str, surveys: Surveys, database: Db) -> HTMLResponse:
    async with database.read() as connection:
        invitation = await _invitation(connection, surveys, token)
        found = await _open(connection, surveys, invitation, surveys.clock.now())
    language = invitation.language or "en"
    if found is None:
        return _html(form_page.notice(language, form_page.GONE), 410)
    return _html(form_page.form(language, found.questions))


@router.post(
    "/{token}", summary="Answer the form; the link is used up", response_class=HTMLResponse
)
async def answer_form(token: str, request: Request, surveys: Surveys, database: Db) -> HTMLResponse:
    form = await request.form(max_files=0, max_fields=50)
    given = {name: value for name, value in form.items() if isinstance(value, str)}
    async with database.unit_of_work() as uow:
        invitation = await _invitation(uow.connection, surveys, token, lock=True)
        language = invitation.language or "en"
        found = await _open(uow.connection, surveys, invitation, uow.clock.now())
        if found is None:
            return _html(form_page.notice(language, form_page.GONE), 410)
        missing = frozenset(
            question.id
            for question, _ in found.questions
            if question.kind != "text"
            and question.when is None
            and not read_answer(question, given.get(question.id, ""))[0]
        )
        if missing:
            return _html(form_page.form(language, found.questions, missing=missing), 422)
        await _record(uow, surveys, found, given)
    return _html(form_page.notice(language, form_page.THANKS))


async def _invitation(
    connection: AsyncConnection, surveys: SurveysService, token: str, *, lock: bool = False
) -> Invitation:
    invitation_id = surveys.links.invitation_of(token)
    found = None
    if invitation_id is not None:
        found = await invitations.get(connection, invitation_id, lock=lock)
    if found is None:
        raise NotFound("there is no such form")
    return found


async def _open(
    connection: AsyncConnection, surveys: SurveysService, invitation: Invitation, now: datetime
) -> _Open | None:
    """None when the link was used, the time is over, or everything has been answered by SMS."""
    in_time = invitation.reply_until is not None and invitation.reply_until > now
    if invitation.form_used_at is not None or invitation.status not in OPEN or not in_time:
        return None
    definition = await surveys.versions.of(connection, invitation)
    answered = await answers.answered_questions(connection, invitation.id)
    questions = [
        (
            question,
            _words(surveys, definition, question, invitation),
        )
        for question in definition.questions
        if question.id not in answered
    ]
    if not questions:
        return None
    return _Open(invitation=invitation, definition=definition, questions=questions)


def _words(
    surveys: SurveysService, definition: Definition, question: Question, invitation: Invitation
) -> str:
    _, text = words_of(definition, question, (invitation.language,))
    values = values_of(surveys.book, definition, invitation, None)
    return variables.filled(text.replace(LINK, ""), values).strip()


async def _record(
    uow: UnitOfWork, surveys: SurveysService, found: _Open, given: dict[str, str]
) -> None:
    now = uow.clock.now()
    current = await invitations.change(uow.connection, found.invitation.id, form_used_at=now)
    for question, _ in found.questions:
        text = given.get(question.id, "").strip()[:LONGEST_REPLY]
        read, score = read_answer(question, text)
        if question.when is not None and not read:
            continue
        content_id = None
        if question.kind == "text" and text:
            content_id = await surveys.people.keep_text(
                uow.connection, current.person_id, text, now
            )
        current = await surveys.answering.record(
            uow,
            current,
            found.definition,
            scored(current, question, score, now),
            content_id=content_id,
            channel="web",
        )
