"""Records: what partners' patients have said. Every reading is noted."""

from fastapi import APIRouter

from careline_common.http.problem import NotFound
from careline_ingest.api.access import Db, RecordReader
from careline_ingest.api.schemas import RecordView
from careline_ingest.db import records

router = APIRouter(prefix="/v1/records", tags=["records"])


@router.get("/{record_id}", summary="A record with what stands in it; the reading is noted")
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
