"""Runs, and the answer to the sender of each file."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Request, Response
from fastapi.responses import StreamingResponse

from careline_common.db.unit_of_work import UnitOfWork
from careline_common.http.idempotency import Answer, idempotent
from careline_common.http.paging import Page, Paging
from careline_common.http.problem import NotFound
from careline_ingest import answers
from careline_ingest.adapters.archive import Archive
from careline_ingest.api.access import (
    Db,
    Keeper,
    RecordReader,
    Replayer,
    Watcher,
    own_insurer,
    visible_run,
)
from careline_ingest.api.schemas import LeftOutView, ReplayRowsRequest, RunView
from careline_ingest.db import quarantines, records, runs
from careline_ingest.db.quarantines import Quarantined
from careline_ingest.db.runs import Run
from careline_ingest.problems import RunNotEnded

router = APIRouter(prefix="/v1/runs", tags=["runs"])


@router.get("", summary="Runs, newest first")
async def list_runs(
    caller: Watcher, database: Db, page: Paging, source: Annotated[str | None, Query()] = None
) -> Page[RunView]:
    after = page.after(str)
    async with database.read() as connection:
        found = await runs.page(
            connection,
            source=source or None,
            insurer=own_insurer(caller),
            before=after[0] if after else None,
            limit=page.limit + 1,
        )
    return page.of(found, key=lambda run: (run.id,), show=RunView.of)


@router.get("/{run_id}", summary="A run")
async def get_run(run_id: str, caller: Watcher, database: Db) -> RunView:
    async with database.read() as connection:
        return RunView.of(visible_run(caller, await runs.get(connection, run_id)))


@router.post(
    "/{run_id}/replay",
    response_model=RunView,
    summary="Try quarantined rows of a run again, all or some; one that failed reads its file again",
)
async def replay_run(
    run_id: str,
    *,
    request: Request,
    caller: Keeper,
    database: Db,
    replays: Replayer,
    body: Annotated[ReplayRowsRequest | None, Body()] = None,
) -> Response:
    async def effect(uow: UnitOfWork) -> Answer:
        if body is None or body.ids is None:
            run = await replays.all_of(uow, run_id)
        else:
            run = await replays.several(uow, run_id, body.ids, body.values)
        return Answer.json(RunView.of(run), status=202 if run.status == "running" else 200)

    return await idempotent(request, database, caller, effect)


@router.get(
    "/{run_id}/left-out", summary="Bad values without which rows were taken, by the contract"
)
async def list_left_out(
    run_id: str, caller: Watcher, database: Db, page: Paging
) -> Page[LeftOutView]:
    after = page.after(int, str) or (0, "")
    async with database.read() as connection:
        run = visible_run(caller, await runs.get(connection, run_id))
        found = await quarantines.left_out_of(
            connection, run.id, after=(after[0], after[1]), limit=page.limit + 1
        )
    return page.of(found, key=lambda value: (value.row, value.field), show=LeftOutView.of)


@router.get("/{run_id}/answer.json", summary="The answer to the sender")
async def answer_json(run_id: str, caller: Watcher, database: Db) -> dict[str, Any]:
    return answers.as_json(*await _ended(run_id, caller, database))


@router.get(
    "/{run_id}/answer.xml",
    response_class=Response,
    responses={200: {"content": {"application/xml": {}}}},
    summary="The answer to the sender, as the FLK protocol",
)
async def answer_xml(run_id: str, caller: Watcher, database: Db) -> Response:
    document = answers.as_flk(*await _ended(run_id, caller, database))
    return Response(document, media_type="application/xml")


@router.get(
    "/{run_id}/file",
    response_class=StreamingResponse,
    responses={200: {"content": {"application/octet-stream": {}}}},
    summary="The file as it was sent, out of the archive; the reading is noted",
)
async def raw_file(
    run_id: str, request: Request, caller: RecordReader, database: Db
) -> StreamingResponse:
    archive: Archive | None = request.app.state.archive
    async with database.read() as connection:
        run = visible_run(caller, await runs.get(connection, run_id))
    if archive is None or not await asyncio.to_thread(archive.has, run.id):
        raise NotFound("this file is not in the archive, or not any more")
    async with database.unit_of_work() as uow:
        await records.note_read(
            uow.connection,
            audit_id=uow.ids.new(),
            at=uow.clock.now(),
            subject=caller.subject,
            target=run.id,
            action="file.read",
        )
    return StreamingResponse(archive.read(run.id), media_type="application/octet-stream")


async def _ended(run_id: str, caller: Watcher, database: Db) -> tuple[Run, list[Quarantined]]:
    async with database.read() as connection:
        run = visible_run(caller, await runs.get(connection, run_id))
        if run.status == "running":
            raise RunNotEnded("the answer is made when the whole file has been read")
        return run, await quarantines.all_of(connection, run.id)
