"""Who has looked at whose data."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import AfterValidator, BaseModel, Field

from careline_common.http import moments
from careline_common.http.auth import Principal
from careline_common.http.paging import Page, PageQuery, Paging
from careline_common.phones import parse_phone
from careline_router.api.deps import Service, may
from careline_router.api.permissions import Action
from careline_router.api.schemas import Body, Identifier, Moment
from careline_router.db.looks import Look, Wanted
from careline_router.service import RouterService

router = APIRouter(prefix="/v1/persons/looks", tags=["persons"])

Watcher = Annotated[Principal, Depends(may(Action.READ_LOOKS))]


class LookView(BaseModel):
    """`what` was looked at or done, by `who` with these roles (`router`: by a call's flow); the calls stand for the persons."""

    at: datetime
    who: str
    roles: list[str]
    what: str
    call_ids: list[str]


class LooksWanted(Body):
    """What narrows; all of it holds together. The phone stands in the body: it is to be in no URL."""

    phone: (
        Annotated[str, Field(max_length=64), AfterValidator(lambda text: parse_phone(text, None))]
        | None
    ) = None
    who: Identifier | None = None
    call_id: Identifier | None = None
    since: Annotated[Moment | None, Field(alias="from")] = None
    to: Moment | None = None


@router.get("")
async def looks(
    *,
    caller: Watcher,
    service: Service,
    page: Paging,
    who: Annotated[str | None, Query(min_length=1, max_length=200)] = None,
    call_id: Annotated[str | None, Query(min_length=1, max_length=200)] = None,
    since: Annotated[moments.Moment | None, Query(alias="from")] = None,
    to: Annotated[moments.Moment | None, Query()] = None,
) -> Page[LookView]:
    """Who has looked at whose data, the newest first: cards, insurance records, appointments, exports, erasures, and
    this record itself. Each reading of it is noted in it."""
    wanted = _wanted(who=who, call_id=call_id, since=since, to=to)
    return await _page(service, caller, page, wanted, None)


@router.post("/search")
async def search(
    body: LooksWanted, caller: Watcher, service: Service, page: Paging
) -> Page[LookView]:
    """The same, also by the person who was looked at."""
    wanted = _wanted(who=body.who, call_id=body.call_id, since=body.since, to=body.to)
    return await _page(service, caller, page, wanted, body.phone)


def _wanted(
    *, who: str | None, call_id: str | None, since: datetime | None, to: datetime | None
) -> Wanted:
    call_ids = None if call_id is None else [call_id]
    return Wanted(who=who, call_ids=call_ids, since=since, until=to)


async def _page(
    service: RouterService, caller: Principal, page: PageQuery, wanted: Wanted, phone: str | None
) -> Page[LookView]:
    after = page.after(int)
    found = await service.looks(
        caller,
        wanted,
        phone=phone,
        after=None if after is None else after[0],
        limit=page.limit,
    )
    return page.of(found, key=lambda look: (look.id,), show=_shown)


def _shown(look: Look) -> LookView:
    return LookView(
        at=look.at,
        who=look.who,
        roles=list(look.roles),
        what=look.what,
        call_ids=list(look.call_ids),
    )
