"""Providers calling back, and the console provider's window."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import SecretStr

from careline_common.db.unit_of_work import UnitOfWork
from careline_common.http.idempotency import Answer, idempotent
from careline_common.http.json_body import raw_body
from careline_common.http.paging import MAX_LIMIT, Page
from careline_common.http.problem import invalid
from careline_common.http.signed import SignedCallbacks, SignedMessage
from careline_surveys.adapters.http.wire import Callback, ForgedError, Wire
from careline_surveys.api.access import Admin, Callbacks, Db, Surveys
from careline_surveys.api.schemas import (
    ConsoleInbound,
    ConsoleMessageView,
    GenericInbound,
    GenericStatus,
    Taken,
)
from careline_surveys.db import messages
from careline_surveys.ports import SmsReceipt
from careline_surveys.replying import Reply
from careline_surveys.service import SurveysService

router = APIRouter(prefix="/v1/sms", tags=["sms"])

CONSOLE = "console"


@router.get("/console/messages", summary="What the console provider sent, oldest first")
async def console_messages(
    _admin: Admin,
    database: Db,
    after: Annotated[str | None, Query(max_length=20)] = None,
    cursor: Annotated[str | None, Query(max_length=20)] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = MAX_LIMIT,
) -> Page[ConsoleMessageView]:
    """`next` is the id to go on after, null on the last page; `cursor` and `after` mean the same."""
    start = _console_id(after or cursor)
    async with database.read() as connection:
        rows = await messages.on_console(connection, start, limit + 1)
    shown = [ConsoleMessageView.of(row) for row in rows[:limit]]
    return Page(items=shown, next=shown[-1].id if len(rows) > limit else None)


def _console_id(after: str | None) -> int:
    if not after:
        return 0
    if not after.isascii() or not after.isdecimal() or int(after) >= 2**63:
        raise invalid("after", "not the id of a console message")
    return int(after)


@router.post("/console/inbound", summary="Play a reply of a patient", response_model=Taken)
async def console_inbound(
    request: Request, body: ConsoleInbound, admin: Admin, surveys: Surveys, database: Db
) -> Response:
    reply = Reply(provider=CONSOLE, external_id=None, sender=body.sender, text=body.text)

    async def effect(uow: UnitOfWork) -> Answer:
        return Answer.json(Taken(meaning=await surveys.replying.take(uow, reply)))

    return await idempotent(request, database, admin, effect)


@router.post("/{provider}/inbound", summary="A reply, told by its provider (signed)")
async def inbound(
    provider: str, request: Request, surveys: Surveys, database: Db, callbacks: Callbacks
) -> Response:
    wire = surveys.providers.wire(provider)
    if wire is not None:
        callback = await _proven(provider, request, surveys, callbacks, wire)
        heard = [
            Reply(
                provider=provider,
                external_id=each.external_id,
                sender=each.sender,
                text=each.text,
                at=each.at,
            )
            for each in wire.replies(callback)
        ]
        async with database.unit_of_work() as uow:
            for reply in heard:
                await surveys.replying.take(uow, reply)
        return _thanks(wire)

    async def effect(uow: UnitOfWork, message: SignedMessage) -> Answer:
        body = message.model(GenericInbound)
        reply = Reply(
            provider=provider,
            external_id=body.id,
            sender=body.sender,
            text=body.text,
            at=body.at,
        )
        await surveys.replying.take(uow, reply)
        return Answer.json(Taken())

    return await callbacks.once(
        request, database, f"sms:{provider}:inbound", _secrets(surveys, provider), effect
    )


@router.post("/{provider}/status", summary="A delivery receipt, told by its provider (signed)")
async def status(
    provider: str, request: Request, surveys: Surveys, database: Db, callbacks: Callbacks
) -> Response:
    wire = surveys.providers.wire(provider)
    if wire is not None:
        callback = await _proven(provider, request, surveys, callbacks, wire)
        receipts = wire.receipts(callback)
        async with database.unit_of_work() as uow:
            await surveys.receipts.take(uow, provider, receipts, uow.clock.now())
        return _thanks(wire)

    async def effect(uow: UnitOfWork, message: SignedMessage) -> Answer:
        body = message.model(GenericStatus)
        now = uow.clock.now()
        at = now if body.at is None or body.at.tzinfo is None else min(body.at, now)
        told = SmsReceipt(
            message_id=body.message_id, status=body.status, reference=None, sender=None
        )
        await surveys.receipts.take(uow, provider, [told], at)
        return Answer.json(Taken())

    return await callbacks.once(
        request, database, f"sms:{provider}:status", _secrets(surveys, provider), effect
    )


async def _proven(
    provider: str,
    request: Request,
    surveys: SurveysService,
    callbacks: SignedCallbacks,
    wire: Wire,
) -> Callback:
    """The callback, if its provider proves that it is its own; raises 401."""
    action = request.scope["path"].rpartition("/")[2]
    callback = Callback(
        urls=(f"{surveys.providers.callback_url(provider)}/{action}", _url_seen(request)),
        query=request.url.query,
        headers=request.headers,
        body=await raw_body(request),
    )
    try:
        wire.prove(callback)
    except ForgedError as error:
        raise callbacks.refused("wrong_signature", str(error)) from error
    return callback


def _url_seen(request: Request) -> str:
    """The address as it came here; the public one is another behind a proxy."""
    return str(request.url.replace(query=""))


def _thanks(wire: Wire) -> Response:
    return Response(wire.thanks.content, media_type=wire.thanks.media_type)


def _secrets(surveys: SurveysService, provider: str) -> list[SecretStr]:
    """Only generic providers sign so; everybody else is an unknown sender."""
    entry = surveys.book.provider(provider)
    return [] if entry is None or entry.secret is None else [entry.secret]
