"""How appeals stand: by the call that they came out of (whose they are only its contact tells), and by tracking code."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import and_, bindparam, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_router.db.tables import appeal, call_contact
from careline_router.ports import Appeals

OVER = ("closed", "merged")
MOST = 100
"""Of one number; a switchboard may have more, and nobody has them read to him."""


async def keep(connection: AsyncConnection, versions: Sequence[Mapping[str, Any]]) -> None:
    """Keeps versions of appeals, each unless a later one is known; of two that are as late, the one that is over.
    All tell of the same columns."""
    statement = insert(appeal)
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=["ticket_id"],
            set_={name: statement.excluded[name] for name in versions[0] if name != "ticket_id"},
            where=or_(
                appeal.c.sequence < statement.excluded.sequence,
                and_(
                    appeal.c.sequence == statement.excluded.sequence,
                    or_(*(statement.excluded.status == over for over in OVER)),
                ),
            ),
        ),
        [dict(version) for version in versions],
    )


_KEEP_CODE = (
    update(appeal)
    .where(appeal.c.ticket_id == bindparam("ticket"))
    .values(code_lookup=bindparam("code"))
)


async def keep_codes(connection: AsyncConnection, codes: Mapping[str, str]) -> None:
    """By what each appeal is found that is known already; that never changes."""
    found = [{"ticket": ticket_id, "code": code} for ticket_id, code in codes.items()]
    await connection.execute(_KEEP_CODE, found)


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
