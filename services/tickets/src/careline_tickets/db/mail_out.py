"""Mail that goes out: queued with what it tells, claimed before it is handed over, settled after."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_tickets.db.mail_tables import correspondent, mail_in, mail_out


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """A mail that is due or in hand."""

    id: str
    ticket_id: str | None
    mailbox: str
    purpose: str
    automatic: bool
    message_id: str
    address: str = field(repr=False)
    subject: str = field(repr=False)
    body: str = field(repr=False)
    answers: Sequence[str] = field(repr=False)
    attempts: int
    created_at: datetime


_COLUMNS = tuple(mail_out.c[name] for name in Queued.__dataclass_fields__)


async def queue(connection: AsyncConnection, values: dict[str, Any]) -> bool:
    """Writes a mail to be sent; False when one with this key was written before."""
    written = await connection.execute(
        insert(mail_out)
        .values(state="queued", **values)
        .on_conflict_do_nothing()
        .returning(mail_out.c.id)
    )
    return written.first() is not None


async def claim(
    connection: AsyncConnection, mailboxes: Collection[str], now: datetime, most: int
) -> list[Queued]:
    """Takes due mails in hand, the oldest first; what others hold is left to them."""
    due = (
        select(mail_out.c.id)
        .where(
            mail_out.c.state == "queued",
            mail_out.c.due_at <= now,
            mail_out.c.mailbox.in_(mailboxes),
        )
        .order_by(mail_out.c.due_at, mail_out.c.id)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    claimed = await connection.execute(
        update(mail_out)
        .where(mail_out.c.id.in_(due))
        .values(state="sending", claimed_at=now, attempts=mail_out.c.attempts + 1)
        .returning(*_COLUMNS)
    )
    rows = [Queued(**row._mapping) for row in claimed]  # noqa: SLF001 - its public name
    return sorted(rows, key=lambda row: row.id)


async def again(
    connection: AsyncConnection, mail_id: str, due_at: datetime, reason: str | None
) -> None:
    """It was surely not taken, and is tried once more."""
    await connection.execute(
        update(mail_out)
        .where(mail_out.c.id == mail_id, mail_out.c.state == "sending")
        .values(state="queued", due_at=due_at, reason=reason)
    )


async def settle(
    connection: AsyncConnection, mail_id: str, state: str, reason: str | None, now: datetime
) -> bool:
    """Brings a mail in hand to its end, and takes address and words out; False: it is at its end."""
    settled = await connection.execute(
        update(mail_out)
        .where(mail_out.c.id == mail_id, mail_out.c.state == "sending")
        .values(
            state=state, reason=reason, done_at=now, address="", subject="", body="", answers=[]
        )
        .returning(mail_out.c.id)
    )
    return settled.first() is not None


async def left_behind(connection: AsyncConnection, before: datetime, most: int) -> list[Queued]:
    """What a process took in hand and never brought to an end."""
    found = await connection.execute(
        select(*_COLUMNS)
        .where(mail_out.c.state == "sending", mail_out.c.claimed_at <= before)
        .order_by(mail_out.c.claimed_at)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    return [Queued(**row._mapping) for row in found]  # noqa: SLF001 - its public name


async def automatic_to(connection: AsyncConnection, address_key: bytes, since: datetime) -> int:
    """How many automatic mails were written to one address since then."""
    found = await connection.execute(
        select(func.count()).where(
            mail_out.c.address_key == address_key,
            mail_out.c.created_at >= since,
            mail_out.c.automatic,
        )
    )
    return found.scalar_one()


async def waiting_s(connection: AsyncConnection, now: datetime) -> float:
    """For how long the mail has been due that has waited longest."""
    found = await connection.execute(
        select(func.min(mail_out.c.due_at)).where(mail_out.c.state == "queued")
    )
    first: datetime | None = found.scalar_one()
    return 0.0 if first is None else max((now - first) / timedelta(seconds=1), 0.0)


async def erase(connection: AsyncConnection, ticket_ids: Collection[str]) -> None:
    """Takes people out of the mail about these appeals; what waits is not sent any more."""
    await connection.execute(delete(correspondent).where(correspondent.c.ticket_id.in_(ticket_ids)))
    await connection.execute(
        update(mail_in).where(mail_in.c.ticket_id.in_(ticket_ids)).values(sender_key=None)
    )
    await connection.execute(
        update(mail_out)
        .where(mail_out.c.ticket_id.in_(ticket_ids), mail_out.c.state == "queued")
        .values(state="dropped", reason="erased", address="", subject="", body="", answers=[])
    )
