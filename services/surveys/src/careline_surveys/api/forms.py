"""The web form behind a signed link: looking does not use the link up, answering does.

Questions that hang on an answer come on a page of their own once it is given, since a page without
script cannot unfold. The link is used up by then: a mark in the page lets its reader go on.
"""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_common.db.unit_of_work import UnitOfWork
from careline_surveys.answering import scored
from careline_surveys.api import form_page, form_words
from careline_surveys.api.access import Db, Surveys
from careline_surveys.api.form_page import Asked
from careline_surveys.db import answers, invitations
from careline_surveys.domain import variables
from careline_surveys.domain.definitions import Definition, Question
from careline_surveys.domain.invitations import OPEN, Invitation
from careline_surveys.inviting import LINK, values_of, words_of
from careline_surveys.replying import LONGEST_REPLY, read_answer
from careline_surveys.service import SurveysService

router = APIRouter(prefix="/v1/f", tags=["form"])

STEP = form_page.STEP

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
    asked: Sequence[Asked]


def _html(text: str, status: int = 200) -> HTMLResponse:
    return HTMLResponse(text, status, headers=HEADERS)


@router.get("/{token}", summary="The form behind a link", response_class=HTMLResponse)
async def show_form(token: str, request: Request, surveys: Surveys, database: Db) -> HTMLResponse:
    async with database.read() as connection:
        invitation = await _invitation(connection, surveys, token)
        if invitation is None:
            return _unknown(request)
        found = await _open(connection, surveys, invitation, surveys.clock.now(), {})
    if found is None:
        return _gone(invitation)
    return _html(form_page.form(invitation.language or "en", found.asked))


@router.post(
    "/{token}", summary="Answer the form; the link is used up", response_class=HTMLResponse
)
async def answer_form(token: str, request: Request, surveys: Surveys, database: Db) -> HTMLResponse:
    """What is missing is asked for again, with what was given kept; the link then still stands."""
    form = await request.form(max_files=0, max_fields=50)
    given = {
        name: value.replace("\0", "").strip()[:LONGEST_REPLY]
        for name, value in form.items()
        if isinstance(value, str)
    }
    async with database.unit_of_work() as uow:
        invitation = await _invitation(uow.connection, surveys, token, lock=True)
        if invitation is None:
            return _unknown(request)
        found = await _open(uow.connection, surveys, invitation, uow.clock.now(), given)
        if found is None:
            return _gone(invitation)
        language = invitation.language or "en"
        step = given.get(STEP, "")
        asked = [_checked(one) for one in found.asked]
        if any(one.missing for one in asked):
            return _html(form_page.form(language, asked, step=step), 422)
        current = await _record(uow, surveys, found)
        step = surveys.links.step(invitation.id)
        following = await _open(uow.connection, surveys, current, uow.clock.now(), {STEP: step})
    if following is not None:
        return _html(form_page.form(language, following.asked, step=step))
    return _html(form_page.notice(language, form_words.THANKS))


def _unknown(request: Request) -> HTMLResponse:
    """For a link that we did not make. Whose language it is nobody knows but the browser."""
    language = form_words.language_of(request.headers.get("accept-language", ""))
    return _html(form_page.notice(language, form_words.UNKNOWN), 404)


def _gone(invitation: Invitation) -> HTMLResponse:
    used = invitation.form_used_at is not None or invitation.status == "completed"
    said = form_words.USED if used else form_words.EXPIRED
    return _html(form_page.notice(invitation.language or "en", said), 410)


async def _invitation(
    connection: AsyncConnection, surveys: SurveysService, token: str, *, lock: bool = False
) -> Invitation | None:
    invitation_id = surveys.links.invitation_of(token)
    if invitation_id is None:
        return None
    return await invitations.get(connection, invitation_id, lock=lock)


async def _open(
    connection: AsyncConnection,
    surveys: SurveysService,
    invitation: Invitation,
    now: datetime,
    given: Mapping[str, str],
) -> _Open | None:
    """None when the link was used, the time is over, or everything has been answered by SMS."""
    in_time = invitation.reply_until is not None and invitation.reply_until > now
    step = surveys.links.step(invitation.id)
    goes_on = hmac.compare_digest(step.encode(), given.get(STEP, "").encode())
    used = invitation.form_used_at is not None and not goes_on
    if used or invitation.status not in OPEN or not in_time:
        return None
    definition = await surveys.versions.of(connection, invitation)
    answered = await answers.answered_questions(connection, invitation.id)
    asked = [
        Asked(
            question=question,
            text=_words(surveys, definition, question, invitation),
            given=given.get(question.id, ""),
        )
        for question in definition.questions
        if question.id not in answered and question.applies(answered)
    ]
    if not asked:
        return None
    return _Open(invitation=invitation, definition=definition, asked=asked)


def _words(
    surveys: SurveysService, definition: Definition, question: Question, invitation: Invitation
) -> str:
    """A question as it stands on a page: without the link, and ours where nothing else is left."""
    language = invitation.language
    _, text = words_of(definition, question, (language,), form_words.QUESTIONS)
    values = values_of(surveys.book, definition, invitation, None)
    filled = variables.filled(text.replace(LINK, ""), values).strip(" :\n")
    return filled or form_words.chosen(form_words.QUESTIONS[question.kind], language or "en")


def _checked(one: Asked) -> Asked:
    """Free text may be left out; whatever has a scale is needed."""
    needed = one.question.kind != "text"
    return replace(one, missing=needed and not read_answer(one.question, one.given)[0])


async def _record(uow: UnitOfWork, surveys: SurveysService, found: _Open) -> Invitation:
    now = uow.clock.now()
    current = await invitations.change(uow.connection, found.invitation.id, form_used_at=now)
    for one in found.asked:
        _, score = read_answer(one.question, one.given)
        words = one.given if one.question.kind == "text" and one.given else None
        content_id = None
        if words is not None:
            content_id = await surveys.people.keep_text(
                uow.connection, current.person_id, words, now
            )
        current = await surveys.answering.record(
            uow,
            current,
            found.definition,
            scored(current, one.question, score, now),
            content_id=content_id,
            channel="web",
            words=words,
        )
    return current
