"""Messages: what goes out, what comes in, and receipts for what went out."""

from collections.abc import Collection, Mapping
from collections.abc import Sequence as Several
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Any

from sqlalchemy import (
    Sequence,
    func,
    select,
    text,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_common.db.copying import copy_rows, driver_of
from careline_surveys.db import invitations
from careline_surveys.db.tables import (
    SCHEMA,
    console_message,
    invitation,
    message,
    opt_out,
    part,
    person,
)
from careline_surveys.domain.invitations import Invitation

REFERENCES = Sequence("sms_reference", schema=SCHEMA)
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
    reference: int | None
    parts: int
    number: str | None = None
    opted_out: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleMessage:
    id: int
    to: str
    text: str
    at: datetime


COLUMNS = (
    message.c.id,
    message.c.invitation_id,
    message.c.person_id,
    message.c.purpose,
    message.c.text,
    message.c.state,
    message.c.attempts,
    message.c.provider,
    message.c.claimed_at,
    message.c.reference,
    message.c.parts,
)


def read_message(row: Any) -> Message:
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


_QUEUED = (
    "id", "invitation_id", "person_id", "purpose", "text", "state", "due_at", "created_at",
)  # fmt: skip


async def queue_several(
    connection: AsyncConnection, new: Several[tuple[str, Invitation, str]], at: datetime
) -> None:
    """`queue` for the first messages of many invitations: id, invitation and text of each."""
    rows = [
        (message_id, of.id, of.person_id, "invitation", words, "queued", of.send_at, at)
        for message_id, of, words in new
    ]
    if rows:
        await copy_rows(driver_of(connection), message, _QUEUED, rows)


async def due(connection: AsyncConnection, now: datetime, limit: int) -> Several[Message]:
    """Messages to send now, locked together with their invitations; what others hold is left.

    Because nothing is waited for here, the sending loop can never be part of a deadlock.
    """
    statement = (
        select(
            *COLUMNS,
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
    return [read_message(row) for row in await connection.execute(statement)]


async def locked(
    connection: AsyncConnection, message_ids: Collection[str]
) -> Mapping[str, tuple[Message, Invitation]]:
    """Messages with their invitations, by id, locked in one order by whoever takes several."""
    of_these = select(message.c.invitation_id).where(message.c.id.in_(message_ids))
    found = await invitations.locked(connection, of_these)
    rows = await connection.execute(select(*COLUMNS).where(message.c.id.in_(message_ids)))
    each = [read_message(row) for row in rows]
    return {one.id: (one, found[one.invitation_id]) for one in each}


async def change(connection: AsyncConnection, message_id: str, **values: Any) -> Message:
    changed = await connection.execute(
        update(message).where(message.c.id == message_id).values(**values).returning(*COLUMNS)
    )
    return read_message(changed.one())


_ACCEPTED = text("""
    UPDATE surveys.message AS m
    SET state = 'accepted', provider = of.provider, provider_message_id = of.name, done_at = :at
    FROM unnest(CAST(:ids AS text[]), CAST(:providers AS text[]), CAST(:names AS text[]))
        AS of (id, provider, name)
    WHERE m.id = of.id""")
_BRING = text("""
    UPDATE surveys.message AS m SET state = of.state
    FROM unnest(CAST(:ids AS text[]), CAST(:states AS text[])) AS of (id, state)
    WHERE m.id = of.id""")


async def accepted(
    connection: AsyncConnection, taken: Several[tuple[str, str, str | None]], at: datetime
) -> None:
    """Providers took these messages: id, provider and the provider's own id of each."""
    ids, providers, names = zip(*taken, strict=True)
    await connection.execute(
        _ACCEPTED, {"ids": ids, "providers": providers, "names": names, "at": at}
    )


async def bring(connection: AsyncConnection, states: Mapping[str, str]) -> None:
    """New states of messages, by id."""
    await connection.execute(_BRING, {"ids": list(states), "states": list(states.values())})


async def mark(
    connection: AsyncConnection,
    message_ids: Collection[str],
    *,
    provider: str,
    parts: int,
    at: datetime,
) -> Mapping[str, int]:
    """Takes messages in hand, each with a new reference of our own; returns these by id."""
    marked = await connection.execute(
        update(message)
        .where(message.c.id.in_(message_ids))
        .values(
            state="sending",
            provider=provider,
            provider_message_id=None,
            parts=parts,
            reference=REFERENCES.next_value(),
            attempts=message.c.attempts + 1,
            claimed_at=at,
        )
        .returning(message.c.id, message.c.reference)
    )
    return {row.id: row.reference for row in marked}


async def cancel_queued(connection: AsyncConnection, invitation_ids: Several[str]) -> None:
    """Takes back what waits; the caller has locked the invitations."""
    await connection.execute(
        update(message)
        .where(message.c.invitation_id.in_(invitation_ids), message.c.state == "queued")
        .values(state="cancelled")
    )


async def empty_texts_of(connection: AsyncConnection, person_id: str) -> None:
    """Takes the words out of messages to a person: they may say his name."""
    await connection.execute(
        update(message).where(message.c.person_id == person_id).values(text="")
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
) -> Several[Message]:
    """What a process took in hand and never brought to an end, locked with its invitation."""
    statement = (
        select(*COLUMNS)
        .join(invitation, invitation.c.id == message.c.invitation_id)
        .where(message.c.state == "sending", message.c.claimed_at <= claimed_before)
        .limit(limit)
        .with_for_update(of=(message, invitation), skip_locked=True)
    )
    return [read_message(row) for row in await connection.execute(statement)]


async def named(
    connection: AsyncConnection, provider: str, provider_message_ids: Collection[str]
) -> Mapping[str, str]:
    """Our ids by the provider's, of messages and of parts; of several the newest."""
    whole = select(message.c.provider_message_id, message.c.id, message.c.created_at).where(
        message.c.provider == provider,
        message.c.provider_message_id.in_(provider_message_ids),
    )
    of_parts = (
        select(part.c.provider_message_id, message.c.id, message.c.created_at)
        .join(message, message.c.id == part.c.message_id)
        .where(part.c.provider == provider, part.c.provider_message_id.in_(provider_message_ids))
    )
    own = select(message.c.id, message.c.id.label("own"), message.c.created_at).where(
        message.c.provider == provider, message.c.id.in_(provider_message_ids)
    )
    rows = await connection.execute(union_all(whole, of_parts, own))
    return {row[0]: row[1] for row in sorted(rows, key=itemgetter(2))}


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
) -> Several[ConsoleMessage]:
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
