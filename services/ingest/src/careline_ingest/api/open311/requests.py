"""GeoReport v2 as its clients know it, errors included: at `/v1/open311/v2` beside what else is ours, and at
`/open311/v2`, where clients that know no other place look for it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request, Response

from careline_common.clock import Clock
from careline_common.db.unit_of_work import UnitOfWork
from careline_common.http.auth import Authenticator, Principal
from careline_common.http.idempotency import Answer, idempotent
from careline_common.http.json_body import raw_body
from careline_common.http.problem import Problem
from careline_ingest.api.access import Db
from careline_ingest.api.open311 import shapes
from careline_ingest.db.open311 import Row
from careline_ingest.domain.georeport import RefusedError, query_of
from careline_ingest.open311 import Client, Open311

ROLES = ("admin", "service")
SUFFIXES = ("json", "xml")
FORM = "application/x-www-form-urlencoded"

router = APIRouter(tags=["open311"])
PLACES = ("/v1/open311/v2", "/open311/v2")

Reply = Callable[[Open311, str], Awaitable[Response]]

_ERROR: dict[str, Any] = {
    "description": "errors as GeoReport has them",
    "content": {"application/json": {"example": [{"code": 400, "description": "…"}]}},
}
_RESPONSES: dict[int | str, dict[str, Any]] = dict.fromkeys((400, 403, 404), _ERROR)
_FORM = {"requestBody": {"content": {FORM: {"schema": {"type": "object"}}}}}


@router.get("/services.{suffix}", responses=_RESPONSES, summary="Subjects one can appeal about")
async def list_services(request: Request, suffix: str) -> Response:
    async def reply(desk: Open311, form: str) -> Response:
        await _client(request, desk, request.query_params)
        services = [shapes.service(subject) for subject in desk.subjects().values()]
        return shapes.answer(form, "services", "service", services)

    return await _replied(request, suffix, reply)


@router.get("/services/{code}", responses=_RESPONSES, summary="What a subject asks for")
async def get_service(request: Request, code: str) -> Response:
    name, suffix = _named(code, request)

    async def reply(desk: Open311, form: str) -> Response:
        await _client(request, desk, request.query_params)
        body = shapes.definition(form, desk.subject(name).id)
        return Response(body, headers={"Content-Type": shapes.content_type(form)})

    return await _replied(request, suffix, reply)


@router.get("/requests.{suffix}", responses=_RESPONSES, summary="Appeals, oldest first")
async def list_requests(request: Request, suffix: str) -> Response:
    async def reply(desk: Open311, form: str) -> Response:
        client, _ = await _client(request, desk, request.query_params)
        rows = await desk.requests(client, query_of(request.query_params, _now(request)))
        shown = [shapes.request(row, desk.subjects()) for row in rows]
        return shapes.answer(form, "service_requests", "request", shown)

    return await _replied(request, suffix, reply)


@router.get("/requests/{request_id}", responses=_RESPONSES, summary="One appeal")
async def get_request(request: Request, request_id: str) -> Response:
    name, suffix = _named(request_id, request)

    async def reply(desk: Open311, form: str) -> Response:
        rows = await _called(request, desk, name, "service_request_id")
        shown = [shapes.request(row, desk.subjects()) for row in rows]
        return shapes.answer(form, "service_requests", "request", shown)

    return await _replied(request, suffix, reply)


@router.get("/tokens/{token}", responses=_RESPONSES, summary="The id behind a token")
async def get_token(request: Request, token: str) -> Response:
    """Ids are given at once here, so that a token is the id itself."""
    name, suffix = _named(token, request)

    async def reply(desk: Open311, form: str) -> Response:
        await _called(request, desk, name, "token")
        item = {"service_request_id": name, "token": name}
        return shapes.answer(form, "service_requests", "request", [item])

    return await _replied(request, suffix, reply)


@router.post(
    "/requests.{suffix}",
    status_code=201,
    responses=_RESPONSES,
    openapi_extra=_FORM,
    summary="File an appeal; Idempotency-Key makes a repeat harmless",
)
async def file_request(request: Request, suffix: str, database: Db) -> Response:
    async def reply(desk: Open311, form: str) -> Response:
        given = {**request.query_params, **await _form(request)}
        client, caller = await _client(request, desk, given)

        async def effect(uow: UnitOfWork) -> Answer:
            item = {
                "service_request_id": await desk.file(uow, client, given),
                "service_notice": None,
                "account_id": None,
            }
            body = shapes.document(form, "service_requests", "request", [item])
            here = request.url.path.rsplit(".", 1)[0]
            headers = {
                "Content-Type": shapes.content_type(form),
                "Location": f"{here}/{item['service_request_id']}.{form}",
            }
            return Answer(201, body, headers)

        return await idempotent(request, database, caller, effect)

    return await _replied(request, suffix, reply)


async def _called(request: Request, desk: Open311, name: str, what: str) -> Sequence[Row]:
    """The appeals of this name that the client may see; 404 when there is none."""
    client, _ = await _client(request, desk, request.query_params)
    rows: Sequence[Row] = ()
    if name.strip():  # a list without names would be everything
        rows = await desk.requests(client, query_of({"service_request_id": name}, _now(request)))
    if not rows:
        raise RefusedError(404, f"there is no {what} {name!r}")
    return rows


async def _replied(request: Request, suffix: str, reply: Reply) -> Response:
    """The reply, or its error in the form that was asked for."""
    form = suffix if suffix in SUFFIXES else "json"
    try:
        _check_suffix(suffix)
        return await reply(request.app.state.open311, form)
    except RefusedError as error:
        code, text = error.code, error.description
    except Problem as problem:
        code, text = problem.status, problem.detail or problem.title
    errors = [{"code": code, "description": text}]
    return shapes.answer(form, "errors", "error", errors, code)


def _check_suffix(suffix: str) -> None:
    if suffix not in SUFFIXES:
        raise RefusedError(404, f"no format {suffix!r}: ask for json or xml")


async def _client(
    request: Request, desk: Open311, given: Mapping[str, str]
) -> tuple[Client, Principal]:
    """Who asks: by the key of a source, or by a token; raises `RefusedError` and `Problem`."""
    key = given.get("api_key")
    if key:
        client = desk.client_with_key(key)
        request.state.subject = client.name
        return client, Principal(subject=client.name, roles=frozenset(), expires_at=_now(request))
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise RefusedError(403, "give an api_key, or a token as Authorization: Bearer …")
    authenticator: Authenticator = request.app.state.authenticator
    caller = await authenticator.verify(token.strip())
    request.state.subject = caller.subject
    caller.check(*ROLES)
    return Client(name=caller.subject, source=None), caller


async def _form(request: Request) -> dict[str, str]:
    """The form's fields, each once: of several `attribute[X][]` the values on a line each."""
    body = await raw_body(request)
    if request.headers.get("content-type", FORM).split(";")[0].strip().lower() != FORM:
        raise RefusedError(400, f"send the fields as {FORM}")
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, errors="strict")
    except ValueError:
        raise RefusedError(400, "the form is not in UTF-8") from None
    fields: dict[str, str] = {}
    for name, value in pairs:
        fields[name] = f"{fields[name]}\n{value}" if name in fields else value
    return fields


def _named(text: str, request: Request) -> tuple[str, str]:
    """`ID.json` as id and suffix; without one the form that the client accepts."""
    name, dot, suffix = text.rpartition(".")
    if dot and suffix in SUFFIXES:
        return name, suffix
    return text, "xml" if "xml" in request.headers.get("accept", "") else "json"


def _now(request: Request) -> datetime:
    clock: Clock = request.app.state.clock
    return clock.now()
