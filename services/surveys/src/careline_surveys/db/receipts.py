"""Delivery receipts, and the parts of messages that they speak of."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Text, and_, case, func, literal, or_, select, text, update
from sqlalchemy.dialects.postgresql import array, insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql import ColumnElement

from careline_surveys.db.messages import COLUMNS, Message, read_message
from careline_surveys.db.tables import message, part, receipt
from careline_surveys.domain.invitations import PartState

DOUBTED_WITHIN = timedelta(days=10)
"""How long after a message a receipt may still be for it: networks try for up to seven days."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """`message_id` is the provider's; `reference` and `person_id` tell of the message without it."""

    id: str
    message_id: str
    status: str
    at: datetime
    reference: int | None = None
    person_id: str | None = None


_COLUMNS = (
    receipt.c.id, receipt.c.message_id, receipt.c.status, receipt.c.at, receipt.c.reference,
    receipt.c.person_id,
)  # fmt: skip


def _read(row: Any) -> Receipt:
    return Receipt(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping


async def take_turns(connection: AsyncConnection, provider: str, names: Collection[str]) -> None:
    """Lets nobody else work on these ids, or people, of a provider before the commit.

    Else a receipt and the answer that names its message could pass by each other unseen. Whoever
    takes such turns takes them in one order and before any row.
    """
    keys = sorted(f"{provider} {name}" for name in set(names))
    if keys:
        each = func.unnest(array(keys, type_=Text)).column_valued("key")
        await connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(each, 0))))


async def add(connection: AsyncConnection, provider: str, new: Receipt, *, matched: bool) -> bool:
    """Keeps a receipt; False when the same one was here before."""
    added = await connection.execute(
        insert(receipt)
        .values(
            id=new.id,
            provider=provider,
            message_id=new.message_id,
            status=new.status,
            at=new.at,
            matched=matched,
            reference=new.reference,
            person_id=new.person_id,
        )
        .on_conflict_do_nothing()
        .returning(receipt.c.id)
    )
    return added.first() is not None


_ADD = text("""
    INSERT INTO surveys.receipt (id, provider, message_id, status, at, matched, reference, person_id)
    SELECT id, :provider, message_id, status, at, true, reference, person_id
    FROM unnest(
        CAST(:ids AS text[]), CAST(:names AS text[]), CAST(:statuses AS text[]),
        CAST(:times AS timestamptz[]), CAST(:references AS integer[]), CAST(:people AS text[])
    ) AS new (id, message_id, status, at, reference, person_id)
    ON CONFLICT DO NOTHING RETURNING id""")


async def add_matched(
    connection: AsyncConnection, provider: str, new: Sequence[Receipt]
) -> Collection[str]:
    """Keeps receipts whose messages are known; returns the ids of those that were not here before."""
    added = await connection.execute(
        _ADD,
        {
            "provider": provider,
            "ids": [each.id for each in new],
            "names": [each.message_id for each in new],
            "statuses": [each.status for each in new],
            "times": [each.at for each in new],
            "references": [each.reference for each in new],
            "people": [each.person_id for each in new],
        },
    )
    return set(added.scalars())


async def take_waiting(
    connection: AsyncConnection, provider: str, message_ids: Sequence[str]
) -> Sequence[Receipt]:
    """Receipts that were quicker than the provider's answer to the sending."""
    return await _take(
        connection, receipt.c.provider == provider, receipt.c.message_id.in_(message_ids)
    )


async def take_meant(
    connection: AsyncConnection, provider: str, unknown: Message
) -> Sequence[Receipt]:
    """Receipts that came while this message, now of unknown outcome, was in hand.

    By our reference, where the network told it; else by the person, if this is his only message
    that they can mean.
    """
    since = receipt.c.at >= unknown.claimed_at
    if unknown.reference is not None:
        own = receipt.c.reference == unknown.reference
        by_reference = await _take(
            connection, receipt.c.provider == provider, own, since,
            or_(receipt.c.person_id.is_(None), receipt.c.person_id == unknown.person_id),
        )  # fmt: skip
        if by_reference:
            return by_reference
    candidates = await _undecided(connection, provider, unknown.person_id, unknown.claimed_at)
    if [each.id for each in candidates] != [unknown.id]:
        return []
    return await _take(
        connection, receipt.c.provider == provider, since,
        receipt.c.reference.is_(None), receipt.c.person_id == unknown.person_id,
    )  # fmt: skip


async def _take(connection: AsyncConnection, *conditions: ColumnElement[bool]) -> Sequence[Receipt]:
    taken = await connection.execute(
        update(receipt)
        .where(receipt.c.matched.is_(False), *conditions)
        .values(matched=True)
        .returning(*_COLUMNS)
    )
    return [_read(row) for row in taken]


async def unknown_meant(
    connection: AsyncConnection, provider: str, told: Receipt, since: datetime
) -> Message | None:
    """The message of unknown outcome that a receipt with a strange id must mean; None in doubt."""
    if told.reference is not None:
        same = (
            select(*COLUMNS)
            .where(
                message.c.provider == provider,
                or_(literal(told.person_id is None), message.c.person_id == told.person_id),
                message.c.reference == told.reference,
                message.c.claimed_at > since,
            )
            .limit(2)
        )
        found = [read_message(row) for row in await connection.execute(same)]
        if found:
            return found[0] if [each.state for each in found] == ["unknown"] else None
    candidates = await _undecided(connection, provider, told.person_id, told.at)
    only = candidates[0] if len(candidates) == 1 else None
    if only is None or only.state != "unknown":
        return None
    return only if only.claimed_at is not None and only.claimed_at > since else None


async def _undecided(
    connection: AsyncConnection, provider: str, person_id: str | None, at: datetime | None
) -> Sequence[Message]:
    """Messages to a person that a receipt without a known id could mean; two are enough for doubt.

    They are in hand, of unknown outcome, or accepted by an SMSC that gave no id for them.
    """
    if person_id is None or at is None:
        return []
    unnamed = and_(message.c.provider_message_id.is_(None), message.c.parts == 1)
    statement = (
        select(*COLUMNS)
        .where(
            message.c.provider == provider,
            message.c.person_id == person_id,
            or_(
                message.c.state.in_(("unknown", "sending")),
                and_(message.c.state == "accepted", unnamed),
            ),
            message.c.claimed_at >= at - DOUBTED_WITHIN,
        )
        .limit(2)
    )
    return [read_message(row) for row in await connection.execute(statement)]


async def set_part(
    connection: AsyncConnection,
    message_id: str,
    provider: str,
    provider_message_id: str,
    state: PartState,
) -> None:
    """Notes the state of a part; one that is delivered stays so, and none moves back."""
    new = insert(part).values(
        message_id=message_id,
        provider_message_id=provider_message_id,
        provider=provider,
        state=state,
    )
    forward = case((part.c.state == "accepted", new.excluded.state), else_=part.c.state)
    delivered = case((new.excluded.state == "delivered", "delivered"), else_=forward)
    await connection.execute(
        new.on_conflict_do_update(
            index_elements=[part.c.message_id, part.c.provider_message_id],
            set_={"state": delivered},
        )
    )


async def parts_of(connection: AsyncConnection, message_id: str) -> Sequence[PartState]:
    found = await connection.execute(select(part.c.state).where(part.c.message_id == message_id))
    return list(found.scalars())
