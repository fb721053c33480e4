"""Records in the database, read and written a batch at a time."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_ingest.db.tables import audit, record, record_content
from careline_ingest.domain.record import Fields, Known


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A record as a row has left it."""

    record_id: str
    external_id: str
    version: int
    digest: bytes
    salt: bytes
    fields: Fields
    phone_key: bytes | None
    withdrawn: bool
    row: int


async def take_turn(connection: AsyncConnection, source: str) -> None:
    """Rows of one source are settled by one transaction at a time."""
    await connection.execute(
        select(func.pg_advisory_xact_lock(func.hashtext("ingest.record"), func.hashtext(source)))
    )


async def known(
    connection: AsyncConnection, source: str, external_ids: Collection[str]
) -> dict[str, Known]:
    """What is kept of these records. One whose content was erased differs from any row."""
    statement = (
        select(
            record.c.external_id,
            record.c.id,
            record.c.version,
            record.c.digest,
            record.c.partner_version,
            record.c.run_id,
            record.c.row,
            record_content.c.salt,
        )
        .outerjoin(record_content, record_content.c.record_id == record.c.id)
        .where(record.c.source == source, record.c.external_id == func.any(list(external_ids)))
    )
    return {
        row.external_id: Known(
            record_id=row.id,
            version=row.version,
            digest=row.digest,
            salt=row.salt or b"",
            partner_version=row.partner_version,
            run_id=row.run_id,
            row=row.row,
        )
        for row in await connection.execute(statement)
    }


async def write(
    connection: AsyncConnection,
    *,
    source: str,
    insurer: str | None,
    run_id: str,
    created: Sequence[Change],
    updated: Sequence[Change],
    at: datetime,
) -> None:
    if created:
        await connection.execute(
            insert(record),
            [
                {
                    "id": change.record_id,
                    "source": source,
                    "external_id": change.external_id,
                    "created_at": at,
                    **_values(change, insurer, run_id, at),
                }
                for change in created
            ],
        )
    if updated:
        parameters = [
            {"the_id": change.record_id, **_values(change, insurer, run_id, at)}
            for change in updated
        ]
        await connection.execute(
            update(record)
            .where(record.c.id == bindparam("the_id"))
            .values({name: bindparam(name) for name in parameters[0] if name != "the_id"}),
            parameters,
        )
    if created or updated:
        await _write_content(connection, [*created, *updated])


def _values(change: Change, insurer: str | None, run_id: str, at: datetime) -> dict[str, Any]:
    return {
        "insurer": insurer,
        "version": change.version,
        "partner_version": change.fields.get("version"),
        "digest": change.digest,
        "withdrawn": change.withdrawn,
        "run_id": run_id,
        "row": change.row,
        "updated_at": at,
    }


async def _write_content(connection: AsyncConnection, changes: Sequence[Change]) -> None:
    statement = pg_insert(record_content)
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=[record_content.c.record_id],
            set_={
                "salt": statement.excluded.salt,
                "fields": statement.excluded.fields,
                "phone_key": statement.excluded.phone_key,
            },
        ),
        [
            {
                "record_id": change.record_id,
                "salt": change.salt,
                "fields": dict(change.fields),
                "phone_key": change.phone_key,
            }
            for change in changes
        ],
    )


async def id_of(connection: AsyncConnection, source: str, external_id: str) -> str | None:
    statement = select(record.c.id).where(
        record.c.source == source, record.c.external_id == external_id
    )
    return (await connection.execute(statement)).scalar()


async def get(connection: AsyncConnection, record_id: str) -> Mapping[str, Any] | None:
    """A record with its fields, which are None where the content was erased."""
    statement = (
        select(
            record.c.id,
            record.c.source,
            record.c.external_id,
            record.c.insurer,
            record.c.version,
            record.c.withdrawn,
            record.c.run_id,
            record.c.row,
            record.c.created_at,
            record.c.updated_at,
            record_content.c.fields,
        )
        .outerjoin(record_content, record_content.c.record_id == record.c.id)
        .where(record.c.id == record_id)
    )
    row = (await connection.execute(statement)).mappings().one_or_none()
    return None if row is None else dict(row)


async def note_read(
    connection: AsyncConnection, *, audit_id: str, at: datetime, subject: str, target: str
) -> None:
    await connection.execute(
        insert(audit).values(
            id=audit_id, at=at, subject=subject, action="record.read", target=target
        )
    )
