"""Lists of appeals: the worklist, search by person and words, and likely duplicates."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_common.http.paging import Page, PageQuery, Paging
from careline_common.http.problem import Forbidden
from careline_common.phones import parse_phone
from careline_tickets.api.office import Office, OfficeHere, ViewerHere, actor_of
from careline_tickets.api.schemas import LikeIn, PersonIn, SearchIn, read_person
from careline_tickets.api.views import DuplicatesOut, TicketOut, shown_duplicates, shown_ticket
from careline_tickets.db import audit, reading
from careline_tickets.db.reading import Conditions, Named
from careline_tickets.domain.person import Person
from careline_tickets.domain.sight import Viewer
from careline_tickets.domain.vocabulary import Channel, Kind, Status
from careline_tickets.domain.words import normal, sought_in

router = APIRouter(prefix="/v1/tickets", tags=["tickets"])

LEAST_DIGITS = 4
LONGEST_NUMBER = 40

Word = Annotated[str | None, Query(min_length=1, max_length=200)]


@router.get("")
async def list_tickets(
    *,
    page: Paging,
    viewer: ViewerHere,
    office: OfficeHere,
    status: Status | None = None,
    subject: Word = None,
    territory: Word = None,
    organisation: Word = None,
    insurer: Word = None,
    overdue: bool | None = None,
    level: int | None = None,
    channel: Channel | None = None,
    kind: Kind | None = None,
    owner: Word = None,
    group: Word = None,
    call_id: Word = None,
) -> Page[TicketOut]:
    """Appeals that fit all conditions, those registered last first; facts only."""
    conditions = Conditions(
        status=status,
        subject=subject,
        territory=territory,
        organisation=organisation,
        insurer=insurer,
        overdue=overdue,
        level=level,
        channel=channel,
        kind=kind,
        owner=owner,
        group_id=group,
        call_id=call_id,
    )
    async with office.database.read() as connection:
        return await _page(connection, office, viewer, page, _narrowed(conditions, viewer))


@router.post("/search")
async def search_tickets(
    body: SearchIn, page: Paging, viewer: ViewerHere, office: OfficeHere
) -> Page[TicketOut]:
    """Finds appeals by person, by words of the text and by the conditions of the list.

    `q` may also be an appeal's number, a phone or a policy number: where the journal knows it as one,
    those appeals are the answer, else those with these words.
    """
    conditions = _narrowed(_conditions(body, office), viewer, personal=True)
    named = named_by(body.q or "", office)
    async with office.database.unit_of_work() as uow:
        await audit.note(uow, who=viewer.id, roles=viewer.roles, what="search")
        if named is not None:
            narrowed = replace(conditions, words=None, named=named)
            found = await _page(uow.connection, office, viewer, page, narrowed)
            if found.items:
                return found
        return await _page(uow.connection, office, viewer, page, conditions)


@router.post("/duplicates")
async def find_duplicates(body: LikeIn, viewer: ViewerHere, office: OfficeHere) -> DuplicatesOut:
    """Appeals that may be the one which is being typed; nothing is merged by itself."""
    if not viewer.reads_all:
        raise Forbidden("this takes a role that reads all appeals")
    now = office.clock.now()
    person = read_person(body.person, rules=office.rules, region=office.region, now=now)
    text = body.text.strip() if body.text else None
    likeness = office.journal.lookup.likeness(person, body.details(), text or None)
    async with office.database.unit_of_work() as uow:
        found = await office.journal.like(uow, likeness)
        await audit.note(uow, who=viewer.id, roles=viewer.roles, what="duplicates")
    return DuplicatesOut(items=shown_duplicates(found))


def named_by(query: str, office: Office) -> Named | None:
    """What a question names instead of words; None when it has too few digits for a number."""
    plain = normal(query).strip()
    if sum(map(str.isdigit, plain)) < LEAST_DIGITS or len(plain) > LONGEST_NUMBER:
        return None
    try:
        phone = parse_phone(plain, office.region)
    except ValueError:
        phone = None
    lookup = office.journal.lookup
    return Named(
        number=plain.upper(),
        phone_key=lookup.phone_key(Person(phone=phone)),
        policy_key=lookup.policy_key(Person(policy_number=plain)),
    )


def _conditions(body: SearchIn, office: Office) -> Conditions:
    person = read_person(
        PersonIn(phone=body.phone, policy_number=body.policy_number),
        rules=office.rules,
        region=office.region,
        now=office.clock.now(),
        path="",
    )
    lookup = office.journal.lookup
    return Conditions(
        words=sought_in(body.q) if body.q else None,
        phone_key=lookup.phone_key(person),
        policy_key=lookup.policy_key(person),
        status=body.status,
        level=body.level,
        channel=body.channel,
        kind=body.kind,
        subject=body.subject,
        territory=body.territory,
        organisation=body.organisation,
        insurer=body.insurer,
        owner=body.owner,
        group_id=body.group,
        call_id=body.call_id,
        overdue=body.overdue,
    )


def _narrowed(conditions: Conditions, viewer: Viewer, *, personal: bool = False) -> Conditions:
    """The conditions with what this viewer may see; raises 403 when that is nothing at all."""
    if viewer.reads_all or (viewer.reads_facts and not personal):
        return conditions
    if viewer.own_insurer is not None:
        return replace(conditions, only_insurer=viewer.own_insurer)
    if "expert" in viewer.roles:
        return replace(conditions, expert=viewer.id)
    raise Forbidden("no appeals are shown to this role")


async def _page(
    connection: AsyncConnection,
    office: Office,
    viewer: Viewer,
    page: PageQuery,
    conditions: Conditions,
) -> Page[TicketOut]:
    after = page.after(datetime, str)
    now, actor = office.clock.now(), actor_of(viewer)
    rows: Sequence[RowMapping] = await reading.page_of(
        connection,
        conditions,
        now=now,
        limit=page.limit + 1,
        after=(after[0], after[1]) if after else None,
    )
    found = [one.ticket for one in await office.journal.repository.stored(connection, rows)]
    return page.of(
        found,
        key=lambda ticket: (ticket.registered_at, ticket.id),
        show=lambda ticket: shown_ticket(ticket, actor, now),
    )
