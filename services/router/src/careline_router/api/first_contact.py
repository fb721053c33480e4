"""Resolved at first contact, as report."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel

from careline_common.http.sheets import DOCUMENTED, sheet
from careline_router.api.deps import Service
from careline_router.api.report_deps import Reader, ReportPeriod
from careline_router.db.first_contacts import By
from careline_router.first_contact_report import FirstContactRow

router = APIRouter(prefix="/v1/reports", tags=["reports"])


class FirstContactAnswer(BaseModel):
    items: list[FirstContactRow]
    next: str | None = None


@router.get("/first-contact", response_model=FirstContactAnswer, responses=DOCUMENTED)
async def first_contact(
    *,
    request: Request,
    viewer: Reader,
    service: Service,
    period: ReportPeriod,
    by: By = "queue",
    within_days: Annotated[int, Query(ge=1, le=90)] = 7,
) -> Response | FirstContactAnswer:
    """Of the calls that were wrapped up, how many were resolved by their agents' word, and how many of the first contacts
    were and did not call again within so many days (`fcr_pct`, with its 95 % Wilson interval). Calls count by their end;
    `from` is midnight UTC of `to` when not given, `to` is now and not included. CSV and XLSX by `Accept`."""
    within = timedelta(days=within_days)
    rows = await service.first_contacts(viewer, by, *period, within=within)
    accept = request.headers.get("accept", "")
    return sheet(accept, FirstContactRow, rows) or FirstContactAnswer(items=rows)
