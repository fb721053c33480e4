"""Runs in the database."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_ingest.db.tables import run
from careline_ingest.domain.counts import Counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    id: str
    source: str
    file: str | None
    sha256: bytes | None
    spec: Mapping[str, Any]
    config_version: int
    status: str
    checkpoint: int
    attempt: int
    rows: Counts
    error: str | None
    created_at: datetime
    finished_at: datetime | None


_COLUMNS = (
    run.c.id,
    run.c.source,
    run.c.file,
    run.c.sha256,
    run.c.spec,
    run.c.config_version,
    run.c.status,
    run.c.checkpoint,
    run.c.attempt,
    run.c.read,
    run.c.created,
    run.c.updated,
    run.c.unchanged,
    run.c.quarantined,
    run.c.error,
    run.c.created_at,
    run.c.finished_at,
)


def _select() -> Select[Any]:
    return select(*_COLUMNS)


def _as_run(row: Row[Any] | None) -> Run | None:
    return None if row is None else _run(row)


def _run(row: Row[Any]) -> Run:
    return Run(
        id=row.id,
        source=row.source,
        file=row.file,
        sha256=row.sha256,
        spec=row.spec,
        config_version=row.config_version,
        status=row.status,
        checkpoint=row.checkpoint,
        attempt=row.attempt,
        rows=Counts(
            created=row.created,
            updated=row.updated,
            unchanged=row.unchanged,
            quarantined=row.quarantined,
        ),
        error=row.error,
        created_at=row.created_at,
        finished_at=row.finished_at,
    )


async def get(connection: AsyncConnection, run_id: str) -> Run | None:
    return _as_run((await connection.execute(_select().where(run.c.id == run_id))).one_or_none())


async def lock(connection: AsyncConnection, run_id: str) -> Run | None:
    """As `get`, and nobody else changes the run until the transaction ends."""
    statement = _select().where(run.c.id == run_id).with_for_update()
    return _as_run((await connection.execute(statement)).one_or_none())


async def one_at_a_time(connection: AsyncConnection, source: str) -> None:
    """Two equal files of a source that come at once: the second waits for the first."""
    await connection.execute(
        select(func.pg_advisory_xact_lock(func.hashtext("ingest.file"), func.hashtext(source)))
    )


async def by_hash(connection: AsyncConnection, source: str, sha256: bytes) -> Run | None:
    statement = _select().where(run.c.source == source, run.c.sha256 == sha256)
    return _as_run((await connection.execute(statement.with_for_update())).one_or_none())


async def newest(connection: AsyncConnection, source: str, file: str | None) -> Run | None:
    """Of a source, or of a file of this name."""
    statement = _select().where(run.c.source == source).order_by(run.c.id.desc()).limit(1)
    if file is not None:
        statement = statement.where(run.c.file == file)
    return _as_run((await connection.execute(statement)).one_or_none())


async def page(
    connection: AsyncConnection,
    *,
    source: str | None,
    insurer: str | None = None,
    before: str | None,
    limit: int,
) -> list[Run]:
    """Newest first; given an `insurer`, his alone."""
    statement = _select().order_by(run.c.id.desc()).limit(limit)
    if source is not None:
        statement = statement.where(run.c.source == source)
    if insurer is not None:
        statement = statement.where(run.c.spec["insurer"].astext == insurer)
    if before is not None:
        statement = statement.where(run.c.id < before)
    return [_run(row) for row in await connection.execute(statement)]


async def sources_with_work(connection: AsyncConnection) -> list[str]:
    """Sources that have a run to go on with, the one that waits longest first."""
    statement = (
        select(run.c.source)
        .where(run.c.status == "running")
        .group_by(run.c.source)
        .order_by(func.min(run.c.id))
    )
    return list((await connection.execute(statement)).scalars())


async def oldest_running(connection: AsyncConnection, source: str) -> Run | None:
    statement = (
        _select()
        .where(run.c.source == source, run.c.status == "running")
        .order_by(run.c.id)
        .limit(1)
    )
    return _as_run((await connection.execute(statement)).one_or_none())


async def add(
    connection: AsyncConnection,
    *,
    run_id: str,
    source: str,
    file: str | None,
    sha256: bytes | None,
    spec: Mapping[str, Any],
    config_version: int,
    at: datetime,
    status: str = "running",
    error: str | None = None,
) -> Run:
    finished_at = None if status == "running" else at
    await connection.execute(
        insert(run).values(
            id=run_id,
            source=source,
            file=file,
            sha256=sha256,
            spec=spec,
            config_version=config_version,
            status=status,
            error=error,
            created_at=at,
            finished_at=finished_at,
        )
    )
    return Run(
        id=run_id,
        source=source,
        file=file,
        sha256=sha256,
        spec=spec,
        config_version=config_version,
        status=status,
        checkpoint=0,
        attempt=1,
        rows=Counts(),
        error=error,
        created_at=at,
        finished_at=finished_at,
    )


async def begin_again(
    connection: AsyncConnection, run_id: str, *, spec: Mapping[str, Any], config_version: int
) -> None:
    """A failed run starts from its first row; what it had counted is forgotten."""
    await connection.execute(
        update(run)
        .where(run.c.id == run_id, run.c.status == "failed")
        .values(
            status="running",
            spec=spec,
            config_version=config_version,
            checkpoint=0,
            attempt=run.c.attempt + 1,
            read=0,
            created=0,
            updated=0,
            unchanged=0,
            quarantined=0,
            error=None,
            finished_at=None,
        )
    )


async def advance(
    connection: AsyncConnection, run_id: str, *, seen: int, checkpoint: int, more: Counts
) -> bool:
    """Moves the checkpoint on and adds to the counts.

    False, and nothing is done, when the checkpoint is not at `seen` any more: another process goes
    on with this run.
    """
    result = await connection.execute(
        update(run)
        .where(run.c.id == run_id, run.c.status == "running", run.c.checkpoint == seen)
        .values(
            checkpoint=checkpoint,
            read=run.c.read + more.read,
            created=run.c.created + more.created,
            updated=run.c.updated + more.updated,
            unchanged=run.c.unchanged + more.unchanged,
            quarantined=run.c.quarantined + more.quarantined,
        )
    )
    return result.rowcount == 1


async def need_not_last(connection: AsyncConnection) -> None:
    """The transaction only moves a checkpoint on: it does not wait for the disk, for if the server falls and
    loses it, the same rows are looked at again."""
    await connection.execute(text("SET LOCAL synchronous_commit = off"))


async def finish(
    connection: AsyncConnection,
    run_id: str,
    *,
    seen: int,
    status: str,
    error: str | None,
    at: datetime,
) -> bool:
    """Ends a run, under the same condition as `advance`."""
    result = await connection.execute(
        update(run)
        .where(run.c.id == run_id, run.c.status == "running", run.c.checkpoint == seen)
        .values(status=status, error=error, finished_at=at)
    )
    return result.rowcount == 1


async def released(connection: AsyncConnection, run_id: str, moved: Counts) -> None:
    """Moves rows from `quarantined` to where a replay has brought them."""
    await connection.execute(
        update(run)
        .where(run.c.id == run_id)
        .values(
            created=run.c.created + moved.created,
            updated=run.c.updated + moved.updated,
            unchanged=run.c.unchanged + moved.unchanged,
            quarantined=run.c.quarantined - moved.read,
        )
    )
