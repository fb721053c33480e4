"""Which surges of appeals are open, as the journal's events tell."""

from collections import Counter

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_common.events.tickets import SurgeClosed, SurgeOpened
from careline_router.db.tables import surge
from careline_router.ports import Surges


async def keep(
    connection: AsyncConnection, event: SurgeOpened | SurgeClosed, sequence: int
) -> None:
    """Keeps a version of a surge, unless a later one is known. One that is over stays, so that what was
    told before does not open it again."""
    values = {
        "organisation": event.organisation,
        "subject": event.subject,
        "territory": event.territory,
        "is_open": isinstance(event, SurgeOpened),
        "sequence": sequence,
    }
    statement = insert(surge).values(surge_id=event.surge_id, **values)
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=["surge_id"],
            set_={name: statement.excluded[name] for name in values},
            where=surge.c.sequence < statement.excluded.sequence,
        )
    )


async def open_now(connection: AsyncConnection) -> Surges:
    """How many are open, and about what."""
    found = await connection.execute(
        select(surge.c.organisation, surge.c.subject, surge.c.territory).where(surge.c.is_open)
    )
    rows = found.all()
    return Surges(
        open=len(rows),
        organisations=Counter(row.organisation for row in rows if row.organisation is not None),
        subjects=Counter(row.subject for row in rows if row.subject is not None),
        territories=Counter(row.territory for row in rows if row.territory is not None),
    )
