"""The monthly report of opinions and suggestions, in its forms."""

from collections.abc import Iterator
from typing import Self

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel

from careline_common.http.sheets import sheet
from careline_tickets.adapters.opinion_pages import opinions_page
from careline_tickets.api.office import Office, OfficeHere, ViewerHere
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
from careline_tickets.domain.periods import Length
from careline_tickets.opinion_reports import OpinionGroup, OpinionReport, make_opinions

router = APIRouter(prefix="/v1/reports", tags=["reports"])


class OpinionLine(BaseModel):
    """A group as a row of a sheet; one without words counts those that no other is like."""

    subject: str | None
    opinions: int
    people: int | None
    words: str
    tickets: str

    @classmethod
    def of(cls, group: OpinionGroup) -> Self:
        return cls(
            subject=group.subject,
            opinions=group.opinions,
            people=group.people,
            words=", ".join(group.words),
            tickets=", ".join(group.tickets),
        )


@router.get("/opinions", response_model=OpinionReport, responses=FORMS)
async def opinions(
    *,
    request: Request,
    viewer: ViewerHere,
    office: OfficeHere,
    month: Named = None,
    department: Named = None,
    language: Language | None = None,
) -> Response | OpinionReport:
    """The suggestions of a month, such as 2026-02 or a day in it (without one the last whole month), put
    together by subject and likeness. JSON, CSV, XLSX or a page to print, by `Accept`."""
    allow(viewer)
    period = period_of(office, Length.MONTH, "month", month)
    named = department_of(office, department)
    async with office.database.read() as connection:
        report = await make_opinions(
            connection,
            period,
            office.rules,
            office.clock.now(),
            department=named,
            language=language or (named.language if named else "en"),
        )
    return shown_opinions(request, office, report)


def shown_opinions(
    request: Request, office: Office, report: OpinionReport
) -> Response | OpinionReport:
    """In the form that is asked for."""
    if wants_page(request):
        names = {name: subject.name for name, subject in office.rules.subjects.items()}
        department = office.rules.departments.get(report.department or "")
        title = "" if department is None else department.name or department.id
        return HTMLResponse(opinions_page(report, title, names), headers=PAGE_POLICY)
    accept = request.headers.get("accept", "")
    return sheet(accept, OpinionLine, list(_lines(report))) or report


def _lines(report: OpinionReport) -> Iterator[OpinionLine]:
    for group in report.items:
        yield OpinionLine.of(group)
    for subject, count in report.single:
        yield OpinionLine(subject=subject, opinions=count, people=None, words="", tickets="")
    yield OpinionLine(subject="total", opinions=report.total, people=None, words="", tickets="")
