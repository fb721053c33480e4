"""Seals: what was in the whole history up to a moment, each over what came since the one before."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_tickets.db import tables
from careline_tickets.domain.history import START, sealed

h, s = tables.history.c, tables.seal.c


async def take_turn(connection: AsyncConnection) -> None:
    """One process at a time, up to the end of the transaction."""
    await connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('tickets.seal'))"))


async def last(connection: AsyncConnection) -> Row[Any] | None:
    query = select(tables.seal).order_by(s.number.desc()).limit(1)
    return (await connection.execute(query)).one_or_none()


async def every(connection: AsyncConnection) -> Sequence[Row[Any]]:
    return (await connection.execute(select(tables.seal).order_by(s.number))).all()


async def computed(
    connection: AsyncConnection, before: Row[Any] | None, until: datetime
) -> tuple[int, bytes]:
    """How many rows came after the seal `before` up to `until`, and the hash of a seal over them."""
    query = select(h.ticket_id, h.version, h.hash).where(h.at <= until)
    if before is not None:
        query = query.where(h.at > before.until)
    found = await connection.execute(query)
    # sorted here: the order of a text column is that of the database's collation, which may change
    rows = sorted((row.ticket_id, row.version, bytes(row.hash)) for row in found)
    previous = START if before is None else bytes(before.hash)
    return len(rows), sealed(previous, until, rows)


async def add(
    connection: AsyncConnection,
    before: Row[Any] | None,
    until: datetime,
    entries: int,
    hash_: bytes,
) -> None:
    number = 1 if before is None else before.number + 1
    values = {"number": number, "until": until, "entries": entries, "hash": hash_}
    await connection.execute(insert(tables.seal).values(**values))
