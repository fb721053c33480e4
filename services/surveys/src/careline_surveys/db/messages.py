"""Messages: what goes out, what comes in, and receipts for what went out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_surveys.db.tables import (
    console_message,
    inbound,
    invitation,
    message,
    opt_out,
    person,
    receipt,
)

CONSOLE_TURN = "surveys console"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message that is due, or in hand. `number` is None when the person has been erased."""

    id: str
    invitation_id: str
    person_id: str | None
    purpose: str
    text: str
    state: str
    attempts: int
    provider: str | None
    claimed_at: datetime | None
    number: str | None = None
    opted_out: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleMessage:
    id: int
    to: str
    text: str
    at: datetime


_COLUMNS = (
    message.c.id,
    message.c.invitation_id,
    message.c.person_id,
    message.c.purpose,
    message.c.text,
    message.c.state,
    message.c.attempts,
    message.c.provider,
    message.c.claimed_at,
)


def _read(row: Any) -> Message:
    return Message(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping


async def queue(
    connection: AsyncConnection,
    *,
    message_id: str,
    invitation_id: str,
    person_id: str,
    purpose: str,
    text: str,
    due_at: datetime,
    at: datetime,
) -> None:
    await connection.execute(
        insert(message).values(
            id=message_id,
            invitation_id=invitation_id,
            person_id=person_id,
            purpose=purpose,
            text=text,
            state="queued",
            due_at=due_at,
            created_at=at,
        )
    )


async def due(connection: AsyncConnection, now: datetime, limit: int) -> Sequence[Message]:
    """Messages to send now, locked together with their invitations; what others hold is left.

    Because nothing is waited for here, the sending loop can never be part of a deadlock.
    """
    statement = (
        select(
            *_COLUMNS,
            person.c.number,
            opt_out.c.number_key.is_not(None).label("opted_out"),
        )
        .join(invitation, invitation.c.id == message.c.invitation_id)
        .outerjoin(person, person.c.id == message.c.person_id)
        .outerjoin(opt_out, opt_out.c.number_key == person.c.number_key)
        .where(message.c.state == "queued", message.c.due_at <= now)
        .order_by(message.c.due_at, message.c.id)
        .limit(limit)
        .with_for_update(of=(message, invitation), skip_locked=True)
    )
    return [_read(row) for row in await connection.execute(statement)]


async def get(connection: AsyncConnection, message_id: str) -> Message | None:
    found = (await connection.execute(select(*_COLUMNS).where(message.c.id == message_id))).first()
    return None if found is None else _read(found)


async def change(connection: AsyncConnection, message_id: str, **values: Any) -> None:
    await connection.execute(update(message).where(message.c.id == message_id).values(**values))


async def cancel_queued(connection: AsyncConnection, invitation_ids: Sequence[str]) -> None:
    """Takes back what waits; the caller has locked the invitations."""
    await connection.execute(
        update(message)
        .where(message.c.invitation_id.in_(invitation_ids), message.c.state == "queued")
        .values(state="cancelled")
    )


async def cancel_queued_of(connection: AsyncConnection, person_id: str) -> None:
    """Takes back follow-up questions to somebody who has just said stop."""
    waiting = (
        select(message.c.id)
        .where(message.c.person_id == person_id, message.c.state == "queued")
        .with_for_update(skip_locked=True)
    )
    await connection.execute(
        update(message).where(message.c.id.in_(waiting)).values(state="cancelled")
    )


async def left_behind(
    connection: AsyncConnection, claimed_before: datetime, limit: int
) -> Sequence[Message]:
    """What a process took in hand and never brought to an end, locked with its invitation."""
    statement = (
        select(*_COLUMNS)
        .join(invitation, invitation.c.id == message.c.invitation_id)
        .where(message.c.state == "sending", message.c.claimed_at <= claimed_before)
        .limit(limit)
        .with_for_update(of=(message, invitation), skip_locked=True)
    )
    return [_read(row) for row in await connection.execute(statement)]


async def of_provider(
    connection: AsyncConnection, provider: str, provider_message_id: str
) -> Message | None:
    """The message that a provider means; some call it by their own id, some by ours."""
    statement = (
        select(*_COLUMNS)
        .where(
            message.c.provider == provider,
            or_(
                message.c.provider_message_id == provider_message_id,
                message.c.id == provider_message_id,
            ),
        )
        .limit(1)
    )
    found = (await connection.execute(statement)).first()
    return None if found is None else _read(found)


async def add_receipt(
    connection: AsyncConnection,
    *,
    receipt_id: str,
    provider: str,
    message_id: str,
    status: str,
    at: datetime,
    matched: bool,
) -> bool:
    """Keeps a receipt; False when the same one was here before."""
    added = await connection.execute(
        insert(receipt)
        .values(
            id=receipt_id,
            provider=provider,
            message_id=message_id,
            status=status,
            at=at,
            matched=matched,
        )
        .on_conflict_do_nothing()
        .returning(receipt.c.id)
    )
    return added.first() is not None


async def take_waiting_receipts(
    connection: AsyncConnection, provider: str, message_id: str
) -> Sequence[tuple[str, datetime]]:
    """(status, at) of receipts that were quicker than the provider's answer to the sending."""
    taken = await connection.execute(
        update(receipt)
        .where(
            receipt.c.provider == provider,
            receipt.c.message_id == message_id,
            receipt.c.matched.is_(False),
        )
        .values(matched=True)
        .returning(receipt.c.status, receipt.c.at)
    )
    return [(row.status, row.at) for row in taken]


async def add_inbound(
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


async def knows_inbound(connection: AsyncConnection, provider: str, external_id: str) -> bool:
    found = await connection.execute(
        select(inbound.c.id).where(
            inbound.c.provider == provider, inbound.c.external_id == external_id
        )
    )
    return found.first() is not None


async def say_inbound(
    connection: AsyncConnection,
    inbound_id: str,
    meaning: str,
    invitation_id: str | None,
    content_id: str,
) -> None:
    """Notes what a message meant, and where its words are kept."""
    await connection.execute(
        update(inbound)
        .where(inbound.c.id == inbound_id)
        .values(meaning=meaning, invitation_id=invitation_id, content_id=content_id)
    )


async def print_on_console(connection: AsyncConnection, sent: Message, at: datetime) -> None:
    """ "Sends" a message by the console provider; ids are in order of commit."""
    await connection.execute(
        select(func.pg_advisory_xact_lock(func.hashtextextended(CONSOLE_TURN, 0)))
    )
    await connection.execute(
        insert(console_message).values(
            message_id=sent.id, person_id=sent.person_id, text=sent.text, at=at
        )
    )


async def on_console(
    connection: AsyncConnection, after: int, limit: int
) -> Sequence[ConsoleMessage]:
    """What the console provider sent, oldest first."""
    statement = (
        select(console_message.c.id, person.c.number, console_message.c.text, console_message.c.at)
        .join(person, person.c.id == console_message.c.person_id)
        .where(console_message.c.id > after)
        .order_by(console_message.c.id)
        .limit(limit)
    )
    return [
        ConsoleMessage(id=row.id, to=row.number, text=row.text, at=row.at)
        for row in await connection.execute(statement)
    ]


async def figures(connection: AsyncConnection, now: datetime) -> tuple[int, int]:
    """(messages due and waiting, messages of the last day with an unknown outcome)."""
    waiting = await connection.execute(
        select(func.count()).where(message.c.state == "queued", message.c.due_at <= now)
    )
    unknown = await connection.execute(
        select(func.count()).where(
            message.c.state == "unknown", message.c.created_at > now - timedelta(days=1)
        )
    )
    return int(waiting.scalar_one()), int(unknown.scalar_one())
