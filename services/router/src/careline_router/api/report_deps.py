"""What the reports' routes ask for alike: who reads, and of which time."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, NamedTuple

from fastapi import Depends, Query

from careline_common.http.moments import bounds
from careline_common.http.problem import invalid
from careline_router.api.deps import Now, viewer_who
from careline_router.api.permissions import Action
from careline_router.views import Viewer

Reader = Annotated[Viewer, Depends(viewer_who(Action.READ_REPORTS))]


class Period(NamedTuple):
    """From `since` on, up to `until` and without it."""

    since: datetime
    until: datetime


async def _period(
    clock: Now,
    from_: Annotated[str | None, Query(alias="from", max_length=40)] = None,
    to: Annotated[str | None, Query(max_length=40)] = None,
) -> Period:
    """`from` is midnight UTC of `to` when not given, `to` is now. A date is a day of UTC, as `to` the whole of it.
    422 when nothing lies between them."""
    since, until = bounds(from_, to, UTC)
    until = until or clock.now()
    begin = since or _midnight(until - timedelta(microseconds=1))
    if begin >= until:
        raise invalid("from", "must be before `to`")
    return Period(begin, until)


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


ReportPeriod = Annotated[Period, Depends(_period)]
