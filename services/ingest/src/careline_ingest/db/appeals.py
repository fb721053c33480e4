"""What the journal last told of appeals. Events may come in any order and more than once."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_ingest.db.tables import appeal


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What one event says; `sequence` is the version of the appeal."""

    ticket_id: str
    sequence: int
    source: str | None
    external_id: str | None
    insurer: str | None
    number: str
    status: str
    outcome: str | None
    returns: int
    due_at: datetime | None
    at: datetime


async def note(connection: AsyncConnection, told: Told) -> None:
    """Keeps the newest version. Two events of one version complete each other: the move into
    `closed` does not know the outcome."""
    statement = insert(appeal).values(asdict(told))
    given = statement.excluded
    newer = given.sequence > appeal.c.sequence
    same = given.sequence == appeal.c.sequence
    values: dict[str, ColumnElement[Any]] = {
        name: case((newer, given[name]), else_=appeal.c[name])
        for name in ("status", "returns", "at")
    }
    for name in ("insurer", "outcome", "due_at"):
        both = func.coalesce(appeal.c[name], given[name])
        values[name] = case((newer, given[name]), (same, both), else_=appeal.c[name])
    values["sequence"] = func.greatest(given.sequence, appeal.c.sequence)
    await connection.execute(
        statement.on_conflict_do_update(index_elements=["ticket_id"], set_=values)
    )


async def of(connection: AsyncConnection, ticket_id: str) -> Told | None:
    """What is kept of an appeal."""
    row = (
        await connection.execute(select(appeal).where(appeal.c.ticket_id == ticket_id))
    ).one_or_none()
    return None if row is None else Told(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name
