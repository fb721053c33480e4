"""Drafts and versions of flows, as they are kept."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, func, insert, select, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_common.config.entries import Written
from careline_common.db.unit_of_work import UnitOfWork
from careline_router.db.tables import flow_draft, flow_version

AnyRow = Row[*tuple[Any, ...]]
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('flow ' || :flow, 0))")


async def lock(connection: AsyncConnection, flow: str) -> None:
    """One after the other: whoever changes a flow."""
    await connection.execute(_LOCK, {"flow": flow})


async def add_draft(connection: AsyncConnection, flow: str, **values: Any) -> int:
    """Keeps the next draft of a flow; gives its number. Under `lock` alone."""
    number = await last_number(connection, flow) + 1
    await connection.execute(insert(flow_draft).values(flow=flow, number=number, **values))
    return number


async def last_number(connection: AsyncConnection, flow: str) -> int:
    found = await connection.execute(
        select(func.coalesce(func.max(flow_draft.c.number), 0)).where(flow_draft.c.flow == flow)
    )
    return int(found.scalar_one())


async def draft(connection: AsyncConnection, flow: str, number: int | None) -> AnyRow | None:
    """A draft by its number, or the last one."""
    asked = select(flow_draft).where(flow_draft.c.flow == flow)
    if number is not None:
        asked = asked.where(flow_draft.c.number == number)
    found = await connection.execute(asked.order_by(flow_draft.c.number.desc()).limit(1))
    return found.one_or_none()


async def versions(connection: AsyncConnection, flow: str) -> Sequence[AnyRow]:
    """Every version without its document, the newest first."""
    columns = [column for column in flow_version.c if column.name != "document"]
    found = await connection.execute(
        select(*columns).where(flow_version.c.flow == flow).order_by(flow_version.c.version.desc())
    )
    return found.all()


async def version(connection: AsyncConnection, flow: str, number: int) -> AnyRow | None:
    found = await connection.execute(
        select(flow_version).where(flow_version.c.flow == flow, flow_version.c.version == number)
    )
    return found.one_or_none()


async def keep_versions(uow: UnitOfWork, written: Sequence[Written]) -> None:
    """Keeps what the configuration has got of flows, however it came there."""
    rows: list[Mapping[str, Any]] = [
        {
            "flow": each.id,
            "version": each.version,
            "document": dict(each.body),
            "how": each.note.get("how", "apply"),
            "draft": each.note.get("draft"),
            "restores": each.note.get("restores"),
            "by": each.by,
            "at": uow.clock.now(),
        }
        for each in written
        if each.section == "flows"
    ]
    if rows:
        await uow.connection.execute(upsert(flow_version).on_conflict_do_nothing(), rows)
