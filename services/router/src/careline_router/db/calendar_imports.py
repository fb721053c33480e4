"""Imports of days into calendars: proposed by whom, approved by whom."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_common.config.entries import Written
from careline_common.db.unit_of_work import UnitOfWork
from careline_router.db.tables import calendar_import

AnyRow = Row[*tuple[Any, ...]]
NOTE = "import"
"""By which name the note on a written calendar says which import it comes from."""


async def add(connection: AsyncConnection, **values: Any) -> None:
    await connection.execute(insert(calendar_import).values(**values))


async def one(connection: AsyncConnection, calendar: str, import_id: str) -> AnyRow | None:
    found = await connection.execute(
        select(calendar_import).where(
            calendar_import.c.calendar == calendar, calendar_import.c.id == import_id
        )
    )
    return found.one_or_none()


async def newest(connection: AsyncConnection, calendar: str, most: int) -> Sequence[AnyRow]:
    found = await connection.execute(
        select(calendar_import)
        .where(calendar_import.c.calendar == calendar)
        .order_by(calendar_import.c.at.desc(), calendar_import.c.id.desc())
        .limit(most)
    )
    return found.all()


async def keep_approvals(uow: UnitOfWork, written: Sequence[Written]) -> None:
    """Notes who has approved an import, in the transaction that changes its calendar."""
    for each in written:
        if each.section == "calendars" and NOTE in each.note:
            await uow.connection.execute(
                update(calendar_import)
                .where(calendar_import.c.id == each.note[NOTE])
                .values(approved_by=each.by, approved_at=uow.clock.now())
            )
