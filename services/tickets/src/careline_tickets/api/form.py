"""The public form: an appeal without a token and without script, and the code by which it is followed."""

import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from starlette.exceptions import HTTPException

from careline_common.phones import parse_phone
from careline_tickets.api import form_page, form_words
from careline_tickets.api.office import Office, OfficeHere, sealing
from careline_tickets.attaching import TooManyFilesError
from careline_tickets.domain.attachments import CheckedFile
from careline_tickets.domain.mail import MailFile
from careline_tickets.domain.person import Person
from careline_tickets.domain.ticket import Details, External
from careline_tickets.domain.vocabulary import Channel, Kind, Role
from careline_tickets.domain.workflow import Actor
from careline_tickets.service import NewTicket, Registered

router = APIRouter(prefix="/v1/form", tags=["form"])

PATH = r"/v1/form"
MOST_FILES = 3
MOST_READ = 20
"""Files and fields of one form that are read at all: each costs memory, however small it is."""
SOURCE = "form"
"""The external source of appeals by the form; the id is a digest of what was sent under the form's key."""
FORM = Actor(id="form", roles=frozenset({Role.SYSTEM}))
KEY = re.compile(r"[0-9a-f]{32}")
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

Lang = Annotated[str | None, Query(max_length=20)]


def _html(text: str, status: int = 200, headers: Mapping[str, str] | None = None) -> HTMLResponse:
    return HTMLResponse(text, status, headers={**HEADERS, **(headers or {})})


@router.get("", response_class=HTMLResponse)
async def show_form(request: Request, office: OfficeHere, lang: Lang = None) -> HTMLResponse:
    """An empty form, in the language that is asked for or that the browser accepts."""
    language = form_words.language_of(lang, request.headers.get("accept-language", ""))
    return _html(form_page.form(language, office.fresh_key()))


@router.post("", status_code=201, response_class=HTMLResponse)
async def send_form(request: Request, office: OfficeHere, lang: Lang = None) -> HTMLResponse:
    """Registers an appeal. What is wrong is shown in the form again, with what was given kept.

    The same form sent again is the same appeal, with the same code.
    """
    language = form_words.language_of(lang, request.headers.get("accept-language", ""))
    wait = office.form_limiter.wait_s(request.client.host if request.client else "")
    if wait:
        retry = {"Retry-After": str(math.ceil(wait))}
        return _html(form_page.notice(language, form_words.LATER), 429, retry)
    try:
        given, sent = await _given(request)
    except _TooManyPartsError:
        again = form_page.form(
            language, office.fresh_key(), said=form_words.FAULTS["files"], faults=["files"]
        )
        return _html(again, 413)
    if not KEY.fullmatch(given.get("key", "")) or given.get(form_page.TRAP):
        again = form_page.form(language, office.fresh_key(), given=given, said=form_words.STALE)
        return _html(again, 422)
    faults, phone = _faults(given, office)
    files, refused = office.attachments.checked(sent)
    if refused or len(sent) > MOST_FILES:
        faults.append("files")
    if faults:
        return _html(form_page.form(language, given["key"], given=given, faults=faults), 422)
    try:
        registered = await _registered(office, _appeal(given, phone, office), files)
    except TooManyFilesError:  # the same form was sent again and again, with other files each time
        return _html(form_page.form(language, given["key"], given=given, faults=["files"]), 422)
    said = form_page.notice(language, form_words.REGISTERED, registered.ticket.tracking_code)
    return _html(said, 201 if registered.fresh else 200)


async def _registered(office: Office, new: NewTicket, files: Sequence[CheckedFile]) -> Registered:
    """Raises `TooManyFilesError`."""
    with sealing():
        async with office.database.unit_of_work() as uow:
            registered = await office.journal.register(uow, new, FORM)
            if files:
                await office.attachments.keep(uow, registered.ticket.id, files, FORM)
    return registered


class _TooManyPartsError(Exception):
    """More files or fields than any form of ours has."""


async def _given(request: Request) -> tuple[dict[str, str], list[MailFile]]:
    """The fields, and the files that were chosen; a browser sends an empty one where none was.

    Raises `_TooManyPartsError`, and 400 for what is no form at all."""
    fields: dict[str, str] = {}
    files: list[MailFile] = []
    try:
        async with request.form(max_files=MOST_READ, max_fields=MOST_READ) as form:
            for name, value in form.multi_items():
                if isinstance(value, str):
                    fields[name] = _clean(value)[: form_page.LIMITS.get(name, 100)]
                elif content := await value.read():
                    declared = value.content_type or ""
                    files.append(
                        MailFile(name=value.filename or "", declared=declared, content=content)
                    )
    except HTTPException as error:
        if str(error.detail).startswith("Too many"):
            raise _TooManyPartsError from None
        raise
    return fields, files


def _clean(value: str) -> str:
    """Line ends as one sign, as the browser has counted them against the limit."""
    return value.replace("\0", "").replace("\r\n", "\n").strip()


def _sent(given: Mapping[str, str]) -> str:
    """The same for the same form sent again, and another where it was changed meanwhile: whoever went
    back and wrote more has said more. Nobody who lacks the form's key can find out what it stands for."""
    said = "\0".join(given.get(name, "") for name in form_words.FIELDS)
    key = bytes.fromhex(given["key"])
    return hashlib.blake2b(said.encode(), key=key, digest_size=16).hexdigest()


def _faults(given: Mapping[str, str], office: Office) -> tuple[list[str], str | None]:
    """The fields that will not do, and the phone as E.164."""
    faults = [] if given.get("text") else ["text"]
    if given.get("kind", Kind.COMPLAINT) not in {*Kind}:
        faults.append("kind")
    phone = None
    if given.get("phone"):
        try:
            phone = parse_phone(given["phone"], office.region)
        except ValueError:
            faults.append("phone")
    return faults, phone


def _appeal(given: Mapping[str, str], phone: str | None, office: Office) -> NewTicket:
    return NewTicket(
        details=Details(
            channel=Channel.PORTAL,
            kind=Kind(given.get("kind", Kind.COMPLAINT)),
            external=External(source=SOURCE, id=_sent(given)),
        ),
        person=Person(
            phone=phone,
            name=given.get("name") or None,
            policy_number=given.get("policy_number") or None,
        ),
        text=given["text"],
        registered_at=office.clock.now(),
    )
