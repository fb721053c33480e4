"""What PBXs tell: signed events about calls, each with an effect once and one answer for ever."""

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import Response

from careline_common.http.idempotency import Answer, KeyReusedError
from careline_common.http.json_body import read_json
from careline_common.http.signed import id_reused, signed_scope
from careline_router.api.deps import Callbacks, Service
from careline_router.api.schemas import (
    EVENT_DATA,
    Answered,
    Arrived,
    ConsultAnswered,
    ConsultEnded,
    ConsultFailed,
    Digits,
    EventData,
    HungUp,
    NotReached,
    OfferFailed,
    PbxEvent,
    Reached,
    RecordingReady,
    read,
)
from careline_router.api.wire import impersonal
from careline_router.ports import AlreadyAnswered, Arrival, Receipt
from careline_router.service import RouterService
from careline_router.views import PbxAnswer

router = APIRouter(tags=["PBX"])

_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": PbxEvent.model_json_schema()}},
    }
}


@router.post("/v1/pbx/{pbx}/events", status_code=202, openapi_extra=_BODY)
async def tell_event(
    pbx: str, request: Request, service: Service, callbacks: Callbacks
) -> Response:
    """Takes an event, signed after Standard Webhooks with the secret of this PBX.

    Answers `{"call","commands"}`; the same webhook-id and body get the first answer again.
    """
    message = await callbacks.verify(request, service.pbx_secrets(pbx))
    service.signs.heard(pbx)
    event, data = read_event(message.body)
    receipt = Receipt(
        scope=signed_scope(f"pbx:{pbx}"),
        key=message.id,
        fingerprint=message.fingerprint,
        render=render,
    )
    try:
        answer = await _APPLY[type(data)](service, pbx, event.call_id, data, receipt)
    except AlreadyAnswered as answered:
        return answered.answer.response(replayed=True)
    except KeyReusedError as error:
        raise id_reused() from error
    return render(answer).response()


def read_event(body: bytes) -> tuple[PbxEvent, EventData]:
    """An event's envelope and data; raises 400 or 422 with paths from the body's root."""
    document = read_json(body)
    event = read(PbxEvent, document)
    return event, read(EVENT_DATA[event.type], event.data, "data")


def render(answer: PbxAnswer) -> Answer:
    """The wire form. It is kept, so that nothing personal is in it; the PBX knows the number."""
    return Answer.json(
        {
            "call": impersonal(answer.call),
            "commands": [command.as_json() for command in answer.commands],
        },
        status=202,
    )


async def _arrived(
    service: RouterService, pbx: str, call_id: str, data: Arrived, receipt: Receipt
) -> PbxAnswer:
    arrival = Arrival(
        pbx_call_id=call_id,
        caller=data.caller,
        line=data.line,
        ivr=data.ivr or {},
        attributes=data.attributes or {},
    )
    return await service.call_arrived(pbx, arrival, receipt=receipt)


async def _answered(
    service: RouterService, pbx: str, call_id: str, data: Answered, receipt: Receipt
) -> PbxAnswer:
    return await service.call_answered(pbx, call_id, data.offer_id, receipt=receipt)


async def _offer_failed(
    service: RouterService, pbx: str, call_id: str, data: OfferFailed, receipt: Receipt
) -> PbxAnswer:
    return await service.offer_failed(pbx, call_id, data.offer_id, data.cause, receipt=receipt)


async def _hung_up(
    service: RouterService, pbx: str, call_id: str, data: HungUp, receipt: Receipt
) -> PbxAnswer:
    if data.offer_id is not None and not service.talks(pbx, call_id, data.offer_id):
        return await service.as_it_is(pbx, call_id, receipt=receipt)
    return await service.hung_up(pbx, call_id, data.by, data.cause, receipt=receipt)


async def _digits(
    service: RouterService, pbx: str, call_id: str, data: Digits, receipt: Receipt
) -> PbxAnswer:
    return await service.digits(pbx, call_id, data.digits, receipt=receipt)


async def _recording_ready(
    service: RouterService, pbx: str, call_id: str, data: RecordingReady, receipt: Receipt
) -> PbxAnswer:
    return await service.recording_ready(pbx, call_id, data.url, data.duration_s, receipt=receipt)


async def _reached(
    service: RouterService, pbx: str, call_id: str, _data: Reached, receipt: Receipt
) -> PbxAnswer:
    return await service.person_reached(pbx, call_id, receipt=receipt)


async def _not_reached(
    service: RouterService, pbx: str, call_id: str, data: NotReached, receipt: Receipt
) -> PbxAnswer:
    return await service.person_not_reached(pbx, call_id, data.cause, receipt=receipt)


async def _consult_answered(
    service: RouterService, pbx: str, call_id: str, data: ConsultAnswered, receipt: Receipt
) -> PbxAnswer:
    return await service.consult_answered(pbx, call_id, data.consult_id, receipt=receipt)


async def _consult_gone(
    service: RouterService,
    pbx: str,
    call_id: str,
    data: ConsultFailed | ConsultEnded,
    receipt: Receipt,
) -> PbxAnswer:
    cause = data.cause if isinstance(data, ConsultFailed) else "hung_up"
    return await service.consult_gone(pbx, call_id, data.consult_id, cause, receipt=receipt)


_APPLY: dict[type[BaseModel], Callable[..., Awaitable[PbxAnswer]]] = {
    Arrived: _arrived,
    Answered: _answered,
    OfferFailed: _offer_failed,
    HungUp: _hung_up,
    Digits: _digits,
    RecordingReady: _recording_ready,
    Reached: _reached,
    NotReached: _not_reached,
    ConsultAnswered: _consult_answered,
    ConsultFailed: _consult_gone,
    ConsultEnded: _consult_gone,
}
