"""Sources: kept from being read, let go on, read for a part of the past; what partners were told."""

from datetime import datetime
from typing import Annotated, Literal, Self

from fastapi import APIRouter, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, Field, model_validator

from careline_common.http.idempotency import Answer, answered_when_done
from careline_common.http.paging import Page, Paging
from careline_ingest.api.access import Db, Fetcher, Keeper, Service, Watcher, check_insurer
from careline_ingest.api.files import answer_of
from careline_ingest.api.schemas import AcceptedView
from careline_ingest.db import fetches, ledger
from careline_ingest.ports import Span

router = APIRouter(prefix="/v1/sources", tags=["sources"])


class PauseView(BaseModel):
    id: str
    paused: bool


class BackfillRequest(BaseModel):
    """A part of the past: `from` belongs to it, `to` does not."""

    begin: AwareDatetime = Field(alias="from")
    end: AwareDatetime = Field(alias="to")

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.begin >= self.end:
            raise ValueError("from must be before to")
        return self


@router.post("/{source_id}/pause", summary="Keep a source from being read; files sent are taken")
async def pause(source_id: str, _keeper: Keeper, service: Service, database: Db) -> PauseView:
    source = service.source(source_id)
    async with database.unit_of_work() as uow:
        await fetches.pause(uow.connection, source.id, yes=True)
    return PauseView(id=source.id, paused=True)


@router.post("/{source_id}/resume", summary="Let a source be read again that was paused or stopped")
async def resume(source_id: str, _keeper: Keeper, service: Service, database: Db) -> PauseView:
    source = service.source(source_id)
    async with database.unit_of_work() as uow:
        await fetches.pause(uow.connection, source.id, yes=False)
    return PauseView(id=source.id, paused=False)


@router.post(
    "/{source_id}/backfill",
    status_code=202,
    response_model=AcceptedView,
    summary="Fetch what a portal has of a part of the past",
)
async def backfill(
    *,
    source_id: str,
    body: BackfillRequest,
    request: Request,
    keeper: Keeper,
    service: Service,
    turns: Fetcher,
    database: Db,
) -> Response:
    source = service.source(source_id)
    span = Span(begin=_written(body.begin), end=_written(body.end))

    async def work() -> Answer:
        return answer_of(request, await turns.backfill(source, span))

    return await answered_when_done(request, database, keeper, work)


class LedgerView(BaseModel):
    """What a partner was told, or is to be told, of one version of an appeal."""

    id: str
    ticket_id: str
    number: str
    external_id: str | None
    record_id: str | None
    version: int
    event: str
    status: str
    outcome: str | None
    returns: int
    due_at: datetime | None
    at: datetime
    state: Literal["pending", "delivered", "overtaken", "refused"]
    attempts: int
    next_at: datetime | None
    error: str | None
    delivered_at: datetime | None


class RetryView(BaseModel):
    id: str
    tried_again: int


@router.get(
    "/{source_id}/ledger", summary="What this partner has been told of appeals, newest first"
)
async def list_ledger(
    source_id: str,
    *,
    caller: Watcher,
    service: Service,
    database: Db,
    page: Paging,
    state: Annotated[str | None, Query()] = None,
) -> Page[LedgerView]:
    source = service.source(source_id)
    check_insurer(caller, source.insurer, "source")
    after = page.after(str)
    async with database.read() as connection:
        found = await ledger.page(
            connection,
            source.id,
            state=state or None,
            before=after[0] if after else None,
            limit=page.limit + 1,
        )
    return page.of(found, key=lambda row: (row["id"],), show=LedgerView.model_validate)


@router.post("/{source_id}/ledger/retry", summary="Tell again what the partner has refused")
async def retry_ledger(
    source_id: str, _keeper: Keeper, service: Service, database: Db
) -> RetryView:
    source = service.source(source_id)
    async with database.unit_of_work() as uow:
        count = await ledger.try_again(uow.connection, source.id)
    return RetryView(id=source.id, tried_again=count)


def _written(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
