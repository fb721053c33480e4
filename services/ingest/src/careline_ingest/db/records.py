"""Records in the database, read and written a batch at a time: COPY for what is new, one statement over
arrays for what has changed."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg
from sqlalchemy import ARRAY, Text, any_, func, insert, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_common.db.copying import copy_rows, driver_of
from careline_ingest.db.tables import audit, record, record_content
from careline_ingest.domain.record import Known


@dataclass(slots=True, kw_only=True)  # to freeze it would make it twice as dear to make
class Change:
    """A record as a row has left it. `told` are its fields as JSON."""

    record_id: str
    external_id: str
    version: int
    digest: bytes
    salt: bytes
    partner_version: str | None
    told: str
    phone_key: bytes | None
    mark: bytes | None
    withdrawn: bool
    row: int


async def take_turn(connection: AsyncConnection, source: str) -> None:
    """Rows of one source are settled by one transaction at a time."""
    await connection.execute(
        select(func.pg_advisory_xact_lock(func.hashtext("ingest.record"), func.hashtext(source)))
    )


_SAME = """
SELECT coalesce(array_agg(n.place - 1), '{}') FROM unnest($2::text[], $3::bytea[]) WITH ORDINALITY AS n(external_id, mark, place)
WHERE n.mark = (
    SELECT c.mark FROM ingest.record r JOIN ingest.record_content c ON c.record_id = r.id
    WHERE r.source = $1 AND r.external_id = n.external_id)"""
"""A subquery a row, so that it is two looks into indexes whatever the planner thinks of tables that have just
been filled: of a join it may make a scan of them all."""
_KNOWN = """
SELECT r.external_id, r.id, r.version, r.digest, r.partner_version, r.run_id, r."row", c.salt, c.mark
FROM ingest.record r LEFT JOIN ingest.record_content c ON c.record_id = r.id
WHERE r.source = $1 AND r.external_id = ANY($2::text[])"""
_UPDATE = """
UPDATE ingest.record r SET insurer = $1, run_id = $2, updated_at = $3, version = n.version,
    partner_version = n.partner_version, digest = n.digest, withdrawn = n.withdrawn, "row" = n."row"
FROM unnest($4::text[], $5::int[], $6::text[], $7::bytea[], $8::bool[], $9::bigint[])
    AS n(id, version, partner_version, digest, withdrawn, "row")
WHERE r.id = n.id"""
_CONTENT = """
INSERT INTO ingest.record_content AS c (record_id, salt, fields, phone_key, mark)
SELECT * FROM unnest($1::text[], $2::bytea[], $3::jsonb[], $4::bytea[], $5::bytea[])
ON CONFLICT (record_id) DO UPDATE SET
    salt = excluded.salt, fields = excluded.fields, phone_key = excluded.phone_key, mark = excluded.mark"""
_MARK = """
UPDATE ingest.record_content c SET mark = n.mark
FROM unnest($1::text[], $2::bytea[]) AS n(id, mark) WHERE c.record_id = n.id"""

_RECORD_COLUMNS = (
    "id", "source", "external_id", "insurer", "version", "partner_version", "digest", "withdrawn",
    "run_id", "row", "created_at", "updated_at",
)  # fmt: skip
_CONTENT_COLUMNS = ("record_id", "salt", "fields", "phone_key", "mark")


async def same(
    connection: AsyncConnection, source: str, external_ids: Sequence[str], marks: Sequence[bytes]
) -> set[int]:
    """Places of those of these records that have these marks."""
    driver = driver_of(connection)
    return set(await driver.fetchval(_SAME, source, external_ids, marks))


async def known(
    connection: AsyncConnection, source: str, external_ids: Collection[str]
) -> dict[str, Known]:
    """What is kept of these records. One whose content was erased differs from any row."""
    driver = driver_of(connection)
    return {
        row["external_id"]: Known(
            record_id=row["id"],
            version=row["version"],
            digest=row["digest"],
            salt=row["salt"] or b"",
            partner_version=row["partner_version"],
            run_id=row["run_id"],
            row=row["row"],
            mark=row["mark"],
        )
        for row in await driver.fetch(_KNOWN, source, list(external_ids))
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
    """Writes what rows have changed; who calls it has the turn of the source."""
    driver = driver_of(connection)
    if created:
        rows = [
            (
                change.record_id,
                source,
                change.external_id,
                insurer,
                change.version,
                change.partner_version,
                change.digest,
                change.withdrawn,
                run_id,
                change.row,
                at,
                at,
            )
            for change in created
        ]
        await copy_rows(driver, record, _RECORD_COLUMNS, rows)
        contents = [
            (change.record_id, change.salt, change.told, change.phone_key, change.mark)
            for change in created
        ]
        await copy_rows(driver, record_content, _CONTENT_COLUMNS, contents)
    if updated:
        await _write_updated(driver, insurer, run_id, updated, at)


async def _write_updated(
    driver: asyncpg.Connection,
    insurer: str | None,
    run_id: str,
    updated: Sequence[Change],
    at: datetime,
) -> None:
    ids = [change.record_id for change in updated]
    await driver.execute(
        _UPDATE,
        insurer,
        run_id,
        at,
        ids,
        [change.version for change in updated],
        [change.partner_version for change in updated],
        [change.digest for change in updated],
        [change.withdrawn for change in updated],
        [change.row for change in updated],
    )
    await driver.execute(
        _CONTENT,
        ids,
        [change.salt for change in updated],
        [change.told for change in updated],
        [change.phone_key for change in updated],
        [change.mark for change in updated],
    )


async def mark(connection: AsyncConnection, marked: Mapping[str, bytes]) -> None:
    """Notes for records, by id, how the row looked by which they are known to be unchanged."""
    if marked:
        driver = driver_of(connection)
        await driver.execute(_MARK, list(marked), list(marked.values()))


async def id_of(connection: AsyncConnection, source: str, external_id: str) -> str | None:
    statement = select(record.c.id).where(
        record.c.source == source, record.c.external_id == external_id
    )
    return (await connection.execute(statement)).scalar()


async def get(connection: AsyncConnection, record_id: str) -> Mapping[str, Any] | None:
    """A record with its fields, which are None where the content was erased."""
    found = await several(connection, [record_id])
    return found[0] if found else None


async def by_external_id(
    connection: AsyncConnection, source: str, external_id: str
) -> Mapping[str, Any] | None:
    """As `get`, by whom it came from and what he calls it."""
    found: str | None = await connection.scalar(
        select(record.c.id).where(record.c.source == source, record.c.external_id == external_id)
    )
    return None if found is None else await get(connection, found)


async def several(
    connection: AsyncConnection, record_ids: Collection[str]
) -> Sequence[Mapping[str, Any]]:
    """As `get`, those of these records that there are."""
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
        .where(record.c.id == any_(literal(list(record_ids), ARRAY(Text))))
        .order_by(record.c.id)
    )
    return [dict(row) for row in (await connection.execute(statement)).mappings()]


async def note_read(
    connection: AsyncConnection,
    *,
    audit_id: str,
    at: datetime,
    subject: str,
    target: str,
    action: str = "record.read",
) -> None:
    await connection.execute(
        insert(audit).values(id=audit_id, at=at, subject=subject, action=action, target=target)
    )


async def note_reads(
    connection: AsyncConnection, targets: Mapping[str, str], *, at: datetime, subject: str
) -> None:
    """Notes that records were read; `targets` are their ids, by new ids of the notes."""
    noted = [
        {"id": new, "at": at, "subject": subject, "action": "record.read", "target": target}
        for new, target in targets.items()
    ]
    if noted:
        await connection.execute(insert(audit), noted)
