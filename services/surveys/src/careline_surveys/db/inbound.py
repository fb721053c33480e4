"""Messages that came in, whole or in parts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_surveys.db.tables import content, inbound, inbound_part, person


async def add(
    connection: AsyncConnection,
    *,
    inbound_id: str,
    provider: str,
    external_id: str | None,
    person_id: str | None,
    at: datetime,
) -> bool:
    """Keeps a message that came in; False when the provider delivered it before."""
    added = await connection.execute(
        insert(inbound)
        .values(
            id=inbound_id,
            provider=provider,
            external_id=external_id,
            person_id=person_id,
            meaning="new",
            at=at,
        )
        .on_conflict_do_nothing()
        .returning(inbound.c.id)
    )
    return added.first() is not None


async def known(connection: AsyncConnection, provider: str, external_id: str) -> bool:
    return await id_of(connection, provider, external_id) is not None


async def id_of(connection: AsyncConnection, provider: str, external_id: str) -> str | None:
    found = await connection.execute(
        select(inbound.c.id).where(
            inbound.c.provider == provider, inbound.c.external_id == external_id
        )
    )
    return found.scalar_one_or_none()


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A message with who sent it."""

    sender: str = field(repr=False)
    text: str = field(repr=False)
    at: datetime
    meaning: str


async def heard(connection: AsyncConnection, inbound_id: str) -> Heard | None:
    """A message and its sender's number; None when there is none, or he is erased."""
    found = await connection.execute(
        select(person.c.number.label("sender"), content.c.text, inbound.c.at, inbound.c.meaning)
        .join(person, person.c.id == inbound.c.person_id)
        .join(content, content.c.id == inbound.c.content_id)
        .where(inbound.c.id == inbound_id)
    )
    row = found.one_or_none()
    return None if row is None else Heard(**row._mapping)  # noqa: SLF001 - its public name


async def say(
    connection: AsyncConnection,
    inbound_id: str,
    *,
    meaning: str,
    invitation_id: str | None,
    content_id: str,
    language: str | None,
) -> None:
    """Notes what a message meant, and where its words are kept."""
    await connection.execute(
        update(inbound)
        .where(inbound.c.id == inbound_id)
        .values(
            meaning=meaning, invitation_id=invitation_id, content_id=content_id, language=language
        )
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment:
    """What a person wrote beside his answers. `text` is None once he is erased."""

    meaning: str
    text: str | None
    language: str | None
    at: datetime


async def comments_on(
    connection: AsyncConnection, invitation_ids: Sequence[str]
) -> Mapping[str, Sequence[Comment]]:
    """What came in for these invitations and was no answer, in the order in which it came."""
    statement = (
        select(
            inbound.c.invitation_id,
            inbound.c.meaning,
            content.c.text,
            inbound.c.language,
            inbound.c.at,
        )
        .outerjoin(content, content.c.id == inbound.c.content_id)
        .where(
            inbound.c.invitation_id.in_(invitation_ids), inbound.c.meaning.in_(("late", "unclear"))
        )
        .order_by(inbound.c.id)
    )
    found: dict[str, list[Comment]] = {}
    for row in await connection.execute(statement):
        found.setdefault(row.invitation_id, []).append(
            Comment(meaning=row.meaning, text=row.text, language=row.language, at=row.at)
        )
    return found


async def forget_name(connection: AsyncConnection, inbound_ids: Sequence[str]) -> None:
    """These will not be delivered again: the same words from now on are a new message."""
    await connection.execute(
        update(inbound).where(inbound.c.id.in_(inbound_ids)).values(external_id=None)
    )


async def forget_old_name(
    connection: AsyncConnection, provider: str, external_id: str, before: datetime
) -> None:
    """Nobody delivers again after so long: the same words are a new message."""
    await connection.execute(
        update(inbound)
        .where(
            inbound.c.provider == provider,
            inbound.c.external_id == external_id,
            inbound.c.at < before,
        )
        .values(external_id=None)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """`content` is None once the whole message has been taken, or its person was erased."""

    number: int
    digest: bytes
    done: bool
    total: int | None
    charset: str | None
    person_id: str | None
    content: str | None


async def parts(
    connection: AsyncConnection, provider: str, key: bytes, *, lock: bool = False
) -> Sequence[Part]:
    """The parts of one message that are here, in their order."""
    statement = (
        select(
            inbound_part.c.number,
            inbound_part.c.digest,
            inbound_part.c.done,
            inbound_part.c.total,
            inbound_part.c.charset,
            content.c.person_id,
            content.c.text.label("content"),
        )
        .outerjoin(content, content.c.id == inbound_part.c.content_id)
        .where(inbound_part.c.provider == provider, inbound_part.c.key == key)
        .order_by(inbound_part.c.number)
    )
    if lock:
        statement = statement.with_for_update(of=inbound_part)
    found = await connection.execute(statement)
    return [Part(**row._mapping) for row in found]  # noqa: SLF001 - SQLAlchemy's public name


async def with_gaps(
    connection: AsyncConnection, before: datetime, limit: int
) -> Sequence[tuple[str, bytes]]:
    """(provider, key) of messages whose last part came before `before` and of which some miss."""
    found = await connection.execute(
        select(inbound_part.c.provider, inbound_part.c.key)
        .where(~inbound_part.c.done)
        .group_by(inbound_part.c.provider, inbound_part.c.key)
        .having(func.max(inbound_part.c.at) < before)
        .limit(limit)
    )
    return [(row.provider, row.key) for row in found]


async def add_part(
    connection: AsyncConnection,
    *,
    provider: str,
    key: bytes,
    number: int,
    total: int,
    charset: str,
    digest: bytes,
    content_id: str,
    at: datetime,
) -> None:
    await connection.execute(
        insert(inbound_part).values(
            provider=provider,
            key=key,
            number=number,
            total=total,
            charset=charset,
            digest=digest,
            content_id=content_id,
            at=at,
        )
    )


async def drop_parts(connection: AsyncConnection, provider: str, key: bytes) -> None:
    """A new message comes under an old reference: the old one's parts go."""
    await connection.execute(
        delete(inbound_part).where(inbound_part.c.provider == provider, inbound_part.c.key == key)
    )


async def finish_parts(connection: AsyncConnection, provider: str, key: bytes) -> None:
    """The message is whole: its parts lose their words and stay for a while to tell repeats."""
    gone = (
        select(inbound_part.c.content_id)
        .where(inbound_part.c.provider == provider, inbound_part.c.key == key)
        .scalar_subquery()
    )
    await connection.execute(delete(content).where(content.c.id.in_(gone)))
    await connection.execute(
        update(inbound_part)
        .where(inbound_part.c.provider == provider, inbound_part.c.key == key)
        .values(done=True)
    )


async def purge_parts(connection: AsyncConnection, before: datetime) -> None:
    """Parts whose message was taken long ago: nobody delivers them again."""
    await connection.execute(
        delete(inbound_part).where(inbound_part.c.at < before, inbound_part.c.done)
    )
