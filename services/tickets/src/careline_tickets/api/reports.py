"""The journal in figures."""

from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel
from sqlalchemy import Row

from careline_common.http.moments import bounds
from careline_common.http.problem import Forbidden
from careline_common.http.sheets import sheet
from careline_tickets.adapters.journal_pages import journal_page
from careline_tickets.api.office import OfficeHere, ViewerHere
from careline_tickets.api.report_forms import FORMS, PAGE_POLICY, Language, wants_page
from careline_tickets.db import reports
from careline_tickets.reporting import TIMES

router = APIRouter(prefix="/v1/reports", tags=["reports"])


class By(StrEnum):
    SUBJECT = "subject"
    TERRITORY = "territory"
    ORGANISATION = "organisation"
    INSURER = "insurer"
    KIND = "kind"
    CHANNEL = "channel"


class JournalRow(BaseModel):
    """Appeals with one key; null is the key of those that have none."""

    key: str | None
    registered: int
    open: int
    closed: int
    overdue: int
    returned: int
    returns: int
    justified: int
    justified_pct: float | None
    """Of the closed ones that have an outcome."""
    fill_median_s: int | None
    fill_p90_s: int | None
    """How long they took to be filled in, as far as that was told."""
    solve_median_s: int | None
    solve_p90_s: int | None
    """From registering to closing, of the closed ones."""
    repeated: int
    """Of people, by phone or policy, who had appealed in the 30 days before."""


class JournalReport(BaseModel):
    items: list[JournalRow]
    next: str | None = None


@router.get("/journal", response_model=JournalReport, responses=FORMS)
async def journal_report(
    *,
    request: Request,
    viewer: ViewerHere,
    office: OfficeHere,
    by: By = By.SUBJECT,
    from_: Annotated[str | None, Query(alias="from", max_length=40)] = None,
    to: Annotated[str | None, Query(max_length=40)] = None,
    language: Language = "en",
) -> Response | JournalReport:
    """Counts the appeals registered in a time. Dates are days of the default calendar's zone, `to`
    included; moments are exact, `to` not included. CSV, XLSX or a page to print (in `language`) by `Accept`."""
    if not viewer.reads_facts and viewer.own_insurer is None:
        raise Forbidden("no appeals are shown to this role")
    start, end = bounds(from_, to, office.rules.zone)
    async with office.database.read() as connection:
        rows = await reports.journal(
            connection,
            by=by,
            start=start,
            end=end,
            now=office.clock.now(),
            only_insurer=None if viewer.reads_facts else viewer.own_insurer,
        )
    items = [_shown(row) for row in rows]
    if wants_page(request):
        names = {name: subject.name for name, subject in office.rules.subjects.items()}
        told = f"{from_ or '…'} – {to or '…'}"
        page = journal_page(items, by, told, language, names if by is By.SUBJECT else {})
        return HTMLResponse(page, headers=PAGE_POLICY)
    return sheet(request.headers.get("accept", ""), JournalRow, items) or JournalReport(items=items)


def _shown(row: Row[Any]) -> JournalRow:
    share = round(100 * row.justified / row.with_outcome, 2) if row.with_outcome else None
    values = {name: getattr(row, name) for name in row._fields if name != "with_outcome"}
    for name in TIMES:
        values[name] = None if values[name] is None else round(values[name])
    return JournalRow(**values, justified_pct=share)
