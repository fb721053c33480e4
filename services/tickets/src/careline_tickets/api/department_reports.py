"""Weekly and monthly reports: of the whole journal or a department, on demand and as they were made."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel

from careline_common.http.paging import Page, Paging
from careline_common.http.problem import Forbidden, NotFound, invalid
from careline_common.http.sheets import DOCUMENTED, sheet
from careline_tickets.adapters.pages import page as printed
from careline_tickets.api.office import Office, OfficeHere, ViewerHere
from careline_tickets.db import reports
from careline_tickets.departments import Department
from careline_tickets.domain.periods import Length, Period
from careline_tickets.domain.sight import Viewer
from careline_tickets.reporting import Figures, Report, make

router = APIRouter(prefix="/v1/reports", tags=["reports"])

Language = Literal["ru", "en", "fa", "zh"]
Named = Annotated[str | None, Query(max_length=100)]
FORMS: dict[int | str, dict[str, Any]] = {
    200: {"content": {**DOCUMENTED[200]["content"], "text/html": {}}},
}
"""A page to print besides the sheets."""


class ReportLine(BaseModel):
    """A report that was made by itself."""

    id: str
    department: str
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
    _allow(viewer)
    period = _period(office, Length.WEEK, "week", week)
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
    _allow(viewer)
    period = _period(office, Length.MONTH, "month", month)
    return await _answered(request, office, period, department, language)


@router.get("/kept")
async def list_kept(
    page: Paging, viewer: ViewerHere, office: OfficeHere, department: Named = None
) -> Page[ReportLine]:
    """Reports that were made by themselves at their hour, the last first."""
    _allow(viewer)
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
            length=row.length,
            period=row.body["period"],
            first_day=row.first_day,
            language=row.language,
            made_at=row.made_at,
        ),
    )


@router.get("/kept/{report_id}", response_model=Report, responses=FORMS)
async def read_kept(
    request: Request, report_id: str, viewer: ViewerHere, office: OfficeHere
) -> Response | Report:
    """A report as it was made, in the same forms."""
    _allow(viewer)
    async with office.database.read() as connection:
        row = await reports.find(connection, report_id)
    if row is None:
        raise NotFound("there is no such report")
    report = Report.model_validate(row.body)
    return _shown(request, office, report, office.rules.departments.get(row.department))


def _allow(viewer: Viewer) -> None:
    if not viewer.reads_facts:
        raise Forbidden("this takes a role that reads the facts of all appeals")


def _period(office: Office, length: Length, name: str, text: str | None) -> Period:
    if text is None:
        return Period.of(length, office.surges.today()).before
    try:
        period = Period.parse(length, text)
        period.bounds(office.rules.zone)
    except (ValueError, OverflowError):
        example = "2026-W09" if length is Length.WEEK else "2026-03"
        raise invalid(name, f"give a {length} such as {example}") from None
    return period


async def _answered(
    request: Request,
    office: Office,
    period: Period,
    department_id: str | None,
    language: Language | None,
) -> Response | Report:
    department = None
    if department_id is not None:
        department = office.rules.departments.get(department_id)
        if department is None:
            raise invalid("department", "there is no such department in the configuration")
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
    accept = request.headers.get("accept", "")
    if accept.split(",")[0].split(";")[0].strip().lower() == "text/html":
        names = {name: subject.name for name, subject in office.rules.subjects.items()}
        title = "" if department is None else department.name or department.id
        return HTMLResponse(
            printed(report, title, names),
            headers={"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"},
        )
    return sheet(accept, Figures, _lines(report)) or report


def _lines(report: Report) -> Sequence[Figures]:
    """By subject, and then the total."""
    return [*report.items, report.total.model_copy(update={"subject": "total"})]
