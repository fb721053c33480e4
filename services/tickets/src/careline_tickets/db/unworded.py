"""Appeals that have a text and no words beside it: written before the search knew any."""

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_tickets.db import tables
from careline_tickets.db.wording import vector_values
from careline_tickets.db.writing import Wording, write
from careline_tickets.domain.ticket import TextKind

t, c, w = tables.ticket.c, tables.content.c, tables.wording.c


async def give_words(connection: AsyncConnection, *, before: str | None, most: int) -> list[str]:
    """Gives words to the newest of these appeals whose id is below `before`; returns their ids.

    They are locked against whoever writes or erases, who all lock the appeal first; those that are
    locked already are passed over, and found the next time."""
    text = exists().where(c.ticket_id == t.id, c.kind == TextKind.TEXT)
    words = exists().where(w.ticket_id == t.id)
    wanted = select(t.id, t.registered_at).where(text, ~words).order_by(t.id.desc()).limit(most)
    if before is not None:
        wanted = wanted.where(t.id < before)
    locked = await connection.execute(
        wanted.with_for_update(read=True, of=tables.ticket, skip_locked=True)
    )
    registered = {row.id: row.registered_at for row in locked}
    texts = await connection.execute(
        select(c.ticket_id, c.id, c.body)
        .where(c.ticket_id.in_(registered), c.kind == TextKind.TEXT)
        .order_by(c.version, c.id)
    )
    for row in {text.ticket_id: text for text in texts}.values():  # the last one stands
        at = registered[row.ticket_id]
        values = {"ticket_id": row.ticket_id, "content_id": row.id, "registered_at": at}
        await write(connection, [Wording(values, vector_values(row.body, at))])
    return list(registered)
