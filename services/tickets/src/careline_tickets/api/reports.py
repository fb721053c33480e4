"""The journal in figures."""

from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel
from sqlalchemy import Row

from careline_common.http.problem import Forbidden
from careline_common.http.sheets import DOCUMENTED, sheet
from careline_tickets.api.office import OfficeHere, ViewerHere
from careline_tickets.api.periods import bound
from careline_tickets.db import reading

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
    justified: int
    justified_pct: float | None
    """Of the closed ones that have an outcome."""


class JournalReport(BaseModel):
    items: list[JournalRow]
    next: str | None = None


@router.get("/journal", response_model=JournalReport, responses=DOCUMENTED)
async def journal_report(
    *,
    request: Request,
    viewer: ViewerHere,
    office: OfficeHere,
    by: By = By.SUBJECT,
    from_: Annotated[str | None, Query(alias="from", max_length=40)] = None,
    to: Annotated[str | None, Query(max_length=40)] = None,
) -> Response | JournalReport:
    """Counts the appeals registered in a time. Dates are days of the default calendar's zone, `to`
    included; moments are exact, `to` not included. CSV and XLSX by `Accept`."""
    if not viewer.reads_facts and viewer.own_insurer is None:
        raise Forbidden("no appeals are shown to this role")
    zone = office.rules.zone
    async with office.database.read() as connection:
        rows = await reading.journal(
            connection,
            by=by,
            start=bound("from", from_, zone, days=0),
            end=bound("to", to, zone, days=1),
            now=office.clock.now(),
            only_insurer=None if viewer.reads_facts else viewer.own_insurer,
        )
    items = [_shown(row) for row in rows]
    return sheet(request.headers.get("accept", ""), JournalRow, items) or JournalReport(items=items)


def _shown(row: Row[Any]) -> JournalRow:
    share = round(100 * row.justified / row.with_outcome, 2) if row.with_outcome else None
    return JournalRow(
        key=row.key,
        registered=row.registered,
        open=row.open,
        closed=row.closed,
        overdue=row.overdue,
        returned=row.returned,
        justified=row.justified,
        justified_pct=share,
    )
