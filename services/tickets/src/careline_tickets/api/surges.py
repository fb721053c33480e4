"""Surges: bursts of appeals about one organisation, subject or territory."""

from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy import Row

from careline_common.http.auth import Principal, require
from careline_common.http.idempotency import Answer, answered_when_done
from careline_common.http.moments import bounds
from careline_common.http.paging import Page, Paging
from careline_common.http.problem import Forbidden, NotFound, invalid
from careline_tickets.api.office import OfficeHere, ViewerHere, actor_of
from careline_tickets.api.periods import day_of
from careline_tickets.api.types import Body
from careline_tickets.api.views import TicketOut, shown_ticket
from careline_tickets.db import surges

router = APIRouter(prefix="/v1/surges", tags=["surges"])

MOST_DAYS = 1100


class SurgeOut(BaseModel):
    """`observed` appeals came in the `days` days up to the opening, where `expected` were usual."""

    id: str
    organisation: str | None
    subject: str | None
    territory: str | None
    status: Literal["open", "closed"]
    opened_at: datetime
    closed_at: datetime | None
    observed: int
    expected: float
    days: int
    insurers: list[str]
    ticket: str
    """The case that was opened about it."""


class DaysIn(Body):
    """Days of the default calendar's zone, both included."""

    from_: Annotated[str, Field(alias="from", max_length=40)]
    to: Annotated[str, Field(max_length=40)]


class EvaluatedOut(BaseModel):
    """What judging the days has changed; the same days again change nothing."""

    from_: date = Field(serialization_alias="from")
    to: date
    opened: int
    closed: int


@router.get("")
async def list_surges(
    *,
    page: Paging,
    viewer: ViewerHere,
    office: OfficeHere,
    status: Literal["open", "closed", "all"] = "all",
    from_: Annotated[str | None, Query(alias="from", max_length=40)] = None,
    to: Annotated[str | None, Query(max_length=40)] = None,
) -> Page[SurgeOut]:
    """Surges by the moment of their opening, the last first. Dates are days of the default calendar's
    zone, `to` included; moments are exact. An insurer sees those that its own appeals are part of."""
    if not viewer.reads_facts and viewer.own_insurer is None:
        raise Forbidden("no surges are shown to this role")
    first, end = bounds(from_, to, office.rules.zone)
    async with office.database.read() as connection:
        rows = await surges.page_of(
            connection,
            status=status,
            first=first,
            end=end,
            insurer=None if viewer.reads_facts else viewer.own_insurer,
            limit=page.limit + 1,
            after=page.after(datetime, str),
        )
    only = None if viewer.reads_facts else viewer.own_insurer
    return page.of(
        rows, key=lambda row: (row.opened_at, row.id), show=lambda row: _shown(row, only)
    )


@router.get("/{surge_id}/appeals")
async def list_appeals(
    surge_id: str, page: Paging, viewer: ViewerHere, office: OfficeHere
) -> Page[TicketOut]:
    """The appeals that a surge is made of, those registered last first; facts only. An insurer gets his own, and 404
    where none of them are."""
    if not viewer.reads_facts and viewer.own_insurer is None:
        raise Forbidden("no surges are shown to this role")
    only = None if viewer.reads_facts else viewer.own_insurer
    after = page.after(datetime, str)
    async with office.database.read() as connection:
        surge = await surges.find(connection, surge_id)
        if surge is None or (only is not None and only not in surge.insurers):
            raise NotFound("there is no such surge")
        rows = await surges.appeals_of(
            connection,
            surge,
            zone=office.rules.zone,
            insurer=only,
            limit=page.limit + 1,
            after=(after[0], after[1]) if after else None,
        )
        found = await office.journal.repository.stored(connection, rows)
    now, actor = office.clock.now(), actor_of(viewer)
    return page.of(
        [one.ticket for one in found],
        key=lambda ticket: (ticket.registered_at, ticket.id),
        show=lambda ticket: shown_ticket(ticket, actor, now),
    )


@router.post("/evaluate", response_model=EvaluatedOut)
async def evaluate(
    body: DaysIn,
    request: Request,
    caller: Annotated[Principal, Depends(require("admin"))],
    office: OfficeHere,
) -> Response:
    """Judges past days, as if each were the present; answers when that is done."""
    zone, today = office.rules.zone, office.surges.today()
    first, last = day_of("from", body.from_, zone), day_of("to", body.to, zone)
    if last < first:
        raise invalid("to", "must not lie before from")
    if first > today:
        raise invalid("from", "must not lie in the future")
    if (last - first) > timedelta(days=MOST_DAYS):
        raise invalid("to", f"give at most {MOST_DAYS} days")
    last = min(last, today)

    async def work() -> Answer:
        looked = await office.surges.replay(first, last)
        done = EvaluatedOut(from_=first, to=last, opened=looked.opened, closed=looked.closed)
        return Answer.json(done.model_dump(by_alias=True))

    return await answered_when_done(request, office.database, caller, work)


def _shown(row: Row[Any], insurer: str | None) -> SurgeOut:
    """An insurer is told of no other one."""
    return SurgeOut(
        id=row.id,
        organisation=row.organisation,
        subject=row.subject,
        territory=row.territory,
        status="open" if row.closed_at is None else "closed",
        opened_at=row.opened_at,
        closed_at=row.closed_at,
        observed=row.observed,
        expected=row.expected,
        days=row.days,
        insurers=row.insurers if insurer is None else [insurer],
        ticket=row.ticket_id,
    )
