"""Calls turned into appointments, as report."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel

from careline_common.http.moments import Moment
from careline_common.http.problem import invalid
from careline_common.http.sheets import DOCUMENTED, sheet
from careline_router.api.deps import Now, Service, viewer_who
from careline_router.api.permissions import Action
from careline_router.conversion_report import ConversionRow, ConversionSheetRow
from careline_router.db.conversions import By
from careline_router.views import Viewer

router = APIRouter(prefix="/v1/reports", tags=["reports"])

Reader = Annotated[Viewer, Depends(viewer_who(Action.READ_REPORTS))]


class ConversionAnswer(BaseModel):
    items: list[ConversionRow]
    next: str | None = None


@router.get("/conversion", response_model=ConversionAnswer, responses=DOCUMENTED)
async def conversion(
    *,
    request: Request,
    viewer: Reader,
    service: Service,
    clock: Now,
    since: Annotated[Moment | None, Query(alias="from")] = None,
    to: Annotated[Moment | None, Query()] = None,
    by: By = "queue",
) -> Response | ConversionAnswer:
    """Of the calls that agents had, in how many an appointment was booked (`conversion_pct`, with its 95 % Wilson
    interval `low_pct` to `high_pct`), and why it was not. Calls count by their end; `from` is midnight UTC of `to` when not
    given, `to` is now and not included. CSV and XLSX by `Accept`."""
    until = to or clock.now()
    begin = since or until.replace(hour=0, minute=0, second=0, microsecond=0)
    if begin >= until:
        raise invalid("from", "must be before `to`")
    rows = await service.conversion(viewer, by, begin, until)
    in_sheet = [row.for_sheet() for row in rows]
    accept = request.headers.get("accept", "")
    return sheet(accept, ConversionSheetRow, in_sheet) or ConversionAnswer(items=rows)
