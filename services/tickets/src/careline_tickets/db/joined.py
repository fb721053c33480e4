"""Appeals that were merged or go on in others, and whose each of them is.

A citizen is who is told: by the address from which he wrote mail, else by his number. Two appeals without either are
never one person's.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_HIS_NEWEST = text("""
    WITH RECURSIVE linked AS (
        SELECT id, followed_by, merged_into FROM tickets.ticket WHERE id = :id
        UNION
        SELECT t.id, t.followed_by, t.merged_into FROM linked
        JOIN tickets.ticket t ON t.id IN (linked.followed_by, linked.merged_into) OR t.follows = linked.id
    )
    SELECT id FROM linked JOIN tickets.ticket t USING (id)
    LEFT JOIN tickets.person p ON p.ticket_id = id
    LEFT JOIN tickets.correspondent c ON c.ticket_id = id
    WHERE p.phone_key = CAST(:phone_key AS bytea) OR c.address_key = CAST(:address_key AS bytea)
    ORDER BY t.status IN ('closed', 'merged'), id DESC LIMIT 1""")

_CONTACT = """
    SELECT coalesce(c.address_key, p.phone_key) FROM (VALUES ({id})) AS one (id)
    LEFT JOIN tickets.correspondent c ON c.ticket_id = one.id
    LEFT JOIN tickets.person p ON p.ticket_id = one.id"""

_OF_OTHERS = text(f"""
    WITH RECURSIVE merged AS (
        SELECT id FROM tickets.ticket WHERE merged_into = :id
        UNION
        SELECT t.id FROM merged JOIN tickets.ticket t ON t.merged_into = merged.id
    )
    SELECT id FROM (SELECT id, ({_CONTACT.format(id="merged.id")}) AS contact FROM merged) AS each
    WHERE contact IS NOT NULL AND contact IS DISTINCT FROM ({_CONTACT.format(id=":id")})
    ORDER BY id""")  # noqa: S608 - our own text

_STANDING = text(f"""
    WITH RECURSIVE up AS (
        SELECT id, merged_into, status FROM tickets.ticket WHERE id = :id
        UNION
        SELECT t.id, t.merged_into, t.status FROM up JOIN tickets.ticket t ON t.id = up.merged_into
    )
    SELECT id, status <> 'closed' AS open,
           coalesce(({_CONTACT.format(id="up.id")}) = ({_CONTACT.format(id=":id")}), false) AS his
    FROM up WHERE merged_into IS NULL""")  # noqa: S608 - our own text


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """`his`: whether who is told of it is who is told of the appeal that it stands for."""

    id: str
    open: bool
    his: bool


async def his_newest(
    connection: AsyncConnection,
    ticket_id: str,
    *,
    phone_key: bytes | None = None,
    address_key: bytes | None = None,
) -> str | None:
    """The newest appeal of one citizen among this one, those that go on from it and those that stand for it; open
    ones before those that have ended. Ids sort by time."""
    keys = {"phone_key": phone_key, "address_key": address_key}
    found = await connection.execute(_HIS_NEWEST, {"id": ticket_id, **keys})
    return found.scalar_one_or_none()


async def of_others(connection: AsyncConnection, ticket_id: str) -> Sequence[str]:
    """The appeals that one stands for whose citizens can be told and are not who is told of that one."""
    found = await connection.execute(_OF_OTHERS, {"id": ticket_id})
    return list(found.scalars())


async def standing_for(connection: AsyncConnection, ticket_id: str) -> Standing:
    """The appeal that stands for one that was merged, at the end of the chain."""
    row = (await connection.execute(_STANDING, {"id": ticket_id})).one()
    return Standing(id=row.id, open=row.open, his=row.his)
