"""Rows that were not taken."""

from typing import Annotated

from fastapi import APIRouter, Body, Query, Request, Response

from careline_common.db.unit_of_work import UnitOfWork
from careline_common.http.idempotency import Answer, idempotent
from careline_common.http.paging import Page, Paging
from careline_ingest.api.access import Db, Keeper, Replayer, Watcher, own_insurer
from careline_ingest.api.schemas import QuarantineView, ReplayRequest, ReplayView
from careline_ingest.db import quarantines
from careline_ingest.domain.faults import Fault
from careline_ingest.problems import StillQuarantined
from careline_ingest.replays import Replayed

router = APIRouter(prefix="/v1/quarantine", tags=["quarantine"])


@router.get("", summary="Rows that wait to be put right, in the order they came")
async def list_rows(
    caller: Watcher,
    database: Db,
    page: Paging,
    source: Annotated[str | None, Query()] = None,
    run: Annotated[str | None, Query()] = None,
) -> Page[QuarantineView]:
    after = page.after(str)
    async with database.read() as connection:
        found = await quarantines.page(
            connection,
            run_id=run or None,
            source=source or None,
            insurer=own_insurer(caller),
            after=after[0] if after else None,
            limit=page.limit + 1,
        )
    return page.of(found, key=lambda row: (row.id,), show=QuarantineView.of)


@router.post("/{quarantine_id}/replay", response_model=ReplayView, summary="Try a row again")
async def replay_row(
    quarantine_id: str,
    *,
    request: Request,
    caller: Keeper,
    database: Db,
    replays: Replayer,
    body: Annotated[ReplayRequest | None, Body()] = None,
) -> Response:
    fix = {} if body is None else body.values

    async def effect(uow: UnitOfWork) -> Answer:
        return Answer.json(_view(await replays.one(uow, quarantine_id, fix), fix))

    return await idempotent(request, database, caller, effect)


def _view(replayed: Replayed, fix: dict[str, str | None]) -> ReplayView:
    """Raises 422 with what is still wrong; the row stays as it was."""
    if replayed.settled is None:
        assert replayed.fault is not None
        raise StillQuarantined(
            replayed.fault.text,
            errors=[{"path": _path(replayed.fault, fix), "reason": replayed.fault.text}],
        )
    return ReplayView(
        id=replayed.row.id,
        run=replayed.row.run_id,
        row=replayed.row.row,
        outcome=replayed.settled.outcome,
        record_id=replayed.settled.record_id,
    )


def _path(fault: Fault, fix: dict[str, str | None]) -> str:
    if fault.field is None:
        return "fix"
    return f"fix.{fault.field}" if fault.field in fix else fault.field
