"""Who wants no surveys."""

from datetime import datetime

from fastapi import APIRouter, Request, Response

from careline_common.db.unit_of_work import UnitOfWork
from careline_common.http.idempotency import Answer, idempotent
from careline_common.http.paging import Page, Paging
from careline_common.http.problem import invalid
from careline_surveys.api.access import Admin, Db, OptOutKeeper, Surveys
from careline_surveys.api.schemas import OptOutBody, OptOutView, PhoneBody, Removed

router = APIRouter(prefix="/v1/opt-outs", tags=["opt-outs"])


@router.get("", summary="Opt-outs, newest first")
async def list_opt_outs(
    page: Paging, _admin: Admin, surveys: Surveys, database: Db
) -> Page[OptOutView]:
    key = page.after(datetime, str)
    async with database.read() as connection:
        rows = await surveys.people.opt_outs(
            connection, None if key is None else (key[0], key[1]), page.limit + 1
        )
    return page.of(rows, key=lambda row: (row.at, row.person_id), show=OptOutView.of)


@router.post(
    "", status_code=201, summary="Note that a person wants no surveys", response_model=OptOutView
)
async def opt_out(
    request: Request, body: OptOutBody, caller: OptOutKeeper, surveys: Surveys, database: Db
) -> Response:
    async def effect(uow: UnitOfWork) -> Answer:
        if body.at is not None and body.at > uow.clock.now():
            raise invalid("at", "it is in the future: give when he said so, or leave it out")
        noted = await surveys.opt_out(uow, body.phone, body.source, body.at)
        return Answer.json(OptOutView.of(noted), status=201, location=request.url.path)

    return await idempotent(request, database, caller, effect)


@router.post("/remove", summary="Take an opt-out back", response_model=Removed)
async def opt_in(
    request: Request, body: PhoneBody, caller: OptOutKeeper, surveys: Surveys, database: Db
) -> Response:
    async def effect(uow: UnitOfWork) -> Answer:
        return Answer.json(Removed(removed=await surveys.opt_in(uow, body.phone)))

    return await idempotent(request, database, caller, effect)
