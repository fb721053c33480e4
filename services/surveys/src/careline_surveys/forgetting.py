"""Keys of callers go once no repeat call can come to light any more, and calls when no report asks."""

import asyncio
from datetime import datetime, timedelta

from careline_common.clock import Clock
from careline_common.db.engine import Database
from careline_surveys.db import contacts

EVERY_S = 3600.0
AT_ONCE = 2000


async def forget_callers(database: Database, clock: Clock, kept: timedelta) -> None:
    """Once an hour, in parts, so that nobody waits for it; `kept` is how long calls are counted."""
    while True:
        while await _forget(database, clock.now()) == AT_ONCE:
            pass
        while await _delete(database, clock.now() - kept) == AT_ONCE:
            pass
        await asyncio.sleep(EVERY_S)


async def _forget(database: Database, now: datetime) -> int:
    async with database.unit_of_work() as uow:
        return await contacts.forget_old(uow.connection, now, AT_ONCE)


async def _delete(database: Database, before: datetime) -> int:
    async with database.unit_of_work() as uow:
        return await contacts.delete_old(uow.connection, before, AT_ONCE)
