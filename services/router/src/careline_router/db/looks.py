"""The record of who has looked at whose data."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_router.db.tables import call_contact, person_audit


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which looks: what is None does not narrow. `since` counts, `until` does not."""

    who: str | None = None
    call_ids: Sequence[str] | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """`who` had these roles and has looked at what; the calls stand for the persons."""

    id: int
    at: datetime
    who: str
    roles: Sequence[str]
    what: str
    call_ids: Sequence[str]


async def calls_of(connection: AsyncConnection, lookup_hmac: bytes) -> list[str]:
    """The calls of a person; of one who was erased there are none."""
    statement = select(call_contact.c.call_id).where(call_contact.c.lookup_hmac == lookup_hmac)
    return list((await connection.execute(statement)).scalars())


async def count(connection: AsyncConnection, call_id: str, who: str, what: str) -> int:
    """How many looks of somebody's at one call begin with these words."""
    audit = person_audit.c
    statement = select(func.count()).where(
        func.cardinality(audit.call_ids) == 1,
        audit.call_ids[1] == call_id,
        audit.who == who,
        audit.what.startswith(what, autoescape=True),
    )
    return int((await connection.execute(statement)).scalar_one())


async def newest(
    connection: AsyncConnection, wanted: Wanted, *, after: int | None, limit: int
) -> list[Look]:
    """The newest first; `after` is the last one seen."""
    audit = person_audit.c
    narrowed = select(person_audit).order_by(audit.id.desc()).limit(limit)
    if wanted.who is not None:
        narrowed = narrowed.where(audit.who == wanted.who)
    if wanted.call_ids is not None:
        several = func.cardinality(audit.call_ids)
        narrowed = narrowed.where(  # as the indexes are: nearly every look is at one call
            or_(
                and_(several == 1, audit.call_ids[1].in_(wanted.call_ids)),
                and_(several > 1, audit.call_ids.overlap(wanted.call_ids)),
            )
        )
    if wanted.since is not None:
        narrowed = narrowed.where(audit.at >= wanted.since)
    if wanted.until is not None:
        narrowed = narrowed.where(audit.at < wanted.until)
    if after is not None:
        narrowed = narrowed.where(audit.id < after)
    found = await connection.execute(narrowed)
    return [Look(**row) for row in found.mappings()]
