"""Writes what stands beside the floor's batches, and reads the floor back."""

from datetime import datetime
from typing import Any

from sqlalchemy import Text, cast, literal, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_router.db.tables import (
    agent_session,
    call_contact,
    call_record,
    callback,
    floor_snapshot,
    journal,
    snapshot,
)


async def put_contact(connection: AsyncConnection, call_id: str, **values: Any) -> None:
    """Writes who is behind a call that is new; of one that is known, fields not named stay."""
    statement = insert(call_contact).values(call_id=call_id, **values)
    await connection.execute(
        statement.on_conflict_do_update(index_elements=["call_id"], set_=values)
    )


async def add_to_contact(connection: AsyncConnection, call_id: str, **values: Any) -> None:
    """Writes what is learned of the person behind a call; nothing once he has been erased from it."""
    await connection.execute(
        update(call_contact).where(call_contact.c.call_id == call_id).values(**values)
    )


async def copy_contact(connection: AsyncConnection, from_call: str, to_call: str) -> None:
    """Gives a call the number and the name that another has."""
    contact = call_contact.c
    known = select(literal(to_call), contact.phone, contact.lookup_hmac, contact.name).where(
        contact.call_id == from_call
    )
    await connection.execute(
        insert(call_contact)
        .from_select(["call_id", "phone", "lookup_hmac", "name"], known)
        .on_conflict_do_nothing()
    )


async def put_callback(connection: AsyncConnection, **values: Any) -> None:
    """What a callback has besides its call's record."""
    await connection.execute(insert(callback).values(**values))


async def put_call(connection: AsyncConnection, call_id: str, **values: Any) -> None:
    """Sets fields of a call's record that the floor does not own."""
    await connection.execute(
        update(call_record).where(call_record.c.id == call_id).values(**values)
    )


async def read_snapshot(connection: AsyncConnection, floor: str) -> tuple[int, bytes | str] | None:
    """Journal number and data of the floor's newest snapshot: packed, or the last release's JSON."""
    packed = await connection.execute(
        select(floor_snapshot.c.seq, floor_snapshot.c.data).where(floor_snapshot.c.floor == floor)
    )
    plain = await connection.execute(
        select(snapshot.c.seq, cast(snapshot.c.data, Text).label("data")).where(
            snapshot.c.floor == floor
        )
    )
    rows = [*packed, *plain]
    newest = max(rows, key=lambda row: row.seq, default=None)
    return None if newest is None else (newest.seq, newest.data)


async def write_snapshot(
    connection: AsyncConnection, floor: str, *, seq: int, at: datetime, data: bytes
) -> None:
    """Puts a packed snapshot in the place of the floor's last one."""
    values = {"seq": seq, "at": at, "data": data}
    statement = insert(floor_snapshot).values(floor=floor, **values)
    await connection.execute(statement.on_conflict_do_update(index_elements=["floor"], set_=values))


async def read_journal(
    connection: AsyncConnection, floor: str, *, after: int, limit: int
) -> list[tuple[int, str, str]]:
    """Journal rows after a number, in order: number, kind, data as JSON."""
    found = await connection.execute(
        select(journal.c.seq, journal.c.kind, cast(journal.c.data, Text).label("data"))
        .where(journal.c.floor == floor, journal.c.seq > after)
        .order_by(journal.c.seq)
        .limit(limit)
    )
    return [(row.seq, row.kind, row.data) for row in found]


async def read_message_numbers(connection: AsyncConnection) -> dict[str, int]:
    """The number of the last message of each agent."""
    found = await connection.execute(select(agent_session.c.agent, agent_session.c.message_seq))
    return {row.agent: row.message_seq for row in found}


async def read_open_contacts(connection: AsyncConnection) -> list[Any]:
    """Contacts of the calls that are not over."""
    found = await connection.execute(
        select(
            call_contact.c.call_id,
            call_contact.c.phone,
            call_contact.c.name,
            call_contact.c.attributes,
        )
        .join(call_record, call_record.c.id == call_contact.c.call_id)
        .where(call_record.c.ended_at.is_(None))
    )
    return list(found)
