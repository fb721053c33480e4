"""Who is written to about which appeal."""

from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_tickets.db.mail_tables import correspondent


@dataclass(frozen=True, slots=True, kw_only=True)
class Correspondent:
    """`message_id` is that of the newest mail he sent."""

    mailbox: str
    address: str = field(repr=False)
    subject: str = field(repr=False)
    message_id: str | None = field(repr=False)
    language: str


async def put(
    connection: AsyncConnection, ticket_id: str, of: Correspondent, address_key: bytes
) -> None:
    values = {
        "mailbox": of.mailbox,
        "address": of.address,
        "address_key": address_key,
        "subject": of.subject,
        "message_id": of.message_id,
        "language": of.language,
    }
    await connection.execute(
        insert(correspondent)
        .values(ticket_id=ticket_id, **values)
        .on_conflict_do_update(index_elements=["ticket_id"], set_=values)
    )


async def of(connection: AsyncConnection, ticket_id: str) -> Correspondent | None:
    columns = correspondent.c
    found = await connection.execute(
        select(
            columns.mailbox, columns.address, columns.subject, columns.message_id, columns.language
        ).where(columns.ticket_id == ticket_id)
    )
    row = found.one_or_none()
    return None if row is None else Correspondent(**row._mapping)  # noqa: SLF001 - its public name
