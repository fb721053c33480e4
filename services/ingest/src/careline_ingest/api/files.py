"""Files in."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from careline_common.db.unit_of_work import UnitOfWork
from careline_common.http.idempotency import Answer, answered_when_done, idempotent
from careline_ingest.api.access import Db, Fetcher, Keeper, Sender, Service, check_insurer
from careline_ingest.api.schemas import AcceptedView, PreviewView
from careline_ingest.domain.names import file_name
from careline_ingest.service import Accepted, Taking
from careline_ingest.trying import try_file

UPLOAD_PATH = r"/v1/sources/[^/]+/(?:files|preview)"

router = APIRouter(prefix="/v1/sources", tags=["files"])

_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"model": AcceptedView, "description": "These bytes have come before: their first run"},
    202: {"model": AcceptedView, "description": "The file will be read"},
}
_FILE = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.post(
    "/{source_id}/files",
    status_code=202,
    responses=_ANSWERS,
    openapi_extra=_FILE,
    summary="Send a file, or a ZIP of files; its name stands in Content-Disposition",
)
async def send_file(
    source_id: str, request: Request, caller: Sender, service: Service, database: Db
) -> Response:
    source = service.source(source_id)
    check_insurer(caller, source.insurer, "source")
    name = file_name(request.headers.get("content-disposition"))

    async def answered(sha256: bytes, taking: Taking) -> Response:
        async def effect(uow: UnitOfWork) -> Answer:
            return answer_of(request, await taking(uow))

        return await idempotent(request, database, caller, effect, body=sha256)

    return await service.upload(source, name, request.stream(), answered)


@router.post(
    "/{source_id}/preview",
    responses={200: {"model": PreviewView}},
    openapi_extra=_FILE,
    summary="Try a file: how it would be read, and its first rows. Nothing is taken or kept",
)
async def preview_file(
    source_id: str,
    request: Request,
    caller: Sender,
    service: Service,
    rows: Annotated[int, Query(ge=1, le=200)] = 20,
) -> PreviewView:
    source = service.source(source_id)
    check_insurer(caller, source.insurer, "source")
    found = await try_file(
        service, source, request.stream(), clock=request.app.state.clock, shown=rows
    )
    return PreviewView.of(found)


@router.post("/{source_id}/run", status_code=202, responses=_ANSWERS, summary="Read the source now")
async def run_now(
    *,
    source_id: str,
    request: Request,
    keeper: Keeper,
    service: Service,
    turns: Fetcher,
    database: Db,
) -> Response:
    source = service.source(source_id)
    run = turns.run_now if source.is_fetched else service.run_now

    async def work() -> Answer:
        return answer_of(request, await run(source))

    return await answered_when_done(request, database, keeper, work)


def answer_of(request: Request, accepted: Sequence[Accepted]) -> Answer:
    """The first new run, or else the last of the known ones."""
    new = [each for each in accepted if each.is_new]
    shown = new[0] if new else accepted[-1]
    view = AcceptedView.accepted(shown.run, [each.run.id for each in accepted], is_new=shown.is_new)
    location = f"{request.scope.get('root_path', '')}/v1/runs/{shown.run.id}"
    return Answer.json(view, status=202 if new else 200, location=location)
