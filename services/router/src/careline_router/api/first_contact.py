"""Resolved at first contact, as report."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel

from careline_common.http.moments import Moment
from careline_common.http.problem import invalid
from careline_common.http.sheets import DOCUMENTED, sheet
from careline_router.api.deps import Now, Service, viewer_who
from careline_router.api.permissions import Action
from careline_router.db.first_contacts import By
from careline_router.first_contact_report import FirstContactRow
from careline_router.views import Viewer

router = APIRouter(prefix="/v1/reports", tags=["reports"])

Reader = Annotated[Viewer, Depends(viewer_who(Action.READ_REPORTS))]


class FirstContactAnswer(BaseModel):
    items: list[FirstContactRow]
    next: str | None = None


@router.get("/first-contact", response_model=FirstContactAnswer, responses=DOCUMENTED)
async def first_contact(
    *,
    request: Request,
    viewer: Reader,
    service: Service,
    clock: Now,
    since: Annotated[Moment | None, Query(alias="from")] = None,
    to: Annotated[Moment | None, Query()] = None,
    by: By = "queue",
    within_days: Annotated[int, Query(ge=1, le=90)] = 7,
) -> Response | FirstContactAnswer:
    """Of the calls that were wrapped up, how many were resolved by their agents' word, and how many of the first contacts
    were and did not call again within so many days (`fcr_pct`, with its 95 % Wilson interval). Calls count by their end;
    `from` is midnight UTC of `to` when not given, `to` is now and not included. CSV and XLSX by `Accept`."""
    until = to or clock.now()
    begin = since or until.replace(hour=0, minute=0, second=0, microsecond=0)
    if begin >= until:
        raise invalid("from", "must be before `to`")
    within = timedelta(days=within_days)
    rows = await service.first_contacts(viewer, by, begin, until, within=within)
    accept = request.headers.get("accept", "")
    return sheet(accept, FirstContactRow, rows) or FirstContactAnswer(items=rows)
