"""Mail that came in: which was taken, to which appeal it belongs, and whose turn it is to look."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_tickets.db.mail_tables import correspondent, mail_in, mail_out, mailbox
from careline_tickets.db.tables import ticket

_SEEN = text("""
    SELECT uid FROM unnest(CAST(:uids AS bigint[])) AS there (uid)
    WHERE EXISTS (SELECT FROM tickets.mail_in AS taken
        WHERE taken.mailbox = :mailbox AND taken.validity = :validity AND taken.uid = there.uid)""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a mail lies: for ever its own, as far as its server keeps to the standard."""

    mailbox: str
    validity: int
    uid: int


async def claim(connection: AsyncConnection, mailbox_id: str, holder: str, lease_s: float) -> bool:
    """Takes the turn to look into a mailbox when it is due and nobody else has it."""
    now = func.clock_timestamp()
    until = now + func.make_interval(0, 0, 0, 0, 0, 0, lease_s)
    await connection.execute(insert(mailbox).values(id=mailbox_id).on_conflict_do_nothing())
    claimed = await connection.execute(
        update(mailbox)
        .where(
            mailbox.c.id == mailbox_id,
            mailbox.c.due_at <= now,
            or_(mailbox.c.held_until.is_(None), mailbox.c.held_until < now),
        )
        .values(holder=holder, held_until=until)
        .returning(mailbox.c.id)
    )
    return claimed.first() is not None


async def renew(connection: AsyncConnection, mailbox_id: str, holder: str, lease_s: float) -> bool:
    """Says that this process is still at it; False: another has the turn. Holds the row to the commit."""
    until = func.clock_timestamp() + func.make_interval(0, 0, 0, 0, 0, 0, lease_s)
    renewed = await connection.execute(
        update(mailbox)
        .where(mailbox.c.id == mailbox_id, mailbox.c.holder == holder)
        .values(held_until=until)
        .returning(mailbox.c.id)
    )
    return renewed.first() is not None


async def release(
    connection: AsyncConnection, mailbox_id: str, holder: str, pause_s: float, *, failed: bool
) -> None:
    """Gives the turn back; the mailbox is looked into again after a pause."""
    due_at = func.clock_timestamp() + func.make_interval(0, 0, 0, 0, 0, 0, pause_s)
    await connection.execute(
        update(mailbox)
        .where(mailbox.c.id == mailbox_id, mailbox.c.holder == holder)
        .values(
            holder=None,
            held_until=None,
            due_at=due_at,
            failures=mailbox.c.failures + 1 if failed else 0,
        )
    )


async def failures(connection: AsyncConnection, mailbox_id: str) -> int:
    """How many looks into a mailbox have failed, one after the other."""
    found = await connection.execute(select(mailbox.c.failures).where(mailbox.c.id == mailbox_id))
    return found.scalar_one_or_none() or 0


async def taken(
    connection: AsyncConnection, mailbox_id: str, validity: int, uids: Collection[int]
) -> set[int]:
    """Which of these have been taken and wait only to be moved."""
    found = await connection.execute(
        _SEEN, {"uids": list(uids), "mailbox": mailbox_id, "validity": validity}
    )
    return set(found.scalars())


async def note(
    connection: AsyncConnection,
    mail_id: str,
    place: Place,
    *,
    identity: bytes | None,
    message_key: bytes | None,
    sender_key: bytes | None,
    outcome: str,
    at: datetime,
) -> bool:
    """Marks a mail as taken; False where its place or its identity is known, and nothing is written."""
    noted = await connection.execute(
        insert(mail_in)
        .values(
            id=mail_id,
            mailbox=place.mailbox,
            validity=place.validity,
            uid=place.uid,
            identity=identity,
            message_key=message_key,
            sender_key=sender_key,
            outcome=outcome,
            at=at,
        )
        .on_conflict_do_nothing()
        .returning(mail_in.c.id)
    )
    return noted.first() is not None


async def settle(
    connection: AsyncConnection, mail_id: str, outcome: str, ticket_id: str | None
) -> None:
    await connection.execute(
        update(mail_in).where(mail_in.c.id == mail_id).values(outcome=outcome, ticket_id=ticket_id)
    )


async def count_from(connection: AsyncConnection, sender_key: bytes, since: datetime) -> int:
    """How many mails of one sender were taken since then."""
    found = await connection.execute(
        select(func.count()).where(mail_in.c.sender_key == sender_key, mail_in.c.at >= since)
    )
    return found.scalar_one()


async def by_number(connection: AsyncConnection, number: str) -> str | None:
    """The id of the appeal with this number."""
    found = await connection.execute(select(ticket.c.id).where(ticket.c.number == number))
    return found.scalar_one_or_none()


async def answered(
    connection: AsyncConnection, message_keys: Sequence[bytes], sender_key: bytes | None
) -> str | None:
    """The appeal that a reply belongs to, by the mails it names: mails of ours, whose names nobody can
    guess, or mails of the same sender."""
    ours = select(mail_out.c.ticket_id, mail_out.c.created_at.label("at")).where(
        mail_out.c.message_key.in_(message_keys), mail_out.c.ticket_id.is_not(None)
    )
    his: Select[tuple[str | None, datetime]] = select(mail_in.c.ticket_id, mail_in.c.at).where(
        mail_in.c.message_key.in_(message_keys),
        mail_in.c.sender_key == (sender_key or b""),  # nobody is not the same as nobody else
        mail_in.c.ticket_id.is_not(None),
    )
    both = ours.union_all(his).subquery()
    found = await connection.execute(select(both.c.ticket_id).order_by(both.c.at.desc()).limit(1))
    return found.scalar_one_or_none()


async def last_of(connection: AsyncConnection, address_key: bytes) -> str | None:
    """The newest appeal of a correspondent; ids sort by time."""
    found = await connection.execute(
        select(correspondent.c.ticket_id)
        .where(correspondent.c.address_key == address_key)
        .order_by(correspondent.c.ticket_id.desc())
        .limit(1)
    )
    return found.scalar_one_or_none()
