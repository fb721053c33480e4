"""Mails that are held for a person to judge, in and out of the database."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from sqlalchemy import delete, func, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_tickets.db.mail_tables import mail_held, mail_in
from careline_tickets.ports import AtRest

State = Literal["held", "opened", "discarded", "expired"]
HELD: Final = "held"
OPENED: Final = "opened"
DISCARDED: Final = "discarded"
EXPIRED: Final = "expired"

h = mail_held.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A mail without its content. `mark` is why it looks like a program's; of one that is not `whole`, as it was
    too large, only the header is there. What was decided stands beside it once it was."""

    id: str
    mailbox: str
    at: datetime
    mark: str
    state: State
    whole: bool
    sender: str | None = field(repr=False)
    subject: str = field(repr=False)
    decided_at: datetime | None = None
    decided_by: str | None = None
    reason: str | None = field(default=None, repr=False)
    ticket_id: str | None = None


_COLUMNS = tuple(h[name] for name in Held.__dataclass_fields__)
_STRIPPED: dict[str, Any] = {
    "sender": None, "sender_key": None, "subject": "", "raw": b"", "sealed_by": None,
}  # fmt: skip


async def hold(
    connection: AsyncConnection, held: Held, *, raw: AtRest, sender_key: bytes | None
) -> None:
    values = {name: getattr(held, name) for name in Held.__dataclass_fields__}
    await connection.execute(
        mail_held.insert().values(
            **values, raw=raw.content, sealed_by=raw.key, sender_key=sender_key
        )
    )


async def page_of(
    connection: AsyncConnection,
    *,
    state: State,
    mailbox: str | None,
    limit: int,
    after: tuple[datetime, str] | None,
) -> Sequence[Held]:
    """Those in this state, the oldest first."""
    query = select(*_COLUMNS).where(h.state == state)
    if mailbox is not None:
        query = query.where(h.mailbox == mailbox)
    if after is not None:
        query = query.where(tuple_(h.at, h.id) > after)
    found = await connection.execute(query.order_by(h.at, h.id).limit(limit))
    return [Held(**row._mapping) for row in found]  # noqa: SLF001 - its public name


async def find(
    connection: AsyncConnection, mail_id: str, *, for_update: bool = False
) -> Held | None:
    query = select(*_COLUMNS).where(h.id == mail_id)
    row = (await connection.execute(query.with_for_update() if for_update else query)).one_or_none()
    return None if row is None else Held(**row._mapping)  # noqa: SLF001 - its public name


async def raw_of(connection: AsyncConnection, mail_id: str) -> AtRest:
    """The mail as it came; empty once it was judged."""
    found = await connection.execute(select(h.raw, h.sealed_by).where(h.id == mail_id))
    row = found.one_or_none()
    return AtRest(content=b"") if row is None else AtRest(content=bytes(row.raw), key=row.sealed_by)


async def decide(
    connection: AsyncConnection,
    mail_id: str,
    state: State,
    *,
    who: str,
    at: datetime,
    reason: str | None = None,
    ticket_id: str | None = None,
) -> None:
    """Keeps what was decided, and takes out whose it was and what it said. The caller has locked it."""
    await connection.execute(
        update(mail_held)
        .where(h.id == mail_id)
        .values(
            state=state, decided_by=who, decided_at=at, reason=reason, ticket_id=ticket_id,
            **_STRIPPED,
        )
    )  # fmt: skip
    await connection.execute(
        update(mail_in)
        .where(mail_in.c.id == mail_id)
        .values(outcome=state, ticket_id=ticket_id, **_forgotten(ticket_id))
    )


def _forgotten(ticket_id: str | None) -> dict[str, None]:
    """Whoever has no appeal by his mail is no correspondent."""
    return {} if ticket_id is not None else {"sender_key": None}


async def overdue(connection: AsyncConnection, before: datetime, most: int) -> Sequence[str]:
    """Those that nobody has judged since then, locked; others have those that are skipped."""
    found = await connection.execute(
        select(h.id)
        .where(h.state == HELD, h.at < before)
        .order_by(h.at, h.id)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    return list(found.scalars())


async def forget_decided(connection: AsyncConnection, before: datetime) -> None:
    await connection.execute(delete(mail_held).where(h.state != HELD, h.decided_at < before))


async def waiting(connection: AsyncConnection, now: datetime) -> tuple[int, float]:
    """How many are held, and for how many seconds the one that has waited longest."""
    found = await connection.execute(select(func.count(), func.min(h.at)).where(h.state == HELD))
    count, first = found.one()
    return count, 0.0 if first is None else max((now - first) / timedelta(seconds=1), 0.0)


async def from_sender(connection: AsyncConnection, sender_key: bytes) -> Sequence[Held]:
    """Those that are held from one address, the oldest first, locked."""
    found = await connection.execute(
        select(*_COLUMNS)
        .where(h.sender_key == sender_key, h.state == HELD)
        .order_by(h.at, h.id)
        .with_for_update()
    )
    return [Held(**row._mapping) for row in found]  # noqa: SLF001 - its public name
