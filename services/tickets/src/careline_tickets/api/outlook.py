"""What is coming and what has changed: growth by direction, and marks to compare before and after."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, Field

from careline_common.db.unit_of_work import UnitOfWork
from careline_common.http.auth import Principal, require
from careline_common.http.idempotency import Answer, idempotent
from careline_common.http.paging import Page, Paging
from careline_common.http.problem import Forbidden, NotFound
from careline_tickets.api.office import OfficeHere, ViewerHere
from careline_tickets.api.types import Body, Moment, Reference, Text
from careline_tickets.db import marks
from careline_tickets.domain.forecast import BASE, forecast
from careline_tickets.domain.sight import Viewer

router = APIRouter(prefix="/v1", tags=["outlook"])

AHEAD = 4
COMPARED = timedelta(days=28)


class By(StrEnum):
    SUBJECT = "subject"
    ORGANISATION = "organisation"
    TERRITORY = "territory"


class WeekOut(BaseModel):
    """A week from Monday; the count lies from `low` to `high` nine times of ten."""

    week: date
    expected: float
    low: int
    high: int


class Outlook(BaseModel):
    """`growth_pct` is what four weeks are expected to add, with its 90 % interval; null where there are
    fewer than six weeks or appeals. `grows` when the whole interval lies above 0."""

    key: str | None
    last_week: int
    rank: int
    rank_before: int | None
    growth_pct: float | None
    growth_low_pct: float | None
    growth_high_pct: float | None
    grows: bool
    weeks: list[WeekOut]


class OutlookPage(BaseModel):
    items: list[Outlook]
    next: str | None = None


class MarkIn(Body):
    at: Moment
    title: Annotated[Text, Field(max_length=300)]
    subject: Reference | None = None


class MarkOut(BaseModel):
    """Appeals in the 28 days before and after a change (`after_days` of them are over), and the change
    of the daily mean in percent; about the mark's subject, else about all."""

    id: str
    at: datetime
    title: str
    subject: str | None
    before: int
    after: int
    after_days: float
    change_pct: float | None


@router.get("/forecast")
async def read_forecast(
    viewer: ViewerHere, office: OfficeHere, by: Annotated[By, Query()] = By.SUBJECT
) -> OutlookPage:
    """Growth in each direction and the coming four weeks, the commonest of the last whole week first."""
    _allow(viewer)
    today = office.surges.today()
    monday = today - timedelta(days=today.weekday())
    async with office.database.read() as connection:
        counts = await marks.by_week(
            connection, by=by, monday=monday, weeks=BASE, zone=office.rules.zone
        )
    before = _ranks(counts, -2)
    now = _ranks(counts, -1)
    items = [
        _outlook(key, weeks, monday, now[key], before[key] if any(weeks[:-1]) else None)
        for key, weeks in sorted(counts.items(), key=lambda each: now[each[0]])
    ]
    return OutlookPage(items=items)


def _ranks(counts: Mapping[str | None, list[int]], week: int) -> dict[str | None, int]:
    """Places by the appeals of a week, 1 the commonest."""
    order = sorted(counts, key=lambda key: (-counts[key][week], str(key)))
    return {key: place for place, key in enumerate(order, start=1)}


def _outlook(
    key: str | None, counts: list[int], monday: date, rank: int, before: int | None
) -> Outlook:
    begun = next((place for place, count in enumerate(counts) if count), len(counts))
    told = forecast(counts[begun:], AHEAD)
    weeks = [] if told is None else told.weeks
    return Outlook(
        key=key,
        last_week=counts[-1],
        rank=rank,
        rank_before=before,
        growth_pct=None if told is None else told.growth_pct,
        growth_low_pct=None if told is None else told.growth_low_pct,
        growth_high_pct=None if told is None else told.growth_high_pct,
        grows=told is not None and told.grows,
        weeks=[
            WeekOut(
                week=monday + timedelta(weeks=place),
                expected=each.expected,
                low=each.low,
                high=each.high,
            )
            for place, each in enumerate(weeks)
        ],
    )


@router.post("/changes", status_code=201, response_model=MarkOut)
async def mark_change(
    request: Request,
    body: MarkIn,
    caller: Annotated[Principal, Depends(require("admin", "contact_admin"))],
    office: OfficeHere,
) -> Response:
    """Marks a change of a process or circular, for what comes before and after it to be compared."""

    async def effect(uow: UnitOfWork) -> Answer:
        values = {
            "id": uow.ids.new(),
            "at": body.at,
            "title": body.title,
            "subject": body.subject,
            "made_by": caller.subject,
            "made_at": uow.clock.now(),
        }
        await marks.add(uow.connection, values)
        shown = await _compared(uow, values)
        return Answer.json(shown, status=201, location=f"{request.url.path}/{shown.id}")

    return await idempotent(request, office.database, caller, effect)


@router.get("/changes")
async def list_changes(page: Paging, viewer: ViewerHere, office: OfficeHere) -> Page[MarkOut]:
    """Changes with what came before and after them, the last first."""
    _allow(viewer)
    async with office.database.unit_of_work() as uow:
        rows = await marks.page_of(
            uow.connection, limit=page.limit + 1, after=page.after(datetime, str)
        )
        shown = {row.id: await _compared(uow, row._asdict()) for row in rows}
    return page.of(rows, key=lambda row: (row.at, row.id), show=lambda row: shown[row.id])


@router.get("/changes/{change_id}")
async def one_change(change_id: str, viewer: ViewerHere, office: OfficeHere) -> MarkOut:
    """A change with what came before and after it."""
    _allow(viewer)
    async with office.database.unit_of_work() as uow:
        row = await marks.find(uow.connection, change_id)
        if row is None:
            raise NotFound("there is no such change")
        return await _compared(uow, row._asdict())


async def _compared(uow: UnitOfWork, mark: Mapping[str, object]) -> MarkOut:
    at, subject = mark["at"], mark["subject"]
    assert isinstance(at, datetime)
    now = uow.clock.now()
    end = max(at, min(at + COMPARED, now))
    before = await marks.count(uow.connection, start=at - COMPARED, end=at, subject=subject)
    after = await marks.count(uow.connection, start=at, end=end, subject=subject)
    days = (end - at) / timedelta(days=1)
    change = None
    if before and days >= 1:
        change = round(100 * (after / days / (before / COMPARED.days) - 1), 1)
    return MarkOut.model_validate(
        {
            **mark,
            "before": before,
            "after": after,
            "after_days": round(days, 2),
            "change_pct": change,
        }
    )


def _allow(viewer: Viewer) -> None:
    if not viewer.reads_facts:
        raise Forbidden("this takes a role that reads the facts of all appeals")
