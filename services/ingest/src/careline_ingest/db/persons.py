"""What ingest keeps of one person: the records that partners sent with his number."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_ingest.db.tables import audit, open311_content, record, record_content


async def records_of(
    connection: AsyncConnection, phone_key: bytes, *, lock: bool = False
) -> Sequence[Mapping[str, Any]]:
    """His records with what stands in them, oldest first."""
    statement = (
        select(
            record.c.id,
            record.c.source,
            record.c.external_id,
            record.c.created_at,
            record.c.updated_at,
            record_content.c.fields,
            open311_content.c.given,
        )
        .join(record_content, record_content.c.record_id == record.c.id)
        .outerjoin(open311_content, open311_content.c.record_id == record.c.id)
        .where(record_content.c.phone_key == phone_key)
        .order_by(record.c.created_at, record.c.id)
    )
    if lock:
        statement = statement.with_for_update(of=record_content)
    return [dict(row) for row in (await connection.execute(statement)).mappings()]


async def erase(connection: AsyncConnection, record_ids: Collection[str]) -> None:
    """Deletes what stands in these records. A partner who sends one again makes it known anew."""
    for table in (record_content, open311_content):
        await connection.execute(delete(table).where(table.c.record_id.in_(record_ids)))


async def note(
    connection: AsyncConnection,
    *,
    audit_ids: Sequence[str],
    at: datetime,
    who: str,
    what: str,
    record_ids: Sequence[str],
) -> None:
    """Who had whose records exported or erased."""
    rows = [
        {"id": audit_id, "at": at, "subject": who, "action": what, "target": record_id}
        for audit_id, record_id in zip(audit_ids, record_ids, strict=True)
    ]
    if rows:
        await connection.execute(insert(audit), rows)
