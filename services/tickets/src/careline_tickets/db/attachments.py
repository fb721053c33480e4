"""Files of appeals in and out of the database."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_tickets.db.attachment_tables import attachment, attachment_link
from careline_tickets.domain.attachments import CheckedFile
from careline_tickets.ports import AtRest

WAITING, CLEAN, INFECTED = "waiting", "clean", "infected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file, without its content."""

    id: str
    ticket_id: str
    name: str = field(repr=False)
    media: str
    size: int
    sha256: bytes
    author: str
    at: datetime
    state: str
    verdict: str | None


_COLUMNS = tuple(attachment.c[name] for name in Attachment.__dataclass_fields__)


async def add(
    connection: AsyncConnection,
    attachment_id: str,
    ticket_id: str,
    file: CheckedFile,
    *,
    kept: AtRest,
    author: str,
    at: datetime,
) -> Attachment | None:
    """Keeps a file, whose content is `kept`, until it is scanned; None where the same bytes are with this appeal already."""
    added = await connection.execute(
        insert(attachment)
        .values(
            id=attachment_id,
            ticket_id=ticket_id,
            name=file.name,
            media=file.kind.media,
            size=len(file.content),
            sha256=hashlib.sha256(file.content).digest(),
            content=kept.content,
            sealed_by=kept.key,
            author=author,
            at=at,
            state=WAITING,
            due_at=at,
        )
        .on_conflict_do_nothing()
        .returning(*_COLUMNS)
    )
    row = added.one_or_none()
    return None if row is None else Attachment(**row._mapping)  # noqa: SLF001 - its public name


async def of(connection: AsyncConnection, ticket_id: str) -> Sequence[Attachment]:
    """The files of an appeal, oldest first."""
    found = await connection.execute(
        select(*_COLUMNS).where(attachment.c.ticket_id == ticket_id).order_by(attachment.c.id)
    )
    return [Attachment(**row._mapping) for row in found]  # noqa: SLF001 - its public name


async def content_of(connection: AsyncConnection, attachment_id: str) -> AtRest | None:
    found = await connection.execute(
        select(attachment.c.content, attachment.c.sealed_by).where(attachment.c.id == attachment_id)
    )
    row = found.one_or_none()
    return None if row is None else AtRest(content=bytes(row.content), key=row.sealed_by)


async def claim(
    connection: AsyncConnection, now: datetime, again_at: datetime, most: int
) -> Sequence[Attachment]:
    """Files to scan; until `again_at` nobody else takes them. What is scanned twice is harmless."""
    due = (
        select(attachment.c.id)
        .where(attachment.c.state == WAITING, attachment.c.due_at <= now)
        .order_by(attachment.c.due_at)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    claimed = await connection.execute(
        update(attachment)
        .where(attachment.c.id.in_(due))
        .values(due_at=again_at, attempts=attachment.c.attempts + 1)
        .returning(*_COLUMNS)
    )
    return [Attachment(**row._mapping) for row in claimed]  # noqa: SLF001 - its public name


async def judged(
    connection: AsyncConnection, attachment_id: str, verdict: str | None, now: datetime
) -> bool:
    """What a scan has found; the content of what is infected goes. False: it is judged, or gone."""
    found = {"content": b"", "sealed_by": None} if verdict is not None else {}
    judged_now = await connection.execute(
        update(attachment)
        .where(attachment.c.id == attachment_id, attachment.c.state == WAITING)
        .values(
            state=CLEAN if verdict is None else INFECTED, verdict=verdict, scanned_at=now, **found
        )
        .returning(attachment.c.id)
    )
    return judged_now.first() is not None


async def waiting_s(connection: AsyncConnection, now: datetime) -> float:
    """For how long the file has waited for its scan that has waited longest."""
    found = await connection.execute(
        select(func.min(attachment.c.at)).where(attachment.c.state == WAITING)
    )
    first: datetime | None = found.scalar_one()
    return 0.0 if first is None else max((now - first).total_seconds(), 0.0)


async def erase(connection: AsyncConnection, ticket_ids: Collection[str]) -> None:
    """Deletes the files of these appeals, with the links to them."""
    await connection.execute(delete(attachment).where(attachment.c.ticket_id.in_(ticket_ids)))


async def add_link(
    connection: AsyncConnection,
    digest: bytes,
    attachment_id: str,
    *,
    who: str,
    now: datetime,
    expires_at: datetime,
) -> None:
    links = attachment_link
    await connection.execute(delete(links).where(links.c.expires_at <= now))
    await connection.execute(
        insert(links).values(
            digest=digest, attachment_id=attachment_id, who=who, expires_at=expires_at
        )
    )


async def behind_link(
    connection: AsyncConnection, digest: bytes, now: datetime
) -> tuple[Attachment, str] | None:
    """The file that a link opens now, and to whom it was given."""
    found = await connection.execute(
        select(*_COLUMNS, attachment_link.c.who)
        .join(attachment_link, attachment_link.c.attachment_id == attachment.c.id)
        .where(attachment_link.c.digest == digest, attachment_link.c.expires_at > now)
    )
    row = found.mappings().one_or_none()
    if row is None:
        return None
    kept = dict(row)
    who: str = kept.pop("who")
    return Attachment(**kept), who
