"""What agents noted in the last calls of a caller."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_router.db.tables import call_contact, call_record

MOST = 5


async def of_person(
    connection: AsyncConnection, lookup_hmac: bytes, *, but: str
) -> list[dict[str, Any]]:
    """The last calls from or to a number that were wrapped up, the newest first, without the one that is `but`."""
    call = call_record.c
    found = await connection.execute(
        select(
            call.id.label("call_id"),
            call.wrapped_up_at.label("at"),
            call.line,
            call.queue,
            call.agent,
            call.disposition,
            call.resolved,
            call.subjects,
            call.booking,
            call_contact.c.notes,
        )
        .join(call_contact, call_contact.c.call_id == call.id)
        .where(
            call_contact.c.lookup_hmac == lookup_hmac,
            call.wrapped_up_at.is_not(None),
            call.id != but,
        )
        .order_by(call.wrapped_up_at.desc())
        .limit(MOST)
    )
    return [dict(row) for row in found.mappings()]
