"""The dialplan's form: a plain dialplan asks in a loop where a call goes, and rings by itself.

Asterisk's `CURL(url,postdata)` calls every body `application/x-www-form-urlencoded`, JSON too, and
a `+` that nobody escaped arrives as a blank: both are understood.
"""

from typing import Annotated, Any, TypeVar
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel

from careline_common.http.json_body import raw_body, read_json
from careline_common.http.problem import MalformedRequest
from careline_router.api.deps import Service, pbx_may
from careline_router.api.permissions import Action
from careline_router.api.schemas import RouteHangup, RouteRequest, RouteResult, read
from careline_router.ports import Arrival

LONGEST_WAIT_S = 5.0
_NUMBERS = ("caller", "line")

router = APIRouter(tags=["PBX"])

Pbx = Annotated[str, Depends(pbx_may(Action.PBX_ROUTE))]
Model = TypeVar("Model", bound=BaseModel)


def _accepts(model: type[BaseModel]) -> dict[str, Any]:
    schema = {"schema": model.model_json_schema()}
    kinds = ("application/json", "application/x-www-form-urlencoded")
    return {"requestBody": {"required": True, "content": dict.fromkeys(kinds, schema)}}


async def _read(model: type[Model], request: Request) -> Model:
    """The body as JSON or as a form, whatever its Content-Type says."""
    body = await raw_body(request)
    if body.lstrip()[:1] in {b"{", b"["}:
        return read(model, read_json(body))
    try:
        fields = parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=bool(body))
    except ValueError as error:
        raise MalformedRequest("the body is neither JSON nor a form") from error
    form: dict[str, Any] = {name: value.replace("\0", "") for name, value in fields}
    for name in _NUMBERS:
        if form.get(name, "").startswith(" "):
            form[name] = "+" + form[name].lstrip()
    if "wait" in form:
        form["wait"] = _seconds(form["wait"])
    return read(model, form)


def _seconds(text: str) -> float | str:
    """A number where the form has one; else the text, for validation to refuse."""
    try:
        return float(text)
    except ValueError:
        return text


@router.post("/v1/pbx/{pbx}/route", openapi_extra=_accepts(RouteRequest))
async def next_step(pbx: Pbx, request: Request, service: Service) -> dict[str, Any]:
    """What the dialplan does next with this call. On `wait` and `announce` it asks again.

    With `record` on a `ring` the talk is to be recorded. Who does not ask again within `wait` + 10 s has lost the call: it counts as abandoned.
    """
    asked = await _read(RouteRequest, request)
    wait_s = min(asked.wait, LONGEST_WAIT_S)
    arrival = Arrival(pbx_call_id=asked.call_id, caller=asked.caller or None, line=asked.line)
    answer = await service.call_arrived(pbx, arrival, control="dialplan")
    if asked.digits:
        await service.digits(pbx, asked.call_id, asked.digits)
    step = await service.pbx.route(pbx, asked.call_id, wait_s=wait_s)
    shown = {
        "action": step.action,
        "call_id": asked.call_id,
        "id": answer.call.id,
        "endpoint": step.endpoint,
        "offer_id": step.offer_id,
        "media": step.media,
        "timeout_s": step.timeout_s,
        "record": step.record or None,
    }
    return {name: value for name, value in shown.items() if value is not None}


@router.post("/v1/pbx/{pbx}/route/hangup", openapi_extra=_accepts(RouteHangup))
async def caller_gone(pbx: Pbx, request: Request, service: Service) -> dict[str, Any]:
    """The caller is gone."""
    gone = await _read(RouteHangup, request)
    answer = await service.hung_up(pbx, gone.call_id, "caller")
    return {"call_id": gone.call_id, "id": answer.call.id, "state": answer.call.state}


@router.post("/v1/pbx/{pbx}/route/{offer_id}", openapi_extra=_accepts(RouteResult))
async def ring_result(
    pbx: Pbx, offer_id: str, request: Request, service: Service
) -> dict[str, Any]:
    """How ringing the agent went: `answered` while the talk begins, `ended` when it is over."""
    told = await _read(RouteResult, request)
    answer = await service.dial_result(pbx, offer_id, told.result)
    call = answer.call
    return {"call_id": call.pbx_call_id, "id": call.id, "state": call.state}
