"""Writes the floor's batches, and reads the floor back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_router.db.tables import (
    agent_message,
    agent_session,
    call_contact,
    call_record,
    decision,
    journal,
    offer,
    pbx_command,
    snapshot,
)
from careline_router.domain.effects import Overtaken

Row = dict[str, Any]


@dataclass(slots=True)
class BatchRows:
    """The rows of one batch. Offers are keyed by id; what changed is merged."""

    journal: list[Row] = field(default_factory=list)
    calls: list[Row] = field(default_factory=list)
    agents: list[Row] = field(default_factory=list)
    offers_made: dict[str, Row] = field(default_factory=dict)
    offers_changed: dict[str, Row] = field(default_factory=dict)
    decisions: list[Row] = field(default_factory=list)
    overtaken: list[Overtaken] = field(default_factory=list)
    commands: list[Row] = field(default_factory=list)
    messages: list[Row] = field(default_factory=list)


async def write_batch(connection: AsyncConnection, rows: BatchRows) -> None:
    """Writes a batch, each table at once."""
    if rows.journal:
        await connection.execute(insert(journal), rows.journal)
    if rows.calls:
        await _upsert(connection, call_record, "id", rows.calls)
    if rows.agents:
        await _upsert(connection, agent_session, "agent", rows.agents)
    if rows.offers_made:
        await connection.execute(insert(offer), list(rows.offers_made.values()))
    if rows.offers_changed:
        await _change_offers(connection, rows.offers_changed)
    if rows.decisions:
        await connection.execute(insert(decision), rows.decisions)
    if rows.overtaken:
        await _overtake(connection, rows.overtaken, rows.journal[-1]["at"])
    if rows.commands:
        await connection.execute(insert(pbx_command), rows.commands)
    if rows.messages:
        await connection.execute(insert(agent_message), rows.messages)


async def _upsert(connection: AsyncConnection, table: Any, key: str, rows: list[Row]) -> None:
    statement = insert(table)
    changed = {name: statement.excluded[name] for name in rows[0] if name != key}
    await connection.execute(
        statement.on_conflict_do_update(index_elements=[key], set_=changed), rows
    )


async def _change_offers(connection: AsyncConnection, changes: Mapping[str, Row]) -> None:
    statement = (
        update(offer)
        .where(offer.c.id == bindparam("offer_id"))
        .values(
            state=bindparam("new_state"),
            deadline=func.coalesce(bindparam("new_deadline", type_=offer.c.deadline.type), offer.c.deadline),
            timeout_s=func.coalesce(bindparam("new_timeout_s", type_=offer.c.timeout_s.type), offer.c.timeout_s),
            closed_at=bindparam("new_closed_at"),
        )
    )  # fmt: skip
    names = ("state", "deadline", "timeout_s", "closed_at")
    await connection.execute(
        statement,
        [
            {"offer_id": offer_id, **{f"new_{name}": values.get(name) for name in names}}
            for offer_id, values in changes.items()
        ],
    )


async def _overtake(
    connection: AsyncConnection, overtaken: Sequence[Overtaken], at: datetime
) -> None:
    """Commands that nobody has carried out and nobody shall: done, and not ok."""
    for item in overtaken:
        statement = update(pbx_command).where(
            pbx_command.c.call_id == item.call_id, pbx_command.c.done_at.is_(None)
        )
        if item.types:
            statement = statement.where(pbx_command.c.type.in_(item.types))
        if item.offer_id is not None:
            statement = statement.where(pbx_command.c.offer_id == item.offer_id)
        await connection.execute(statement.values(done_at=at, ok=False))


async def put_contact(connection: AsyncConnection, call_id: str, **values: Any) -> None:
    """Writes what is known of the person behind a call; fields not named stay."""
    statement = insert(call_contact).values(call_id=call_id, **values)
    await connection.execute(
        statement.on_conflict_do_update(index_elements=["call_id"], set_=values)
    )


async def put_call(connection: AsyncConnection, call_id: str, **values: Any) -> None:
    """Sets fields of a call's record that the floor does not own."""
    await connection.execute(
        update(call_record).where(call_record.c.id == call_id).values(**values)
    )


async def read_snapshot(connection: AsyncConnection, floor: str) -> tuple[int, Row] | None:
    """Journal number and data of the floor's snapshot."""
    found = await connection.execute(
        select(snapshot.c.seq, snapshot.c.data).where(snapshot.c.floor == floor)
    )
    row = found.one_or_none()
    return None if row is None else (row.seq, row.data)


async def write_snapshot(
    connection: AsyncConnection, floor: str, *, seq: int, at: datetime, data: Row
) -> None:
    await _upsert(
        connection, snapshot, "floor", [{"floor": floor, "seq": seq, "at": at, "data": data}]
    )


async def read_journal(
    connection: AsyncConnection, floor: str, *, after: int, limit: int
) -> list[tuple[int, str, Row]]:
    """Journal rows after a number, in order: number, kind, data."""
    found = await connection.execute(
        select(journal.c.seq, journal.c.kind, journal.c.data)
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
        .where(call_record.c.state != "ended")
    )
    return list(found)


async def forget_messages(connection: AsyncConnection, before: datetime) -> None:
    """Deletes the agents' messages that nobody will ask for again."""
    await connection.execute(delete(agent_message).where(agent_message.c.at < before))


async def forget_commands(connection: AsyncConnection, before: datetime) -> None:
    """Deletes old commands, also those that a PBX which is gone has never carried out."""
    await connection.execute(delete(pbx_command).where(pbx_command.c.created_at < before))
