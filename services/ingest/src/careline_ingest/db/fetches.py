"""Who fetches a source, when it is due, and what has been fetched. All by the database's clock."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Text, all_, delete, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_ingest.db.tables import fetch, fetched, run

NOT_HERE = "the file is not on this server any more: send it again"
"""The error of a run whose file is not in the spool."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """How far the fetching of a source is, as of `now`."""

    now: datetime
    since: datetime
    next_at: datetime | None
    config_version: int | None
    good_at: datetime | None
    failures: int
    held: bool
    paused: bool
    stopped: str | None

    @property
    def is_due(self) -> bool:
        return self.next_at is None or self.next_at <= self.now


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A file that has been taken or refused, and the SHA-256 of what was taken."""

    mark: str
    sha256: bytes | None


async def begin(connection: AsyncConnection, source: str) -> None:
    """Makes the state of a source if there is none."""
    await connection.execute(insert(fetch).values(source=source).on_conflict_do_nothing())


async def state(connection: AsyncConnection, source: str) -> State | None:
    row = (
        await connection.execute(
            select(
                func.now().label("now"),
                fetch.c.since,
                fetch.c.next_at,
                fetch.c.config_version,
                fetch.c.good_at,
                fetch.c.failures,
                func.coalesce(fetch.c.held_until > func.now(), False).label("held"),
                fetch.c.paused_at.is_not(None).label("paused"),
                fetch.c.stopped,
            ).where(fetch.c.source == source)
        )
    ).one_or_none()
    return None if row is None else State(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name


async def needed(connection: AsyncConnection, source: str) -> State:
    """The state of a source that has one."""
    found = await state(connection, source)
    assert found is not None
    return found


async def plan(
    connection: AsyncConnection, source: str, *, config_version: int, next_at: datetime | None
) -> None:
    """Sets when a source that was configured anew is fetched; None: at once."""
    await connection.execute(
        update(fetch)
        .where(fetch.c.source == source, fetch.c.config_version.is_distinct_from(config_version))
        .values(config_version=config_version, next_at=next_at, failures=0, stopped=None)
    )


async def pause(connection: AsyncConnection, source: str, *, yes: bool) -> None:
    """Keeps a source from being read, or lets it be read again at once. A source that had stopped by
    itself goes on too: somebody has looked at it."""
    await begin(connection, source)
    values: dict[str, Any] = {"paused_at": func.coalesce(fetch.c.paused_at, func.now())}
    if not yes:
        values = {"paused_at": None, "stopped": None, "failures": 0, "next_at": func.now()}
    await connection.execute(update(fetch).where(fetch.c.source == source).values(values))


async def is_paused(connection: AsyncConnection, source: str) -> bool:
    statement = select(fetch.c.paused_at.is_not(None)).where(fetch.c.source == source)
    return bool((await connection.execute(statement)).scalar())


async def claim(
    connection: AsyncConnection, source: str, holder: str, lease_s: float, *, only_due: bool
) -> bool:
    """Makes this process the one that fetches, when no other is and, with `only_due`, it is time."""
    free: ColumnElement[bool] = or_(
        fetch.c.held_until.is_(None), fetch.c.held_until <= func.now(), fetch.c.holder == holder
    )
    statement = update(fetch).where(fetch.c.source == source, free)
    if only_due:
        statement = statement.where(or_(fetch.c.next_at.is_(None), fetch.c.next_at <= func.now()))
    result = await connection.execute(
        statement.values(holder=holder, held_until=func.now() + timedelta(seconds=lease_s))
    )
    return result.rowcount == 1


async def renew(connection: AsyncConnection, source: str, holder: str, lease_s: float) -> bool:
    """False: another process fetches now."""
    result = await connection.execute(
        update(fetch)
        .where(fetch.c.source == source, fetch.c.holder == holder)
        .values(held_until=func.now() + timedelta(seconds=lease_s))
    )
    return result.rowcount == 1


async def release(connection: AsyncConnection, source: str, holder: str) -> None:
    await connection.execute(
        update(fetch)
        .where(fetch.c.source == source, fetch.c.holder == holder)
        .values(holder=None, held_until=None)
    )


async def ended(
    connection: AsyncConnection,
    source: str,
    *,
    next_at: datetime,
    good: bool,
    stopped: str | None = None,
) -> None:
    """Notes how a fetch ended and when the next one is; `stopped`: why there is none until somebody
    has looked at it."""
    await connection.execute(
        update(fetch)
        .where(fetch.c.source == source)
        .values(
            next_at=next_at,
            good_at=func.now() if good else fetch.c.good_at,
            failures=0 if good else fetch.c.failures + 1,
            stopped=stopped,
        )
    )


async def stop(connection: AsyncConnection, source: str, reason: str) -> None:
    """Nothing is fetched until somebody has looked at it."""
    await connection.execute(update(fetch).where(fetch.c.source == source).values(stopped=reason))


async def known(connection: AsyncConnection, source: str, config_version: int) -> dict[str, Known]:
    """What has been taken under this configuration, by name; without what was lost here before it
    was read, which is to be fetched again."""
    statement = (
        select(fetched.c.name, fetched.c.mark, run.c.sha256)
        .join(run, run.c.id == fetched.c.run_id)
        .where(
            fetched.c.source == source,
            fetched.c.config_version == config_version,
            run.c.error.is_distinct_from(NOT_HERE),
        )
    )
    return {
        row.name: Known(mark=row.mark, sha256=row.sha256)
        for row in await connection.execute(statement)
    }


async def remember(
    connection: AsyncConnection, source: str, name: str, mark: str, *, config_version: int, run: str
) -> None:
    """Notes that a file that looked so has been settled by a run."""
    values = {"mark": mark, "config_version": config_version, "run_id": run}
    await connection.execute(
        insert(fetched)
        .values(source=source, name=name, **values)
        .on_conflict_do_update(index_elements=["source", "name"], set_=values)
    )


async def forget_gone(connection: AsyncConnection, source: str, present: Sequence[str]) -> None:
    """Forgets files that do not lie there any more. The names are one parameter: of parameters a
    statement can have 32 767."""
    others = fetched.c.name != all_(literal(present, ARRAY(Text)))
    await connection.execute(delete(fetched).where(fetched.c.source == source, others))


async def last_new(connection: AsyncConnection, sources: Sequence[str]) -> Mapping[str, float]:
    """Seconds since each source last brought a new file, or since it is known."""
    newest = func.max(run.c.created_at)
    statement = (
        select(
            fetch.c.source,
            func.extract("epoch", func.now() - func.coalesce(newest, fetch.c.since)).label("age"),
        )
        .outerjoin(run, (run.c.source == fetch.c.source) & run.c.sha256.is_not(None))
        .where(fetch.c.source.in_(sources))
        .group_by(fetch.c.source, fetch.c.since)
    )
    return {row.source: float(row.age) for row in await connection.execute(statement)}
