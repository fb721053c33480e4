"""What happened on the floor, by intervals."""

import re
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel

from careline_common.http.moments import Moment
from careline_common.http.problem import invalid
from careline_common.http.sheets import DOCUMENTED, sheet
from careline_router.api.deps import Now, Service, viewer_who
from careline_router.api.permissions import Action
from careline_router.db.intervals import By, Span
from careline_router.interval_report import IntervalRow
from careline_router.views import Viewer

router = APIRouter(prefix="/v1/reports", tags=["reports"])

Reader = Annotated[Viewer, Depends(viewer_who(Action.READ_REPORTS))]

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
    clock: Now,
    since: Annotated[Moment | None, Query(alias="from")] = None,
    to: Annotated[Moment | None, Query()] = None,
    step: Annotated[str, Query(max_length=8)] = "30m",
    by: By = "queue",
) -> Response | IntervalAnswer:
    """Calls offered, answered, abandoned and in target with the times, by interval and key; `from` is
    midnight UTC of `to` when not given, `to` is now and not included; `step` such as 15m, 1h, 1d.
    CSV and XLSX by `Accept`. Intervals of a key without calls or agents at work are left out."""
    span = _span(clock.now(), since, to, step)
    rows = await service.intervals.rows(viewer, by, span)
    return sheet(request.headers.get("accept", ""), IntervalRow, rows) or IntervalAnswer(items=rows)


def _span(now: datetime, since: datetime | None, to: datetime | None, step: str) -> Span:
    until = to or now
    begin = since or until.replace(hour=0, minute=0, second=0, microsecond=0)
    match = _STEP.fullmatch(step)
    length = timedelta(seconds=int(match[1]) * UNITS[match[2]]) if match else timedelta(0)
    if not timedelta(0) < length <= LONGEST_STEP:
        raise invalid("step", "give a step from 1m to 31d, such as 15m, 1h or 1d")
    if begin >= until:
        raise invalid("from", "must be before `to`")
    if (until - begin) / length > MOST_STEPS:
        raise invalid("step", f"more than {MOST_STEPS:,} steps: ask for less, or for longer ones")
    return Span(since=begin, until=until, step=length)
