"""Weekly and monthly reports: of the whole journal or a department, on demand and as they were made."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel

from careline_common.http.paging import Page, Paging
from careline_common.http.problem import NotFound
from careline_common.http.sheets import sheet
from careline_tickets.adapters.pages import page as printed
from careline_tickets.api.office import Office, OfficeHere, ViewerHere
from careline_tickets.api.opinion_reports import shown_opinions
from careline_tickets.api.report_forms import (
    FORMS,
    PAGE_POLICY,
    Language,
    Named,
    allow,
    department_of,
    period_of,
    wants_page,
)
from careline_tickets.db import reports
from careline_tickets.departments import Department
from careline_tickets.domain.periods import Length, Period
from careline_tickets.opinion_reports import OpinionReport
from careline_tickets.reporting import OPINIONS, Figures, Report, make

router = APIRouter(prefix="/v1/reports", tags=["reports"])


class ReportLine(BaseModel):
    """A report that was made by itself; `about` which of the two kinds it is."""

    id: str
    department: str
    about: Literal["appeals", "opinions"]
    length: Length
    period: str
    first_day: date
    language: str
    made_at: datetime


@router.get("/weekly", response_model=Report, responses=FORMS)
async def weekly(
    *,
    request: Request,
    viewer: ViewerHere,
    office: OfficeHere,
    week: Named = None,
    department: Named = None,
    language: Language | None = None,
) -> Response | Report:
    """A week, such as 2026-W09 or a day in it; without one the last whole week. JSON, CSV, XLSX or a
    page to print, by `Accept`."""
    allow(viewer)
    period = period_of(office, Length.WEEK, "week", week)
    return await _answered(request, office, period, department, language)


@router.get("/monthly", response_model=Report, responses=FORMS)
async def monthly(
    *,
    request: Request,
    viewer: ViewerHere,
    office: OfficeHere,
    month: Named = None,
    department: Named = None,
    language: Language | None = None,
) -> Response | Report:
    """A month, such as 2026-02 or a day in it; without one the last whole month."""
    allow(viewer)
    period = period_of(office, Length.MONTH, "month", month)
    return await _answered(request, office, period, department, language)


@router.get("/kept")
async def list_kept(
    page: Paging, viewer: ViewerHere, office: OfficeHere, department: Named = None
) -> Page[ReportLine]:
    """Reports that were made by themselves at their hour, the last first."""
    allow(viewer)
    async with office.database.read() as connection:
        rows = await reports.kept(
            connection,
            department=department,
            limit=page.limit + 1,
            after=page.after(datetime, str),
        )
    return page.of(
        rows,
        key=lambda row: (row.made_at, row.id),
        show=lambda row: ReportLine(
            id=row.id,
            department=row.department,
            about="opinions" if row.length == OPINIONS else "appeals",
            length=Length.MONTH if row.length == OPINIONS else row.length,
            period=row.body["period"],
            first_day=row.first_day,
            language=row.language,
            made_at=row.made_at,
        ),
    )


@router.get("/kept/{report_id}", response_model=Report | OpinionReport, responses=FORMS)
async def read_kept(
    request: Request, report_id: str, viewer: ViewerHere, office: OfficeHere
) -> Response | Report | OpinionReport:
    """A report as it was made, in the same forms."""
    allow(viewer)
    async with office.database.read() as connection:
        row = await reports.find(connection, report_id)
    if row is None:
        raise NotFound("there is no such report")
    if row.length == OPINIONS:
        return shown_opinions(request, office, OpinionReport.model_validate(row.body))
    report = Report.model_validate(row.body)
    return _shown(request, office, report, office.rules.departments.get(row.department))


async def _answered(
    request: Request,
    office: Office,
    period: Period,
    department_id: str | None,
    language: Language | None,
) -> Response | Report:
    department = department_of(office, department_id)
    async with office.database.read() as connection:
        report = await make(
            connection,
            period,
            office.rules,
            office.clock.now(),
            department=department,
            language=language or (department.language if department else "en"),
        )
    return _shown(request, office, report, department)


def _shown(
    request: Request, office: Office, report: Report, department: Department | None
) -> Response | Report:
    if wants_page(request):
        names = {name: subject.name for name, subject in office.rules.subjects.items()}
        title = "" if department is None else department.name or department.id
        return HTMLResponse(printed(report, title, names), headers=PAGE_POLICY)
    return sheet(request.headers.get("accept", ""), Figures, _lines(report)) or report


def _lines(report: Report) -> Sequence[Figures]:
    """By subject, and then the total."""
    return [*report.items, report.total.model_copy(update={"subject": "total"})]
