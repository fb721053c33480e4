"""Scores with their uncertainty."""

from datetime import UTC, datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query

from careline_common.http.paging import Page
from careline_common.http.problem import invalid
from careline_surveys.api.access import Db, ScoreReader, Surveys
from careline_surveys.api.schemas import ScoreView
from careline_surveys.db.answers import By
from careline_surveys.domain.definitions import Metric

router = APIRouter(prefix="/v1/scores", tags=["scores"])


@router.get("", summary="CSI, NPS and FCR with 95 % intervals")
async def scores(
    _reader: ScoreReader,
    surveys: Surveys,
    database: Db,
    *,
    by: Annotated[By, Query()] = "agent",
    metric: Annotated[Metric | None, Query()] = None,
    begin: Annotated[str | None, Query(alias="from", max_length=40)] = None,
    end: Annotated[str | None, Query(alias="to", max_length=40)] = None,
) -> Page[ScoreView]:
    """Of invitations sent in the period: `from` belongs to it, `to` does not, a date does whole.

    Dates are days of the default calendar's zone. Without `metric` all three are given.
    """
    zone = surveys.book.default_zone
    async with database.read() as connection:
        lines = await surveys.scores(
            connection,
            by=by,
            metric=metric,
            begin=read_moment("from", begin, zone),
            end=read_moment("to", end, zone, whole_day=True),
        )
    return Page(items=[ScoreView.of(line) for line in lines])


def read_moment(
    name: str, text: str | None, zone: ZoneInfo, *, whole_day: bool = False
) -> datetime | None:
    """A date or an RFC 3339 moment; with `whole_day` a date means the end of that day."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        raise invalid(name, "neither a date nor an RFC 3339 time") from None
    if len(text) > len("2026-01-31") and moment.tzinfo is None:
        raise invalid(name, "a time needs its offset, such as Z")
    try:
        if len(text) <= len("2026-01-31"):
            day = moment.date() + timedelta(days=1 if whole_day else 0)
            moment = datetime.combine(day, time(), tzinfo=zone)
        return moment.astimezone(UTC)
    except OverflowError:
        raise invalid(name, "outside the calendar") from None
