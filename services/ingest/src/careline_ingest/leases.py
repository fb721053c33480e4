"""Leases: one process at a time does something, and a process that dies gives it free.

Who has one says so again every third of it, and stops at once when it is lost. No connection to the
database is held meanwhile, however long a partner hangs (docs/adr/0012).
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import TypeVar

from careline_common.db.engine import Database, is_unavailable
from careline_common.ids import Ids
from careline_ingest.db import fetches

T = TypeVar("T")
Work = Callable[[], Coroutine[None, None, T]]


class LeaseLostError(Exception):
    """Another process does this now."""


class Leases:
    """Leases by name, which are rows of `fetch`: a source's own is that of fetching it."""

    def __init__(self, database: Database, ids: Ids, lease_s: float) -> None:
        self._database = database
        self._ids = ids
        self._lease_s = lease_s

    async def alone(self, name: str, work: Work[T], *, only_due: bool = False) -> T | None:
        """Does the work while this process holds the lease; None: another has it. Raises
        `LeaseLostError`."""
        holder, lease = self._ids.new(), self._lease_s
        async with self._database.unit_of_work() as uow:
            mine = await fetches.claim(uow.connection, name, holder, lease, only_due=only_due)
        if not mine:
            return None
        try:
            return await self._renewing(name, holder, work)
        finally:
            await self._release(name, holder)

    async def _renewing(self, name: str, holder: str, work: Work[T]) -> T:
        lease = self._lease_s
        task = asyncio.create_task(work())
        try:
            while not (await asyncio.wait({task}, timeout=lease / 3))[0]:
                async with self._database.unit_of_work() as uow:
                    if not await fetches.renew(uow.connection, name, holder, lease):
                        raise LeaseLostError(name)
            return task.result()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _release(self, name: str, holder: str) -> None:
        """Where the database is away, the lease runs out by itself."""
        try:
            async with self._database.unit_of_work() as uow:
                await fetches.release(uow.connection, name, holder)
        except Exception as error:
            if not is_unavailable(error):
                raise
