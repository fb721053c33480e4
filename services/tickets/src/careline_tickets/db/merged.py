"""The appeals that one stands for."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, literal_column, select
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_common.events.tickets import MergedAppeal
from careline_tickets.db.tables import ticket as t

_COLUMNS = (t.c.id, t.c.number, t.c.version, t.c.external_source, t.c.external_id, t.c.insurer)


async def merged_into(connection: AsyncConnection, ticket_id: str) -> Sequence[MergedAppeal]:
    """Those that were merged into an appeal, and into those in turn, the oldest first."""
    first: Select[Any] = select(*_COLUMNS).where(t.c.merged_into == ticket_id)
    found = first.cte("found", recursive=True)
    found = found.union(select(*_COLUMNS).join(found, t.c.merged_into == found.c.id))
    rows = await connection.execute(select(found).order_by(literal_column("id")))
    return [
        MergedAppeal(
            ticket_id=row.id,
            number=row.number,
            version=row.version,
            insurer=row.insurer,
            external_source=row.external_source,
            external_id=row.external_id,
        )
        for row in rows
    ]
