"""A person's data: given to him, and erased."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from careline_common.db.unit_of_work import UnitOfWork
from careline_common.http.auth import Principal
from careline_common.http.persons import Keeper, Kept, PersonBody
from careline_common.observability.pii import PiiHasher
from careline_ingest.api.access import Db
from careline_ingest.db import persons

router = APIRouter(prefix="/v1/persons", tags=["persons"])

KEPT = (
    Kept(what="that partners sent records, with salted digests", why="a repeat is known by them"),
    Kept(
        what="rows in quarantine, and files of failed runs",
        why="they could not be read, so that nobody is found in them; set them right or drop them",
    ),
    Kept(
        what="files as partners sent them, sealed, where an archive is kept",
        why="they prove what was sent; they go by themselves after CARELINE_INGEST_ARCHIVE_DAYS",
    ),
)


class RecordView(BaseModel):
    id: str
    source: str
    external_id: str
    created_at: datetime
    updated_at: datetime
    fields: dict[str, Any]
    given: dict[str, str] | None = Field(description="beside the appeal, by an Open311 client")


class PersonView(BaseModel):
    """All that ingest keeps of a person; no records when it does not know him."""

    phone: str
    known: bool
    records: list[RecordView]


class ErasedView(BaseModel):
    """What went, counted, and what is kept and why."""

    erased: bool
    records: int
    kept: list[Kept]


@router.post("/export", summary="All that is kept of a person")
async def export(body: PersonBody, request: Request, caller: Keeper, database: Db) -> PersonView:
    async with database.unit_of_work() as uow:
        found = await persons.records_of(uow.connection, _key(request, body))
        await _note(uow, caller, "person.export", found)
    shown = [RecordView.model_validate(row) for row in found]
    return PersonView(phone=body.phone, known=bool(shown), records=shown)


@router.post("/erase", summary="Erase a person from all records")
async def erase(body: PersonBody, request: Request, caller: Keeper, database: Db) -> ErasedView:
    """Again changes nothing."""
    async with database.unit_of_work() as uow:
        found = await persons.records_of(uow.connection, _key(request, body), lock=True)
        await persons.erase(uow.connection, [row["id"] for row in found])
        await _note(uow, caller, "person.erase", found)
    return ErasedView(erased=bool(found), records=len(found), kept=list(KEPT))


def _key(request: Request, body: PersonBody) -> bytes:
    hasher: PiiHasher = request.app.state.hasher
    return hasher.lookup(body.phone)


async def _note(
    uow: UnitOfWork, who: Principal, action: str, found: Sequence[Mapping[str, Any]]
) -> None:
    await persons.note(
        uow.connection,
        audit_ids=[uow.ids.new() for _ in found],
        at=uow.clock.now(),
        who=who.subject,
        what=action,
        record_ids=[row["id"] for row in found],
    )
