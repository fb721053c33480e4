"""How appeals stand: by the call that they came out of (whose they are only its contact tells), and by tracking code."""

from typing import Any

from sqlalchemy import and_, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_router.db.tables import appeal, call_contact
from careline_router.ports import Appeals

OVER = ("closed", "merged")
MOST = 100
"""Of one number; a switchboard may have more, and nobody has them read to him."""


async def keep(connection: AsyncConnection, ticket_id: str, **values: Any) -> None:
    """Keeps a version of an appeal, unless a later one is known; of two that are as late, the one that is over."""
    statement = insert(appeal).values(ticket_id=ticket_id, **values)
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=["ticket_id"],
            set_={name: statement.excluded[name] for name in values},
            where=or_(
                appeal.c.sequence < statement.excluded.sequence,
                and_(
                    appeal.c.sequence == statement.excluded.sequence,
                    statement.excluded.status.in_(OVER),
                ),
            ),
        )
    )


async def keep_code(connection: AsyncConnection, ticket_id: str, code_lookup: str) -> None:
    """By what an appeal is found that is known already; that never changes."""
    await connection.execute(
        update(appeal).where(appeal.c.ticket_id == ticket_id).values(code_lookup=code_lookup)
    )


async def of_code(connection: AsyncConnection, code_lookup: str) -> str | None:
    """How the appeal with this tracking code stands. None for no code, and for one that two have: as they are keyed,
    codes are not quite unique."""
    found = await connection.execute(
        select(appeal.c.status).where(appeal.c.code_lookup == code_lookup).limit(2)
    )
    rows = found.all()
    return rows[0].status if len(rows) == 1 else None


async def of_person(connection: AsyncConnection, lookup_hmac: bytes) -> Appeals:
    """The appeals of all calls from a number: how many are open, how the last stands, who has the last open."""
    found = await connection.execute(
        select(appeal.c.status, appeal.c.owner)
        .join(call_contact, call_contact.c.call_id == appeal.c.call_id)
        .where(call_contact.c.lookup_hmac == lookup_hmac)
        .order_by(appeal.c.updated_at.desc(), appeal.c.ticket_id)
        .limit(MOST)
    )
    rows = found.all()
    still_open = [row for row in rows if row.status not in OVER]
    return Appeals(
        open=len(still_open),
        last=rows[0].status if rows else None,
        owner=next((row.owner for row in still_open if row.owner is not None), None),
    )
