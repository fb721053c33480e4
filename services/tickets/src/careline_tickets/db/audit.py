"""Who looked at personal data, and who tried to."""

from collections.abc import Collection

from sqlalchemy import insert

from careline_common.db.unit_of_work import UnitOfWork
from careline_tickets.db import tables


async def note(
    uow: UnitOfWork,
    *,
    who: str,
    roles: Collection[str],
    what: str,
    ticket_id: str | None = None,
    refused: int | None = None,
) -> None:
    """Writes a row of the audit; `refused` is the HTTP status of a read that was not granted."""
    await uow.connection.execute(
        insert(tables.audit).values(
            at=uow.clock.now(),
            who=who,
            roles=sorted(roles),
            what=what,
            ticket_id=ticket_id,
            refused=refused,
        )
    )
