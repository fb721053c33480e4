"""Quarantined rows in the database."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, delete, insert, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_ingest.db.tables import left_out as left_out_table
from careline_ingest.db.tables import quarantine, quarantine_content, run
from careline_ingest.domain.faults import Fault
from careline_ingest.domain.taking import Refused

PAGE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined:
    """A row in quarantine, as it may be shown."""

    id: str
    run_id: str
    source: str
    row: int
    field: str | None
    code: str
    text: str
    value: str | None
    external_id: str | None
    outcome: str | None
    record_id: str | None


_COLUMNS = (
    quarantine.c.id,
    quarantine.c.run_id,
    quarantine.c.source,
    quarantine.c.row,
    quarantine.c.field,
    quarantine.c.code,
    quarantine.c.text,
    quarantine.c.value,
    quarantine.c.external_id,
    quarantine.c.outcome,
    quarantine.c.record_id,
)


def _select() -> Select[Any]:
    return select(*_COLUMNS)


def _quarantined(row: Row[Any]) -> Quarantined:
    return Quarantined(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it


async def add(
    connection: AsyncConnection,
    *,
    run_id: str,
    source: str,
    rows: Sequence[tuple[str, Refused]],
    at: datetime,
) -> None:
    """`rows` come with the ids they get."""
    if not rows:
        return
    await connection.execute(
        insert(quarantine),
        [
            {
                "id": new_id,
                "run_id": run_id,
                "source": source,
                "row": refused.row,
                "field": refused.fault.field,
                "code": refused.fault.code,
                "text": refused.fault.text,
                "value": refused.fault.value,
                "external_id": refused.external_id,
                "created_at": at,
            }
            for new_id, refused in rows
        ],
    )
    await connection.execute(
        insert(quarantine_content),
        [
            {"quarantine_id": new_id, "cells": refused.cells, "raw": refused.raw}
            for new_id, refused in rows
        ],
    )


async def left_out(
    connection: AsyncConnection, run_id: str, values: Sequence[tuple[int, Fault]]
) -> None:
    """Notes values without which their rows were taken."""
    if values:
        await connection.execute(
            insert(left_out_table),
            [
                {
                    "run_id": run_id,
                    "row": row,
                    "field": fault.field,
                    "code": fault.code,
                    "text": fault.text,
                    "value": fault.value,
                }
                for row, fault in values
            ],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A value without which its row was taken, as it may be shown."""

    row: int
    field: str
    code: str
    text: str
    value: str | None


async def left_out_of(
    connection: AsyncConnection, run_id: str, *, after: tuple[int, str], limit: int
) -> list[LeftOut]:
    """The values that were left out of a run's rows, by row and field."""
    table = left_out_table.c
    statement = (
        select(table.row, table.field, table.code, table.text, table.value)
        .where(table.run_id == run_id, tuple_(table.row, table.field) > tuple_(*after))
        .order_by(table.row, table.field)
        .limit(limit)
    )
    return [
        LeftOut(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
        for row in await connection.execute(statement)
    ]


async def lock(connection: AsyncConnection, quarantine_id: str) -> Quarantined | None:
    statement = _select().where(quarantine.c.id == quarantine_id).with_for_update()
    row = (await connection.execute(statement)).one_or_none()
    return None if row is None else _quarantined(row)


async def of_run(
    connection: AsyncConnection, run_id: str, ids: Collection[str]
) -> list[Quarantined]:
    """Those of these rows that are of this run, in the order they came."""
    statement = _select().where(quarantine.c.run_id == run_id, quarantine.c.id.in_(ids))
    return [
        _quarantined(row) for row in await connection.execute(statement.order_by(quarantine.c.id))
    ]


async def run_of(connection: AsyncConnection, quarantine_id: str) -> str | None:
    statement = select(quarantine.c.run_id).where(quarantine.c.id == quarantine_id)
    return (await connection.execute(statement)).scalar_one_or_none()


async def cells(connection: AsyncConnection, ids: Sequence[str]) -> dict[str, Mapping[str, object]]:
    """The cells of rows, as they came. A row that could not be split has none."""
    statement = select(quarantine_content.c.quarantine_id, quarantine_content.c.cells).where(
        quarantine_content.c.quarantine_id.in_(ids)
    )
    return {row.quarantine_id: row.cells or {} for row in await connection.execute(statement)}


async def page(
    connection: AsyncConnection,
    *,
    run_id: str | None = None,
    source: str | None = None,
    insurer: str | None = None,
    after: str | None,
    limit: int,
) -> list[Quarantined]:
    """Rows that wait, in the order they came; given an `insurer`, his alone."""
    statement = _select().where(quarantine.c.outcome.is_(None)).order_by(quarantine.c.id)
    if run_id is not None:
        statement = statement.where(quarantine.c.run_id == run_id)
    if source is not None:
        statement = statement.where(quarantine.c.source == source)
    if insurer is not None:
        statement = statement.join(run, run.c.id == quarantine.c.run_id).where(
            run.c.spec["insurer"].astext == insurer
        )
    if after is not None:
        statement = statement.where(quarantine.c.id > after)
    return [_quarantined(row) for row in await connection.execute(statement.limit(limit))]


async def all_of(connection: AsyncConnection, run_id: str) -> list[Quarantined]:
    """All rows of a run that wait."""
    found: list[Quarantined] = []
    while True:
        after = found[-1].id if found else None
        more = await page(connection, run_id=run_id, after=after, limit=PAGE)
        found += more
        if len(more) < PAGE:
            return found


async def still_refused(connection: AsyncConnection, quarantine_id: str, fault: Fault) -> None:
    """Notes what is wrong with a row now."""
    await connection.execute(
        update(quarantine)
        .where(quarantine.c.id == quarantine_id)
        .values(field=fault.field, code=fault.code, text=fault.text, value=fault.value)
    )


async def released(
    connection: AsyncConnection, quarantine_id: str, *, outcome: str, record_id: str, at: datetime
) -> None:
    """A row has become a record; its content is kept there and deleted here."""
    await connection.execute(
        update(quarantine)
        .where(quarantine.c.id == quarantine_id)
        .values(outcome=outcome, record_id=record_id, replayed_at=at)
    )
    await connection.execute(
        delete(quarantine_content).where(quarantine_content.c.quarantine_id == quarantine_id)
    )


async def forget_run(connection: AsyncConnection, run_id: str) -> None:
    """Deletes the quarantine of a run that starts again."""
    ids = select(quarantine.c.id).where(quarantine.c.run_id == run_id)
    await connection.execute(
        delete(quarantine_content).where(quarantine_content.c.quarantine_id.in_(ids))
    )
    await connection.execute(delete(quarantine).where(quarantine.c.run_id == run_id))
    await connection.execute(delete(left_out_table).where(left_out_table.c.run_id == run_id))
