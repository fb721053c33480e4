"""The record of what supervisors did."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_common.db.unit_of_work import UnitOfWork
from careline_router.db.tables import supervisor_action
from careline_router.views import SupervisorActionView


async def note(
    uow: UnitOfWork, who: str, what: str, target: str | None, detail: Mapping[str, Any]
) -> None:
    """Writes it down, in the transaction of its effect; `detail` holds nothing personal."""
    await uow.connection.execute(
        insert(supervisor_action).values(
            at=uow.clock.now(), who=who, what=what, target=target, detail=dict(detail)
        )
    )


async def newest(
    connection: AsyncConnection, *, after: tuple[datetime, int] | None, limit: int
) -> list[tuple[int, SupervisorActionView]]:
    """The newest first, with their numbers; `after` is the last one seen."""
    statement = select(supervisor_action).order_by(
        supervisor_action.c.at.desc(), supervisor_action.c.id.desc()
    )
    if after is not None:
        place = tuple_(supervisor_action.c.at, supervisor_action.c.id)
        statement = statement.where(place < after)
    found = await connection.execute(statement.limit(limit))
    return [
        (
            row.id,
            SupervisorActionView(
                at=row.at, who=row.who, what=row.what, target=row.target, detail=row.detail
            ),
        )
        for row in found
    ]
