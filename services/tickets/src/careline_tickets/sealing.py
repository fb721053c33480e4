"""Seals the history from time to time, so that an appeal cannot be gone with all that was written of it."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import structlog

from careline_common.db.engine import Database
from careline_tickets.db import seals

log = structlog.get_logger(__name__)

EVERY = timedelta(hours=1)
LAG = timedelta(hours=1)
"""So far back a seal reaches at the most: what a slow transaction or a slow clock brings later would break it."""
LOOK_EVERY_S = 60.0


async def seal_due(database: Database) -> bool:
    """Seals what has been written since the last seal, if that is long enough ago; False when nothing was."""
    async with database.unit_of_work() as uow:
        await seals.take_turn(uow.connection)
        before, until = await seals.last(uow.connection), uow.clock.now() - LAG
        if before is not None and until - before.until < EVERY:
            return False
        entries, hash_ = await seals.computed(uow.connection, before, until)
        if not entries:
            return False
        await seals.add(uow.connection, before, until, entries, hash_)
    log.info("history.sealed", until=until.isoformat(), entries=entries, hash=hash_.hex())
    return True


def sealing(database: Database) -> Callable[[], Awaitable[None]]:
    async def seal() -> None:
        while True:
            await seal_due(database)
            await asyncio.sleep(LOOK_EVERY_S)

    return seal
