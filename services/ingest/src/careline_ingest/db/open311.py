"""Appeals as Open311 requests: a record, what the journal said of it, and what stood beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    DateTime,
    Select,
    case,
    cast,
    func,
    insert,
    or_,
    select,
    union,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_ingest.db.tables import appeal, audit, open311_content, record, record_content
from careline_ingest.domain.georeport import CLOSED, Query

_TEXT = record_content.c.fields["text"].astext
_SUBJECT = record_content.c.fields["subject"].astext
_REQUESTED = func.coalesce(
    cast(record_content.c.fields["registered_at"].astext, DateTime(timezone=True)),
    record.c.created_at,
)
_UPDATED = func.greatest(record.c.updated_at, appeal.c.at)
_STATUS: ColumnElement[str] = case(
    (or_(record.c.withdrawn, appeal.c.status.in_(CLOSED)), "closed"), else_="open"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A request as it may be shown. No person and no answer is read for it at all."""

    id: str
    status: str
    journal_status: str | None
    outcome: str | None
    number: str | None
    subject: str | None
    insurer: str | None
    description: str
    requested_at: datetime
    updated_at: datetime
    expected_at: datetime | None
    given: Mapping[str, str] | None


async def keep(connection: AsyncConnection, record_id: str, given: Mapping[str, str]) -> None:
    """Keeps what a client said beside its appeal."""
    await connection.execute(insert(open311_content).values(record_id=record_id, given=given))


async def page(connection: AsyncConnection, query: Query, source: str | None) -> list[Row]:
    """Requests in the order they were made; of one `source`, or of all."""
    statement = _select()
    if source is not None:
        statement = statement.where(record.c.source == source)
    if query.ids:
        statement = statement.where(record.c.id.in_(query.ids))
    if query.codes:
        statement = statement.where(_SUBJECT.in_(query.codes))
    if len(query.statuses) == 1:
        statement = statement.where(_STATUS.in_(query.statuses))
    if query.updated_from is not None:
        statement = statement.where(record.c.id.in_(_changed_since(query.updated_from, source)))
    for bound, column, last in (
        (query.requested_from, _REQUESTED, False),
        (query.requested_to, _REQUESTED, True),
        (query.updated_from, _UPDATED, False),
        (query.updated_to, _UPDATED, True),
    ):
        if bound is not None:
            statement = statement.where(column <= bound if last else column >= bound)
    statement = statement.order_by(_REQUESTED, record.c.id).limit(query.page_size)
    rows = await connection.execute(statement.offset(query.offset))
    return [Row(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name


def _changed_since(moment: datetime, source: str | None) -> CompoundSelect[tuple[str]]:
    """By the index of either table: `_UPDATED` is of both, and would be looked up for each record."""
    told = select(record.c.id).where(record.c.updated_at >= moment)
    moved = (
        select(record.c.id)
        .join(
            appeal,
            (appeal.c.source == record.c.source) & (appeal.c.external_id == record.c.external_id),
        )
        .where(appeal.c.at >= moment)
    )
    if source is not None:
        told, moved = (each.where(record.c.source == source) for each in (told, moved))
    return union(told, moved)


async def note_shown(connection: AsyncConnection, rows: Sequence[Mapping[str, object]]) -> None:
    """Notes who was shown which requests."""
    if rows:
        await connection.execute(insert(audit), list(rows))


def _select() -> Select[tuple[object, ...]]:
    return (
        select(
            record.c.id,
            _STATUS.label("status"),
            appeal.c.status.label("journal_status"),
            appeal.c.outcome,
            appeal.c.number,
            _SUBJECT.label("subject"),
            record.c.insurer,
            _TEXT.label("description"),
            _REQUESTED.label("requested_at"),
            _UPDATED.label("updated_at"),
            appeal.c.due_at.label("expected_at"),
            open311_content.c.given,
        )
        .join(record_content, record_content.c.record_id == record.c.id)
        .outerjoin(
            appeal,
            (appeal.c.source == record.c.source) & (appeal.c.external_id == record.c.external_id),
        )
        .outerjoin(open311_content, open311_content.c.record_id == record.c.id)
        .where(_TEXT.is_not(None))
    )
