"""Calls of which one half is known: how they ended, or what the agent made of them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_surveys.db.tables import held_call


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldCall:
    """`event` is the body of the call's end without its number, which stands with the person."""

    call_id: str
    event: dict[str, Any] | None
    person_id: str | None
    disposition: str | None


async def keep(connection: AsyncConnection, call_id: str, at: datetime, **half: Any) -> HeldCall:
    """Adds a half to what is known of a call; halves that come at once see one another."""
    kept = await connection.execute(
        insert(held_call)
        .values(call_id=call_id, at=at, **half)
        .on_conflict_do_update(index_elements=[held_call.c.call_id], set_=half)
        .returning(
            held_call.c.call_id,
            held_call.c.event,
            held_call.c.person_id,
            held_call.c.disposition,
        )
    )
    return HeldCall(**kept.one()._mapping)  # noqa: SLF001 - SQLAlchemy's public name for a mapping


async def purge(connection: AsyncConnection, before: datetime) -> None:
    """What is still in halves by then stays so: nobody is asked so long after a call."""
    await connection.execute(delete(held_call).where(held_call.c.at < before))
