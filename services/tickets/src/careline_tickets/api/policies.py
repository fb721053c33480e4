"""What was promised to whom, and giving open appeals what is promised now."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field, StrictBool, StrictInt
from sqlalchemy import func, select

from careline_common.http.auth import Principal, require
from careline_common.http.problem import Forbidden
from careline_tickets.api.office import OfficeHere, ViewerHere
from careline_tickets.api.types import Body
from careline_tickets.db import tables
from careline_tickets.db.reading import OPEN
from careline_tickets.repromising import Difference, differences, give

router = APIRouter(prefix="/v1/policies", tags=["policies"])


class PolicyOut(BaseModel):
    """A promise as it was given. `deadlines` are the entries that promise it now, none when it is
    one of old; `open` are the open appeals that it holds for."""

    id: str
    created_at: datetime
    deadlines: list[str]
    open: int
    promise: dict[str, Any]


class PoliciesPage(BaseModel):
    items: list[PolicyOut]
    next: str | None = None


class ApplyIn(Body):
    """Without `dry_run: false` nothing is changed. At most `limit` appeals a request."""

    dry_run: StrictBool = True
    limit: StrictInt = Field(default=1000, ge=1, le=10_000)


class DifferenceOut(BaseModel):
    """So many open appeals of one kind, subject, insurer and channel that would get another promise."""

    kind: str
    subject: str | None
    insurer: str | None
    channel: str
    before: str | None
    after: str | None
    appeals: int


class AppliedOut(BaseModel):
    """`differing` open appeals had another promise than is configured, `changed` of them got it."""

    dry_run: bool
    differing: int
    changed: int
    items: list[DifferenceOut]


@router.get("")
async def list_policies(viewer: ViewerHere, office: OfficeHere) -> PoliciesPage:
    """All promises that were ever given, those given last first."""
    if not viewer.reads_facts:
        raise Forbidden("this takes a role that reads all appeals")
    named: dict[str, list[str]] = {}
    for rule in office.rules.deadlines:
        named.setdefault(rule.policy.id, []).append(rule.name)
    p, t = tables.policy.c, tables.ticket.c
    held = select(func.count()).where(t.policy_id == p.id, OPEN).scalar_subquery().label("open")
    async with office.database.read() as connection:
        rows = await connection.execute(
            select(p.id, p.body, p.created_at, held).order_by(p.created_at.desc(), p.id)
        )
        items = [
            PolicyOut(
                id=row.id,
                created_at=row.created_at,
                deadlines=named.get(row.id, []),
                open=row.open,
                promise=row.body,
            )
            for row in rows
        ]
    return PoliciesPage(items=items)


@router.post("/apply")
async def apply_policies(
    body: ApplyIn,
    caller: Annotated[Principal, Depends(require("contact_admin", "admin"))],
    office: OfficeHere,
) -> AppliedOut:
    """Gives open appeals the promises that are configured now; by default only says how many."""
    async with office.database.read() as connection:
        found = await differences(connection, office.rules)
    changed = 0
    if not body.dry_run:
        changed = await give(
            office.database, office.journal, found, caller.subject, most=body.limit
        )
    return AppliedOut(
        dry_run=body.dry_run,
        differing=sum(one.appeals for one in found),
        changed=changed,
        items=[_shown(one) for one in found],
    )


def _shown(one: Difference) -> DifferenceOut:
    return DifferenceOut(
        kind=one.kind,
        subject=one.subject,
        insurer=one.insurer,
        channel=one.channel,
        before=one.before,
        after=one.after.id if one.after is not None else None,
        appeals=one.appeals,
    )
