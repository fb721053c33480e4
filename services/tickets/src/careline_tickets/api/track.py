"""What a citizen sees of his appeal, by tracking code alone."""

import math

from fastapi import APIRouter, Request, Response

from careline_common.http.problem import NotFound, TooManyRequests
from careline_tickets.api.office import OfficeHere
from careline_tickets.api.views import TrackOut
from careline_tickets.domain.tracking import read_code
from careline_tickets.domain.vocabulary import Status

router = APIRouter(prefix="/v1/track", tags=["track"])


@router.get("/{tracking_code}")
async def track(
    tracking_code: str, request: Request, response: Response, office: OfficeHere
) -> TrackOut:
    """Where an appeal stands: never its text, never who it is about."""
    wait = office.limiter.wait_s(request.client.host if request.client else "")
    if wait:
        office.metrics.tracked.labels("limited").inc()
        raise TooManyRequests("ask again later", headers={"Retry-After": str(math.ceil(wait))})
    code = read_code(tracking_code)
    stored = None
    if code is not None:
        async with office.database.read() as connection:
            stored = await office.journal.repository.find_tracked(connection, code)
    if stored is None:
        office.metrics.tracked.labels("unknown").inc()
        raise NotFound("no appeal has this tracking code")
    office.metrics.tracked.labels("found").inc()
    ticket = stored.ticket
    answered = ticket.status is Status.CLOSED and ticket.answered_by is not None
    response.headers["Cache-Control"] = "no-store"
    return TrackOut(
        status=ticket.status,
        updated_at=ticket.updated_at,
        due_at=ticket.due_at,
        answered_by_channel=ticket.details.channel if answered else None,
    )
