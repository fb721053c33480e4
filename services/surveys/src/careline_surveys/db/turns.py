"""Turns that one process has at a time, by an advisory lock of PostgreSQL.

PostgreSQL gives the lock back when the process or its connection dies, so nobody waits for a lease.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_common.db.engine import Database

LOOK_EVERY_S = 1.0


class HeldTurn:
    """A turn for as long as its connection to PostgreSQL lives."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def lost(self) -> None:
        """Returns when the connection is gone, and the lock with it."""
        try:
            while True:
                await asyncio.sleep(LOOK_EVERY_S)
                await self._connection.execute(text("SELECT 1"))
        except (DBAPIError, OSError):
            return


@asynccontextmanager
async def turn(database: Database, name: str) -> AsyncIterator[HeldTurn]:
    """Waits for the turn of this name and holds it; raises when the database is away."""
    lock = func.hashtextextended(name, 0)
    async with database.engine.connect() as pooled:
        connection = await pooled.execution_options(isolation_level="AUTOCOMMIT")
        while True:
            taken = await connection.execute(select(func.pg_try_advisory_lock(lock)))
            if taken.scalar_one():
                break
            await asyncio.sleep(LOOK_EVERY_S)
        try:
            yield HeldTurn(connection)
        finally:
            # not given back by a query: it would fail or wait where the connection is broken
            await connection.invalidate()
