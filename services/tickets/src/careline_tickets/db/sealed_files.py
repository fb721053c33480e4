"""Files and held mails by the key that seals them."""

from collections.abc import Sequence

from sqlalchemy import Column, Table, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_tickets.db.attachment_tables import attachment
from careline_tickets.db.mail_tables import mail_held
from careline_tickets.ports import AtRest

SEALED: Sequence[tuple[Table, Column[bytes]]] = (
    (attachment, attachment.c.content),
    (mail_held, mail_held.c.raw),
)


async def sealed_otherwise(
    connection: AsyncConnection,
    table: Table,
    content: Column[bytes],
    *,
    key: str,
    after: str,
    most: int,
) -> Sequence[tuple[str, AtRest]]:
    """Those which this key does not seal, plain ones among them, by id and locked; others have those that are
    skipped."""
    by = table.c.sealed_by
    found = await connection.execute(
        select(table.c.id, content, by)
        .where(or_(by.is_(None), by < key, by > key), content != b"", table.c.id > after)
        .order_by(table.c.id)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    return [(row[0], AtRest(content=bytes(row[1]), key=row[2])) for row in found]


async def put(
    connection: AsyncConnection, table: Table, content: Column[bytes], id_: str, kept: AtRest
) -> None:
    await connection.execute(
        update(table)
        .where(table.c.id == id_)
        .values({content: kept.content, table.c.sealed_by: kept.key})
    )
