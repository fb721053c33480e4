"""What the reports' routes ask for alike: who reads, and of which time."""

from datetime import datetime
from typing import Annotated, NamedTuple

from fastapi import Depends, Query

from careline_common.http.moments import Moment
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
    since: Annotated[Moment | None, Query(alias="from")] = None,
    to: Annotated[Moment | None, Query()] = None,
) -> Period:
    """`from` is midnight UTC of `to` when not given, `to` is now. 422 when nothing lies between them."""
    until = to or clock.now()
    begin = since or until.replace(hour=0, minute=0, second=0, microsecond=0)
    if begin >= until:
        raise invalid("from", "must be before `to`")
    return Period(begin, until)


ReportPeriod = Annotated[Period, Depends(_period)]
