"""The page at which an insurer's people answer the appeals that are theirs, without a program of their own.

Who signs in with his token has it in a cookie of this page alone, which no script sees and no other site sends
along; all else is as over the API: what he may see, what is noted, versions that keep two from answering at once.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from careline_common.db.unit_of_work import UnitOfWork
from careline_common.http.auth import Authenticator
from careline_common.http.problem import NotFound, Unauthorized
from careline_tickets.api import insurer_page, insurer_words
from careline_tickets.api.form import HEADERS
from careline_tickets.api.form_words import language_of
from careline_tickets.api.office import Office, OfficeHere, actor_of, viewer_of, watched
from careline_tickets.api.views import TicketOut, shown_ticket, with_personal
from careline_tickets.db import audit, reading
from careline_tickets.domain.sight import Sight, Viewer, sight
from careline_tickets.domain.ticket import Command, InvalidCommandError, TextKind
from careline_tickets.domain.vocabulary import Action, Role, Status
from careline_tickets.domain.workflow import NotNow, NotPermitted

router = APIRouter(prefix="/v1/insurer", tags=["insurers"])

COOKIE = "careline_insurer"
MOST = 200
FOREIGN = frozenset({"cross-site", "same-site"})
Lang = Annotated[str | None, Query(max_length=20)]
AWAY: dict[int | str, dict[str, Any]] = {303: {"description": "to the list, or to sign in there"}}


def _html(text: str, status: int = 200) -> HTMLResponse:
    return HTMLResponse(text, status, headers=HEADERS)


def _language(request: Request, lang: str | None) -> str:
    return language_of(lang, request.headers.get("accept-language", ""))


async def _viewer(request: Request, office: Office, token: str) -> Viewer | None:
    """The insurer's user of a token; None for any other token, and for none."""
    authenticator: Authenticator = request.app.state.authenticator
    try:
        caller = await authenticator.verify(token)
    except Unauthorized:
        return None
    insurer = viewer_of(caller, office).own_insurer
    if insurer is None:
        return None
    # whatever else he may do elsewhere: here he is the insurer's alone
    return Viewer(id=caller.subject, roles=frozenset({Role.INSURER}), insurer=insurer)


def _foreign(request: Request) -> bool:
    return request.method == "POST" and request.headers.get("sec-fetch-site", "") in FOREIGN


async def _signed_in(request: Request, office: Office) -> Viewer | None:
    token = request.cookies.get(COOKIE)
    return await _viewer(request, office, token) if token and not _foreign(request) else None


@router.get("", response_class=HTMLResponse)
async def show_list(request: Request, office: OfficeHere, lang: Lang = None) -> Response:
    """The appeals that wait for this insurer's answer, or the field to sign in at."""
    language, viewer = _language(request, lang), await _signed_in(request, office)
    if viewer is None:
        return _html(insurer_page.sign_in(language))
    assert viewer.insurer is not None
    async with office.database.read() as connection:
        rows = await reading.waiting_for(connection, viewer.insurer, limit=MOST)
        found = await office.journal.repository.stored(connection, rows)
    now = office.clock.now()
    appeals = [shown_ticket(one.ticket, actor_of(viewer), now) for one in found]
    return _html(insurer_page.listed(language, appeals))


@router.post("/session", response_class=HTMLResponse, responses=AWAY)
async def sign_in(request: Request, office: OfficeHere, lang: Lang = None) -> Response:
    """Takes an insurer's token, and keeps it in this browser as long as it lives."""
    form = await request.form(max_files=0, max_fields=5)
    token = str(form.get("token") or "").strip()
    # another site could have him answer under a token of its own
    if _foreign(request) or await _viewer(request, office, token) is None:
        return _html(insurer_page.sign_in(_language(request, lang), refused=True), 401)
    answer = RedirectResponse("../insurer", 303)
    answer.set_cookie(
        COOKIE,
        token,
        path=None,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return answer


@router.post("/end", status_code=303, response_class=RedirectResponse)
async def sign_out() -> Response:
    """Forgets the token in this browser."""
    answer = RedirectResponse("../insurer", 303)
    answer.set_cookie(COOKIE, "", max_age=0, path=None, httponly=True, samesite="strict")
    return answer


@router.get("/appeals/{ticket_id}", response_class=HTMLResponse, responses=AWAY)
async def show_appeal(
    ticket_id: str, request: Request, office: OfficeHere, lang: Lang = None
) -> Response:
    """One of the insurer's own appeals. Noted, and so is the guess of another's."""
    language, viewer = _language(request, lang), await _signed_in(request, office)
    if viewer is None:
        return RedirectResponse("../../insurer", 303)
    appeal = await _appeal(office, viewer, ticket_id)
    if appeal is None:
        return _html(insurer_page.no_such(language), 404)
    return _html(insurer_page.shown(language, appeal))


@router.post("/appeals/{ticket_id}", response_class=HTMLResponse, responses=AWAY)
async def answer_appeal(
    ticket_id: str, request: Request, office: OfficeHere, lang: Lang = None
) -> Response:
    """Sends the answer on the version that was shown. Sent twice it is one answer."""
    language, viewer = _language(request, lang), await _signed_in(request, office)
    if viewer is None:
        return RedirectResponse("../../insurer", 303)
    form = await request.form(max_files=0, max_fields=5)
    text = str(form.get("text") or "").replace("\0", "").replace("\r\n", "\n").strip()
    said, status = await _answered(office, viewer, ticket_id, text, str(form.get("version") or ""))
    appeal = await _appeal(office, viewer, ticket_id)
    if appeal is None:
        return _html(insurer_page.no_such(language), 404)
    if status != 200 and text and _has_said(appeal, viewer, text):
        said, status = insurer_words.SENT, 200
    shown = insurer_page.shown(
        language, appeal, typed="" if status == 200 else text, said=said, fault=status != 200
    )
    return _html(shown, status)


async def _answered(
    office: Office, viewer: Viewer, ticket_id: str, text: str, version: str
) -> tuple[insurer_words.Words, int]:
    """What is said of an answer, with its HTTP status."""
    actor = actor_of(viewer)
    async with office.database.unit_of_work() as uow:
        stored = await office.journal.repository.find(uow.connection, ticket_id, for_update=True)
        if stored is None or sight(stored.ticket, viewer) is Sight.NOTHING:
            return insurer_words.NO_SUCH, 404
        if str(stored.ticket.version) != version:
            return insurer_words.CHANGED, 409
        try:
            command = Command(action=Action.INSURER_ANSWER, text=text)
            await office.journal.act(uow, stored, command, actor)
        except (NotNow, NotPermitted):
            return insurer_words.CHANGED, 409
        except InvalidCommandError:
            return insurer_words.MISSING, 422
    return insurer_words.SENT, 200


def _has_said(appeal: TicketOut, viewer: Viewer, text: str) -> bool:
    """Whether this very answer of his is there already: the form was sent twice. Where it is his turn again, the
    answer that was returned is none."""
    return appeal.status != Status.WITH_INSURER and any(
        (one.kind, one.by, one.text) == (TextKind.INSURER_ANSWER, viewer.id, text)
        for one in appeal.contents or ()
    )


async def _appeal(office: Office, viewer: Viewer, ticket_id: str) -> TicketOut | None:
    """The appeal with its person and texts, which is noted; None where it is not this insurer's."""
    try:
        async with (
            watched(office, viewer, "ticket", ticket_id),
            office.database.unit_of_work() as uow,
        ):
            return await _own(uow, office, viewer, ticket_id)
    except NotFound:
        return None


async def _own(uow: UnitOfWork, office: Office, viewer: Viewer, ticket_id: str) -> TicketOut:
    repository = office.journal.repository
    stored = await repository.find(uow.connection, ticket_id)
    if stored is None or sight(stored.ticket, viewer) is not Sight.ALL:
        raise NotFound("there is no such appeal")
    await audit.note(uow, who=viewer.id, roles=viewer.roles, what="ticket", ticket_id=ticket_id)
    person = await repository.person(uow.connection, ticket_id)
    contents = await repository.contents(uow.connection, ticket_id)
    view = shown_ticket(stored.ticket, actor_of(viewer), uow.clock.now())
    return with_personal(view, person, contents)
