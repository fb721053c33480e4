"""Calls turned into appointments, as report."""

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from careline_common.http.sheets import DOCUMENTED, sheet
from careline_router.api.deps import Service
from careline_router.api.report_deps import Reader, ReportPeriod
from careline_router.conversion_report import ConversionRow, ConversionSheetRow
from careline_router.db.conversions import By

router = APIRouter(prefix="/v1/reports", tags=["reports"])


class ConversionAnswer(BaseModel):
    items: list[ConversionRow]
    next: str | None = None


@router.get("/conversion", response_model=ConversionAnswer, responses=DOCUMENTED)
async def conversion(
    *,
    request: Request,
    viewer: Reader,
    service: Service,
    period: ReportPeriod,
    by: By = "queue",
) -> Response | ConversionAnswer:
    """Of the calls that agents had, in how many an appointment was booked (`conversion_pct`, with its 95 % Wilson
    interval `low_pct` to `high_pct`), and why it was not. Calls count by their end; `from` is midnight UTC of `to` when not
    given, `to` is now and not included. CSV and XLSX by `Accept`."""
    rows = await service.conversion(viewer, by, *period)
    in_sheet = [row.for_sheet() for row in rows]
    accept = request.headers.get("accept", "")
    return sheet(accept, ConversionSheetRow, in_sheet) or ConversionAnswer(items=rows)
