"""What happened on the floor, by intervals."""

import re
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel

from careline_common.http.problem import invalid
from careline_common.http.sheets import DOCUMENTED, sheet
from careline_router.api.deps import Service
from careline_router.api.report_deps import Period, Reader, ReportPeriod
from careline_router.db.intervals import By, Span
from careline_router.interval_report import IntervalRow

router = APIRouter(prefix="/v1/reports", tags=["reports"])

UNITS = {"m": 60, "h": 3600, "d": 86_400}
LONGEST_STEP = timedelta(days=31)
MOST_STEPS = 3_000
"""Two months by the half hour."""
_STEP = re.compile(r"([1-9]\d{0,4})([mhd])")


class IntervalAnswer(BaseModel):
    items: list[IntervalRow]
    next: str | None = None


@router.get("/intervals", response_model=IntervalAnswer, responses=DOCUMENTED)
async def intervals(
    *,
    request: Request,
    viewer: Reader,
    service: Service,
    period: ReportPeriod,
    step: Annotated[str, Query(max_length=8)] = "30m",
    by: By = "queue",
) -> Response | IntervalAnswer:
    """Calls offered, answered, abandoned and in target with the times, by interval and key; `from` is
    midnight UTC of `to` when not given, `to` is now and not included; `step` such as 15m, 1h, 1d.
    CSV and XLSX by `Accept`. Intervals of a key without calls or agents at work are left out."""
    span = _span(period, step)
    rows = await service.intervals.rows(viewer, by, span)
    return sheet(request.headers.get("accept", ""), IntervalRow, rows) or IntervalAnswer(items=rows)


def _span(period: Period, step: str) -> Span:
    match = _STEP.fullmatch(step)
    length = timedelta(seconds=int(match[1]) * UNITS[match[2]]) if match else timedelta(0)
    if not timedelta(0) < length <= LONGEST_STEP:
        raise invalid("step", "give a step from 1m to 31d, such as 15m, 1h or 1d")
    if (period.until - period.since) / length > MOST_STEPS:
        raise invalid("step", f"more than {MOST_STEPS:,} steps: ask for less, or for longer ones")
    return Span(since=period.since, until=period.until, step=length)
