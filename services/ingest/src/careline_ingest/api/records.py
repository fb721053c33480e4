"""Records: what partners' patients have said. Every reading is noted."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from careline_common.db.unit_of_work import UnitOfWork
from careline_common.http.idempotency import Answer, idempotent
from careline_common.http.paging import Page
from careline_common.http.problem import InvalidInput, NotFound
from careline_ingest.api.access import (
    Db,
    Pusher,
    RecordReader,
    Sender,
    Service,
    check_insurer,
)
from careline_ingest.api.schemas import PushedView, RecordView
from careline_ingest.db import records
from careline_ingest.domain.faults import Fault

router = APIRouter(prefix="/v1", tags=["records"])
MOST_RECORDS = 100


@router.post(
    "/sources/{source_id}/records",
    status_code=201,
    response_model=PushedView,
    responses={200: {"model": PushedView, "description": "The record was known"}},
    summary="Send one record, in the words of the source's map; it is taken or refused at once",
)
async def push_record(
    source_id: str,
    body: dict[str, Any],
    *,
    request: Request,
    caller: Sender,
    service: Service,
    database: Db,
    pushing: Pusher,
) -> Response:
    source = service.source(source_id)
    check_insurer(caller, source.insurer, "source")

    async def effect(uow: UnitOfWork) -> Answer:
        pushed = await pushing.take(
            uow, service.spec(source), body, config_version=service.version(source)
        )
        if isinstance(pushed, Fault):
            raise InvalidInput(
                pushed.text,
                errors=[{"path": pushed.field or "", "reason": pushed.text}],
                code=pushed.code,
            )
        view = PushedView(
            record_id=pushed.settled.record_id, run=pushed.run_id, outcome=pushed.settled.outcome
        )
        return Answer.json(view, status=201 if view.outcome == "created" else 200)

    return await idempotent(request, database, caller, effect)


@router.get(
    "/records", summary="Records with what stands in them, by their ids; each reading is noted"
)
async def get_records(
    ids: Annotated[list[str], Query(alias="id", min_length=1, max_length=MOST_RECORDS)],
    caller: RecordReader,
    database: Db,
) -> Page[RecordView]:
    """Those that there are; whoever takes events in asks for many at a time."""
    async with database.unit_of_work() as uow:
        found = await records.several(uow.connection, ids)
        await records.note_reads(
            uow.connection,
            {uow.ids.new(): row["id"] for row in found},
            at=uow.clock.now(),
            subject=caller.subject,
        )
    return Page(items=[RecordView.of(row) for row in found])


@router.get("/records/{record_id}", summary="A record with what stands in it; the reading is noted")
async def get_record(record_id: str, caller: RecordReader, database: Db) -> RecordView:
    async with database.unit_of_work() as uow:
        found = await records.get(uow.connection, record_id)
        if found is None:
            raise NotFound(f"there is no record {record_id!r}")
        await records.note_read(
            uow.connection,
            audit_id=uow.ids.new(),
            at=uow.clock.now(),
            subject=caller.subject,
            target=record_id,
        )
    return RecordView.of(found)
