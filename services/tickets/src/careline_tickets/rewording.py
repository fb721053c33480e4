"""Words for texts that were written before the search knew any, or meanwhile by a process of an older version.

It runs beside the work of a service that serves already: nobody waits while a journal of years is gone through.
"""

import asyncio

import structlog

from careline_common.db.engine import Database
from careline_tickets.db.unworded import give_words

log = structlog.get_logger(__name__)

AT_A_TIME = 100
REST_S = 0.2
"""Between two batches, so that callers and agents go first."""
LOOK_EVERY_S = 24 * 3600.0


async def reword(database: Database, *, at_a_time: int = AT_A_TIME, rest_s: float = REST_S) -> int:
    """Gives words to all appeals that have a text and none, the newest first; returns how many."""
    given, before = 0, None
    while True:
        async with database.unit_of_work() as uow:
            done = await give_words(uow.connection, before=before, most=at_a_time)
        if not done:
            return given
        given, before = given + len(done), done[-1]
        await asyncio.sleep(rest_s)


async def keep_rewording(database: Database) -> None:
    """Every day, until cancelled."""
    while True:
        given = await reword(database)
        if given:
            log.info("wording.completed", appeals=given)
        await asyncio.sleep(LOOK_EVERY_S)
