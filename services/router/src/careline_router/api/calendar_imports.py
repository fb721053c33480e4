"""Holidays imported into a calendar: proposed by one call, approved by another."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, Field
from starlette.requests import HTTPConnection

from careline_common.http.auth import Principal
from careline_common.http.idempotency import Answer
from careline_router.api.deps import may, once
from careline_router.api.permissions import Action
from careline_router.api.schemas import Body
from careline_router.domain.calendar_days import DayKind, Effect
from careline_router.ports import Receipt
from careline_router.usecases.calendar_imports import CalendarImport, CalendarImports, Source

router = APIRouter(prefix="/v1/calendars/{calendar_id}/imports", tags=["calendars"])

Year = Annotated[int, Field(ge=1970, le=2100)]
MOST_CHARACTERS = 500_000


class CountryYear(Body):
    """The public holidays of a country (ISO 3166-1, `RU`) or of a part of it, as the `holidays` library has them."""

    kind: Literal["holidays"]
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    year: Year
    subdivision: Annotated[str, Field(min_length=1, max_length=50)] | None = None

    def source(self) -> Source:
        return Source(
            kind=self.kind, year=self.year, country=self.country, subdivision=self.subdivision
        )


class ICalText(Body):
    """The whole-day events of a year in an iCalendar."""

    kind: Literal["ical"]
    year: Year
    text: Annotated[str, Field(min_length=1, max_length=MOST_CHARACTERS)]

    def source(self) -> Source:
        return Source(kind=self.kind, year=self.year, text=self.text)


Order = Annotated[CountryYear | ICalText, Field(discriminator="kind")]


class DayView(BaseModel):
    """`effect`: `new`, `known` (it is so), `kept` (the calendar says the opposite by hand, and that stays)."""

    day: date
    name: str
    kind: DayKind
    effect: Effect


class ImportView(BaseModel):
    """`state` is `proposed` until it is approved; `based_on` the calendar's version that it was held against."""

    id: str
    calendar: str
    state: Literal["proposed", "approved"]
    source: dict[str, Any]
    based_on: int
    by: str
    at: datetime
    approved_by: str | None
    approved_at: datetime | None
    days: list[DayView]

    @classmethod
    def of(cls, proposed: CalendarImport) -> "ImportView":
        return cls(
            id=proposed.id,
            calendar=proposed.calendar,
            state="proposed" if proposed.approved_at is None else "approved",
            source=proposed.source,
            based_on=proposed.based_on,
            by=proposed.by,
            at=proposed.at,
            approved_by=proposed.approved_by,
            approved_at=proposed.approved_at,
            days=[
                DayView(day=day.day, name=day.name, kind=day.kind, effect=day.effect)
                for day in proposed.days
            ],
        )


async def _imports(connection: HTTPConnection) -> CalendarImports:
    imports: CalendarImports = connection.app.state.calendar_imports
    return imports


Imports = Annotated[CalendarImports, Depends(_imports)]
Writer = Annotated[Principal, Depends(may(Action.CONFIGURE))]
reads = Depends(may(Action.READ_CONFIGURATION))


@router.post("", status_code=201, response_model=ImportView)
async def propose(
    calendar_id: str, body: Order, request: Request, writer: Writer, imports: Imports
) -> Response:
    """What the days of this source would change of the calendar. Nothing is changed before it is approved."""

    async def use_case(receipt: Receipt | None) -> CalendarImport:
        return await imports.propose(calendar_id, body.source(), by=writer.subject, receipt=receipt)

    def render(proposed: CalendarImport) -> Answer:
        where = f"{request.url.path}/{proposed.id}"
        return Answer.json(ImportView.of(proposed), status=201, location=where)

    return await once(request, writer, use_case, render=render)


@router.get("", dependencies=[reads])
async def newest(calendar_id: str, imports: Imports) -> dict[str, Any]:
    """The last 50 imports into the calendar, the newest first."""
    found = await imports.newest(calendar_id)
    return {"items": [ImportView.of(each) for each in found], "next": None}


@router.get("/{import_id}", dependencies=[reads])
async def one(calendar_id: str, import_id: str, imports: Imports) -> ImportView:
    """An import: its days, who has proposed it, who has approved it."""
    return ImportView.of(await imports.one(calendar_id, import_id))


@router.post("/{import_id}/approve", response_model=ImportView)
async def approve(
    calendar_id: str, import_id: str, request: Request, writer: Writer, imports: Imports
) -> Response:
    """Puts its new days into the calendar; 409 when that has changed since, or there is nothing new."""

    async def use_case(receipt: Receipt | None) -> CalendarImport:
        return await imports.approve(calendar_id, import_id, by=writer.subject, receipt=receipt)

    def render(approved: CalendarImport) -> Answer:
        return Answer.json(ImportView.of(approved))

    return await once(request, writer, use_case, render=render)
