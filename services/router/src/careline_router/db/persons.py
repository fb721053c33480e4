"""What the router keeps of one person: his calls, by the keyed hash of his number."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_router.db.tables import call_contact, call_record, person_audit


async def calls_of(
    connection: AsyncConnection, lookup_hmac: bytes, *, lock: bool = False
) -> Sequence[Mapping[str, Any]]:
    """His calls, callbacks among them, oldest first, each with what stands of him beside it."""
    statement = (
        select(
            call_record.c.id,
            call_record.c.line,
            call_record.c.queue,
            call_record.c.outcome,
            call_record.c.arrived_at,
            call_record.c.ended_at,
            call_record.c.recording,
            call_contact.c.name,
            call_contact.c.attributes,
            call_contact.c.notes,
        )
        .join(call_contact, call_contact.c.call_id == call_record.c.id)
        .where(call_contact.c.lookup_hmac == lookup_hmac)
        .order_by(call_record.c.arrived_at, call_record.c.id)
    )
    if lock:
        statement = statement.with_for_update(of=call_contact)
    return [dict(row) for row in (await connection.execute(statement)).mappings()]


async def erase(connection: AsyncConnection, call_ids: Collection[str]) -> None:
    """Deletes his number, his name and what was noted; of the calls their course stays."""
    await connection.execute(delete(call_contact).where(call_contact.c.call_id.in_(call_ids)))


async def note(
    connection: AsyncConnection,
    *,
    at: datetime,
    who: str,
    roles: Collection[str],
    what: str,
    call_ids: Sequence[str],
) -> None:
    """Who looks at whose data, or has it exported or erased."""
    await connection.execute(
        insert(person_audit).values(
            at=at, who=who, roles=sorted(roles), what=what, call_ids=list(call_ids)
        )
    )
