"""Recordings that partners keep: found by the record, fetched with the source's login. Every look is noted."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from careline_common.http.auth import Principal, require
from careline_common.http.problem import Conflict, NotFound, NotReady
from careline_ingest.adapters.recordings import fetch_recording
from careline_ingest.api.access import Db, Service
from careline_ingest.config import SourceEntry
from careline_ingest.db import records
from careline_ingest.domain.recordings import NotAllowedError, address_of
from careline_ingest.ports import FetchError
from careline_ingest.service import IngestService

router = APIRouter(prefix="/v1", tags=["records"])
Journal = Annotated[Principal, Depends(require("service"))]
"""The journal asks in the name of whoever may listen, and keeps who that was."""
_NONE = "there is no recording of this record"


class Wanted(BaseModel):
    """A record by whom it came from and what he calls it."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    source: str = Field(min_length=1, max_length=200)
    external_id: str = Field(min_length=1, max_length=200)


class Found(BaseModel):
    record_id: str


@router.post(
    "/recordings", summary="Whether a partner keeps a recording of this record, and of which"
)
async def find_recording(body: Wanted, _caller: Journal, service: Service, database: Db) -> Found:
    """404 where the source keeps none, or the record does not say of any."""
    async with database.read() as connection:
        row = await records.by_external_id(connection, body.source, body.external_id)
    if row is None or _address(service, row) is None:
        raise NotFound(_NONE)
    return Found(record_id=row["id"])


@router.get("/records/{record_id}/recording", response_class=StreamingResponse)
async def play_recording(
    record_id: str, request: Request, caller: Journal, service: Service, database: Db
) -> StreamingResponse:
    """The recording, in whole or by `Range`: 409 where it may not be fetched from, 503 where it is not to be had now."""
    async with database.unit_of_work() as uow:
        row = await records.get(uow.connection, record_id)
        found = None if row is None else _address(service, row)
        if row is None or found is None:
            raise NotFound(_NONE)
        await records.note_read(
            uow.connection,
            audit_id=uow.ids.new(),
            at=uow.clock.now(),
            subject=caller.subject,
            target=record_id,
            action="record.recording",
        )
    entry, url = found
    try:
        playing = await fetch_recording(entry, url, request.headers.get("range"))
    except NotAllowedError as refusal:
        raise Conflict(f"the recording is not fetched: {refusal}") from None
    except FetchError as error:
        raise NotReady(f"the recording is not to be had now: {error}") from None
    headers = {**playing.headers, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return StreamingResponse(playing.body, playing.status, headers)


def _address(service: IngestService, row: Mapping[str, Any]) -> tuple[SourceEntry, str] | None:
    """Where the recording of a record is, and the source whose login opens it."""
    entry = service.sources().get(row["source"])
    if entry is None or entry.recordings is None or row["fields"] is None:
        return None
    url = address_of(
        entry.recordings.url,
        external_id=row["external_id"],
        recording=row["fields"].get("recording"),
    )
    return None if url is None else (entry, url)
