"""The leader deletes what has been kept long enough."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy.ext.asyncio import AsyncConnection

from careline_common.clock import Clock
from careline_common.db.engine import Database
from careline_router.db import forgetting
from careline_router.runtime.lease import FloorLease

EVERY_S = 300.0
MOST_AT_ONCE = 5_000
COMMANDS_KEPT = timedelta(days=1)

Forget = Callable[..., Awaitable[int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """How long things are kept. A day can be played again as long as its journal is there."""

    messages: timedelta = timedelta(hours=1)
    journal: timedelta = timedelta(days=30)
    decisions: timedelta = timedelta(days=90)


class Purging:
    """Deletes every five minutes, in transactions that are this leader's."""

    def __init__(
        self, *, database: Database, lease: FloorLease, clock: Clock, floor_id: str, kept: Kept
    ) -> None:
        self._database = database
        self._lease = lease
        self._clock = clock
        self._what: tuple[tuple[Forget, timedelta], ...] = (
            (forgetting.forget_messages, kept.messages),
            (forgetting.forget_commands, COMMANDS_KEPT),
            (forgetting.forget_decisions, kept.decisions),
            (forgetting.forget_steps, kept.decisions),
            (partial(_forget_journal, floor_id), kept.journal),
        )

    async def run(self) -> None:
        """Goes on until cancelled; raises `DeposedError` when another process leads."""
        while True:
            await self.purge()
            await asyncio.sleep(EVERY_S)

    async def purge(self) -> None:
        """Deletes all that is old now."""
        now = self._clock.now()
        for forget, kept in self._what:
            while await self._part(forget, now - kept) == MOST_AT_ONCE:
                continue

    async def _part(self, forget: Forget, before: datetime) -> int:
        async with self._database.unit_of_work() as uow:
            await self._lease.check(uow.connection)
            return await forget(uow.connection, before, most=MOST_AT_ONCE)


async def _forget_journal(
    floor_id: str, connection: AsyncConnection, before: datetime, *, most: int
) -> int:
    return await forgetting.forget_journal(connection, floor_id, before, most=most)
