"""The ledger of what partners have been told of their appeals."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import timedelta
from typing import Any

from sqlalchemy import Select, and_, func, not_, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_ingest.db.tables import notice
from careline_ingest.domain.notices import Notice

_COLUMNS = tuple(notice.c[field.name] for field in fields(Notice))
_earlier = notice.alias("earlier")
_WAITS = (
    select(_earlier.c.id)
    .where(
        _earlier.c.source == notice.c.source,
        _earlier.c.ticket_id == notice.c.ticket_id,
        _earlier.c.version < notice.c.version,
        _earlier.c.state == "pending",
        _earlier.c.next_at > func.now(),
    )
    .exists()
)
"""An earlier version of the same appeal is to be tried again first: it would else be overtaken."""
_DUE = and_(
    notice.c.state == "pending",
    or_(notice.c.next_at.is_(None), notice.c.next_at <= func.now()),
    not_(_WAITS),
)


async def add(connection: AsyncConnection, notices: Sequence[Notice]) -> None:
    """Each version of an appeal stands in a source's ledger once."""
    if notices:
        statement = insert(notice).values([asdict(one) for one in notices])
        await connection.execute(statement.on_conflict_do_nothing())


async def sources_due(connection: AsyncConnection) -> set[str]:
    return set((await connection.execute(select(notice.c.source).where(_DUE).distinct())).scalars())


async def overtake(connection: AsyncConnection, source: str) -> None:
    """What is older than something that the partner knows is not told any more: a partner who takes
    what comes last for what holds would go back."""
    later = notice.alias("later")
    newer = select(later.c.id).where(
        later.c.source == notice.c.source,
        later.c.ticket_id == notice.c.ticket_id,
        later.c.version > notice.c.version,
        later.c.state == "delivered",
    )
    await connection.execute(
        update(notice)
        .where(notice.c.source == source, notice.c.state == "pending", newer.exists())
        .values(state="overtaken")
    )


async def due(connection: AsyncConnection, source: str, limit: int) -> list[Notice]:
    """What is to be told now, each appeal in the order of its versions."""
    statement = (
        select(*_COLUMNS)
        .where(notice.c.source == source, _DUE)
        .order_by(notice.c.version, notice.c.id)
        .limit(limit)
    )
    return _notices(await connection.execute(statement))


async def batch(connection: AsyncConnection, source: str, name: str, limit: int) -> str | None:
    """The file that is to be put now: one that was begun before, else a new one of this name with
    what is due; None: nothing is."""
    begun = select(notice.c.batch).where(
        notice.c.source == source, _DUE, notice.c.batch.is_not(None)
    )
    found: str | None = (await connection.execute(begun.order_by(notice.c.batch).limit(1))).scalar()
    if found is not None:
        return found
    fresh = (
        select(notice.c.id)
        .where(notice.c.source == source, _DUE, notice.c.batch.is_(None))
        .order_by(notice.c.version, notice.c.id)
        .limit(limit)
    )
    result = await connection.execute(
        update(notice).where(notice.c.id.in_(fresh)).values(batch=name)
    )
    return name if result.rowcount else None


async def of_batch(connection: AsyncConnection, source: str, name: str) -> list[Notice]:
    statement = select(*_COLUMNS).where(notice.c.source == source, notice.c.batch == name)
    return _notices(await connection.execute(statement.order_by(notice.c.version, notice.c.id)))


async def delivered(connection: AsyncConnection, ids: Collection[str]) -> None:
    await connection.execute(
        update(notice)
        .where(notice.c.id.in_(ids))
        .values(
            state="delivered",
            attempts=notice.c.attempts + 1,
            next_at=None,
            error=None,
            delivered_at=func.now(),
        )
    )


async def failed(
    connection: AsyncConnection, ids: Collection[str], reason: str, again: timedelta | None
) -> None:
    """Tried in vain; without `again` the partner will not take it."""
    values: dict[str, Any] = {"attempts": notice.c.attempts + 1, "error": reason}
    values |= {"state": "refused"} if again is None else {"next_at": func.now() + again}
    await connection.execute(update(notice).where(notice.c.id.in_(ids)).values(values))


async def attempts(connection: AsyncConnection, notice_id: str) -> int:
    statement = select(notice.c.attempts).where(notice.c.id == notice_id)
    return int((await connection.execute(statement)).scalar_one())


async def try_again(connection: AsyncConnection, source: str) -> int:
    """Has what was refused tried again; returns how many."""
    result = await connection.execute(
        update(notice)
        .where(notice.c.source == source, notice.c.state == "refused")
        .values(state="pending", next_at=None, batch=None)
    )
    return result.rowcount


async def refused(connection: AsyncConnection) -> Mapping[str, int]:
    """How much each source has refused and was not told again."""
    statement = select(notice.c.source, func.count()).where(notice.c.state == "refused")
    rows = await connection.execute(statement.group_by(notice.c.source))
    return {row[0]: row[1] for row in rows}


async def page(
    connection: AsyncConnection, source: str, *, state: str | None, before: str | None, limit: int
) -> list[Mapping[str, Any]]:
    """Newest first."""
    statement: Select[Any] = select(notice).where(notice.c.source == source)
    if state is not None:
        statement = statement.where(notice.c.state == state)
    if before is not None:
        statement = statement.where(notice.c.id < before)
    rows = await connection.execute(statement.order_by(notice.c.id.desc()).limit(limit))
    return [dict(row) for row in rows.mappings()]


def _notices(rows: Any) -> list[Notice]:
    return [Notice(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name
