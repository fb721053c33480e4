"""Scores with their uncertainty, compared, drawn and exported."""

import asyncio
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request, Response

from careline_common.http.moments import bounds
from careline_common.http.problem import NotFound, invalid
from careline_common.http.sheets import DOCUMENTED, sheet
from careline_surveys import plotting
from careline_surveys.api.access import Db, ScoreReader, Surveys
from careline_surveys.api.score_views import ComparisonView, ScorePage, ScoreRow, ScoreView
from careline_surveys.db.answers import By, Period
from careline_surveys.reporting import (
    DEFINITIONS,
    Asked,
    ReportMetric,
    compared,
    score_lines,
)

router = APIRouter(prefix="/v1/scores", tags=["scores"])

Key = Annotated[str | None, Query(max_length=200)]
Moment = Annotated[str | None, Query(max_length=40)]


@router.get(
    "",
    summary="CSI, NPS and FCR with 95 % intervals",
    response_model=ScorePage,
    responses=DOCUMENTED,
)
async def scores(
    request: Request,
    _reader: ScoreReader,
    surveys: Surveys,
    database: Db,
    *,
    by: Annotated[By, Query()] = "agent",
    metric: Annotated[ReportMetric | None, Query()] = None,
    period: Annotated[Period | None, Query()] = None,
    key: Key = None,
    begin: Annotated[str | None, Query(alias="from", max_length=40)] = None,
    end: Annotated[str | None, Query(alias="to", max_length=40)] = None,
) -> Response | ScorePage:
    """Of invitations sent in the period: `from` belongs to it, `to` does not, a date does whole.

    Dates are days of the default calendar's zone. Without `metric` the three that patients are asked
    for are given; FCR has what repeat calls tell beside it. CSV and XLSX by `Accept`.
    """
    zone = surveys.book.default_zone
    asked = _asked(zone, by, begin, end, period=period, key=key)
    async with database.read() as connection:
        lines = await score_lines(connection, asked, metric, surveys.clock.now())
    rows = [ScoreRow.of(line, DEFINITIONS) for line in lines]
    table = await asyncio.to_thread(sheet, request.headers.get("accept", ""), ScoreRow, rows)
    if table is not None:
        return table
    return ScorePage(items=[ScoreView.of(line) for line in lines], definitions=dict(DEFINITIONS))


@router.get("/comparison", summary="Whether the difference between two scores is real")
async def comparison(
    _reader: ScoreReader,
    surveys: Surveys,
    database: Db,
    *,
    by: Annotated[By, Query()],
    metric: Annotated[ReportMetric, Query()],
    key: Annotated[str, Query(max_length=200)],
    begin: Annotated[str | None, Query(alias="from", max_length=40)] = None,
    end: Annotated[str | None, Query(alias="to", max_length=40)] = None,
    other_key: Key = None,
    other_from: Moment = None,
    other_to: Moment = None,
) -> ComparisonView:
    """`key` against `other_key` in the same time, or against itself in another (`other_from`,
    `other_to`), or both. What is not given is as for the first."""
    if other_key is None and other_from is None and other_to is None:
        raise invalid("other_key", "name another key or another time to compare with")
    zone = surveys.book.default_zone
    same_time = other_from is None and other_to is None
    first = _asked(zone, by, begin, end, key=key)
    second = _asked(
        zone,
        by,
        begin if same_time else other_from,
        end if same_time else other_to,
        key=other_key or key,
    )
    async with database.read() as connection:
        found = await compared(connection, first, second, metric, surveys.clock.now())
    return ComparisonView.of(found, DEFINITIONS[metric])


@router.get(
    "/trend.{image}",
    summary="The scores of keys over time as a picture",
    response_class=Response,
    responses={200: {"content": {"image/svg+xml": {}, "image/png": {}}}},
)
async def trend(
    image: Literal["svg", "png"],
    _reader: ScoreReader,
    surveys: Surveys,
    database: Db,
    *,
    by: Annotated[By, Query()],
    metric: Annotated[ReportMetric, Query()],
    period: Annotated[Period, Query()] = "week",
    key: Annotated[list[str] | None, Query(max_length=plotting.MOST_KEYS)] = None,
    begin: Annotated[str | None, Query(alias="from", max_length=40)] = None,
    end: Annotated[str | None, Query(alias="to", max_length=40)] = None,
) -> Response:
    """The six keys with most answers, or those that are named; what is hidden is not drawn."""
    zone = surveys.book.default_zone
    asked = _asked(zone, by, begin, end, period=period)
    async with database.read() as connection:
        lines = await score_lines(connection, asked, metric, surveys.clock.now())
    shown = plotting.chosen(lines, key)
    if not shown:
        raise NotFound("no score of these keys may be shown in this time")
    picture = await asyncio.to_thread(plotting.draw, metric, shown, image)
    return Response(picture, media_type="image/svg+xml" if image == "svg" else "image/png")


def _asked(
    zone: ZoneInfo,
    by: By,
    begin: str | None,
    end: str | None,
    *,
    period: Period | None = None,
    key: str | None = None,
) -> Asked:
    first, last = bounds(begin, end, zone)
    return Asked(
        by=by,
        zone=zone,
        begin=first,
        end=last,
        period=period,
        key=key,
    )
