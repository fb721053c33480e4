"""What the journal keeps of one person, over all appeals that he was named in."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, exists, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_tickets.db import attachments, mail_out
from careline_tickets.db.mail_tables import correspondent
from careline_tickets.db.notice_tables import sms_in
from careline_tickets.db.tables import content, erasure, person, ticket

_DONE = ("closed", "merged")
_INTO = ticket.alias("into")
_SETTLED = ticket.c.status.in_(_DONE) & ~exists().where(
    _INTO.c.id == ticket.c.merged_into, _INTO.c.status.not_in(_DONE)
)
"""Nobody needs the person any more. One that was merged into an open appeal waits for that one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonKeys:
    """By what a person is found: the keyed hash of his number, or of his mail address."""

    phone: bytes | None = None
    address: bytes | None = None

    @property
    def condition(self) -> ColumnElement[bool]:
        if self.phone is not None:
            return person.c.phone_key == self.phone
        return correspondent.c.address_key == self.address


async def appeals_of(
    connection: AsyncConnection, keys: PersonKeys, *, lock: bool = False
) -> Sequence[Mapping[str, Any]]:
    """His appeals, oldest first, each with what stands of him in it; locked in the order of ids."""
    statement = (
        select(
            ticket.c.id,
            ticket.c.number,
            ticket.c.status,
            ticket.c.registered_at,
            ticket.c.due_at,
            ticket.c.closed_at,
            _SETTLED.label("done"),
            person.c.phone,
            person.c.name,
            person.c.birth_date,
            person.c.policy_number,
        )
        .outerjoin(person, person.c.ticket_id == ticket.c.id)
        .outerjoin(correspondent, correspondent.c.ticket_id == ticket.c.id)
        .where(keys.condition)
        .order_by(ticket.c.id)
    )
    if lock:
        statement = statement.with_for_update(of=ticket)
    found = (await connection.execute(statement)).mappings()
    return sorted((dict(row) for row in found), key=lambda row: row["registered_at"])


async def texts_of(
    connection: AsyncConnection, ticket_ids: Collection[str]
) -> Mapping[str, Sequence[Mapping[str, Any]]]:
    """By appeal all that was written in it, oldest first."""
    statement = (
        select(content.c.ticket_id, content.c.kind, content.c.author, content.c.at, content.c.body)
        .where(content.c.ticket_id.in_(ticket_ids))
        .order_by(content.c.at, content.c.id)
    )
    texts: dict[str, list[Mapping[str, Any]]] = {}
    for row in (await connection.execute(statement)).mappings():
        texts.setdefault(row["ticket_id"], []).append(dict(row))
    return texts


async def erase(connection: AsyncConnection, ticket_ids: Collection[str]) -> int:
    """Deletes who these appeals are about, what was written and its files; returns how many texts there were.

    Their histories stay and hold: they know of texts by digests, and the salts go with the texts.
    """
    gone = await connection.execute(delete(content).where(content.c.ticket_id.in_(ticket_ids)))
    await connection.execute(delete(person).where(person.c.ticket_id.in_(ticket_ids)))
    await attachments.erase(connection, ticket_ids)
    await connection.execute(delete(sms_in).where(sms_in.c.ticket_id.in_(ticket_ids)))
    await mail_out.erase(connection, ticket_ids)
    await connection.execute(delete(erasure).where(erasure.c.ticket_id.in_(ticket_ids)))
    return gone.rowcount


async def erase_later(
    connection: AsyncConnection, ticket_ids: Collection[str], at: datetime
) -> None:
    """These are to be erased as soon as they are closed."""
    rows = [{"ticket_id": each, "asked_at": at} for each in ticket_ids]
    if rows:
        await connection.execute(insert(erasure).on_conflict_do_nothing(), rows)


async def erasable(connection: AsyncConnection, most: int) -> Sequence[str]:
    """Appeals that were waited for and are closed now, locked; others have those that are skipped."""
    found = await connection.execute(
        select(ticket.c.id)
        .join(erasure, erasure.c.ticket_id == ticket.c.id)
        .where(_SETTLED)
        .order_by(ticket.c.id)
        .limit(most)
        .with_for_update(of=ticket, skip_locked=True)
    )
    return list(found.scalars())
