"""What people have to do, and who is at work."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_tickets.db import tables
from careline_tickets.db.reading import OPEN

AT_WORK = ("ready", "reserved", "talking", "wrap_up")
"""The router's states of an agent who is there."""


async def loads(connection: AsyncConnection, users: Sequence[str]) -> dict[str, int]:
    """How many open appeals each of these has; who is missing has none."""
    owner = tables.ticket.c.owner
    found = await connection.execute(
        select(owner, func.count()).where(owner.in_(users), OPEN).group_by(owner)
    )
    return {row[0]: row[1] for row in found}


async def present(connection: AsyncConnection, users: Sequence[str]) -> frozenset[str]:
    """Which of these the router has last seen at work."""
    columns = tables.presence.c
    found = await connection.execute(
        select(columns.agent).where(columns.agent.in_(users), columns.state.in_(AT_WORK))
    )
    return frozenset(found.scalars())


async def state_of(connection: AsyncConnection, user: str) -> str | None:
    """The state in which the router has last seen somebody, None when it never did."""
    columns = tables.presence.c
    state: str | None = await connection.scalar(select(columns.state).where(columns.agent == user))
    return state


async def note_state(
    connection: AsyncConnection, *, agent: str, state: str, since: datetime, sequence: int
) -> None:
    """Keeps the newest state by the router's sequence; what is older is no news."""
    values = {"state": state, "since": since, "sequence": sequence}
    row = insert(tables.presence).values(agent=agent, **values)
    await connection.execute(
        row.on_conflict_do_update(
            index_elements=["agent"],
            set_=values,
            where=tables.presence.c.sequence < row.excluded.sequence,
        )
    )
