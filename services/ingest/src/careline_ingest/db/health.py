"""What is known of a source's health: what it brought by day, what waits, what went wrong."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Date, cast, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_ingest.db.tables import answer, fetch, notice, quarantine, run
from careline_ingest.domain.volume import Day

DAYS_BACK = 72


async def days(connection: AsyncConnection, source: str, zone: str) -> list[Day]:
    """What came by day of the zone; a day that is not there brought nothing."""
    day = cast(func.timezone(zone, run.c.created_at), Date)
    statement = (
        select(
            day.label("date"),
            func.count().label("files"),
            func.coalesce(func.sum(run.c.read - run.c.unchanged), 0).label("rows"),
        )
        .where(
            run.c.source == source,
            run.c.status == "done",
            (run.c.sha256.is_not(None)) | (run.c.read > 0),
            run.c.created_at > func.now() - func.make_interval(0, 0, 0, DAYS_BACK),
        )
        .group_by(day)
        .order_by(day)
    )
    return [
        Day(date=row.date, files=row.files, rows=int(row.rows))
        for row in await connection.execute(statement)
    ]


async def facts(connection: AsyncConnection, source: str) -> Mapping[str, Any]:
    """How the fetching stands, and how much waits."""

    def count(table: Any, *conditions: Any) -> Any:
        return select(func.count()).where(table.c.source == source, *conditions).scalar_subquery()

    def newest(*conditions: Any) -> Any:
        return (
            select(func.max(run.c.created_at))
            .where(run.c.source == source, *conditions)
            .scalar_subquery()
        )

    last_error = (
        select(run.c.error)
        .where(run.c.source == source, run.c.error.is_not(None))
        .order_by(run.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    statement = select(
        count(quarantine, quarantine.c.outcome.is_(None)).label("quarantined"),
        count(run, run.c.status == "running").label("reading"),
        count(notice, notice.c.state == "pending").label("notices_pending"),
        count(notice, notice.c.state == "refused").label("notices_refused"),
        count(answer, answer.c.error.is_not(None)).label("answers_failing"),
        newest(run.c.sha256.is_not(None)).label("last_new_at"),
        newest(run.c.status == "failed").label("last_failed_at"),
        last_error.label("last_error"),
    )
    found = dict((await connection.execute(statement)).mappings().one())
    state = await connection.execute(
        select(
            fetch.c.next_at,
            fetch.c.good_at,
            fetch.c.failures,
            fetch.c.stopped,
            fetch.c.paused_at,
        ).where(fetch.c.source == source)
    )
    row = state.mappings().one_or_none()
    empty = dict.fromkeys(("next_at", "good_at", "failures", "stopped", "paused_at"))
    return found | (dict(row) if row is not None else empty)
