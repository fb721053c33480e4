"""Snapshots of the floor: written beside its work, so that nobody waits for one."""

import asyncio
from contextlib import suppress

import structlog

from careline_common.clock import Clock
from careline_common.db.engine import Database
from careline_common.observability.errors import describe
from careline_router.db import repository
from careline_router.domain.floor import Floor
from careline_router.domain.snapshot import Snapshot
from careline_router.runtime.codec import pack, snapshot_parts
from careline_router.runtime.lease import DeposedError, FloorLease

log = structlog.get_logger(__name__)

LEAST_EVENTS = 20_000
EVENTS_A_THING = 2


class Snapshots:
    """Decides when a floor's next snapshot is due, and writes it. `seq` is where the last one stands in
    the journal."""

    def __init__(
        self, *, database: Database, lease: FloorLease, clock: Clock, floor_id: str
    ) -> None:
        self.seq = 0
        self._database = database
        self._lease = lease
        self._clock = clock
        self._floor_id = floor_id
        self._tried = 0
        self._writing: asyncio.Task[None] | None = None

    def consider(self, floor: Floor, seq: int) -> None:
        """Begins a snapshot if one is due of `floor`, which stands at `seq` in the journal.

        A large floor gets them less often: so long that reading the journal after the last one takes
        about as long as reading that one.
        """
        size = len(floor.calls) + len(floor.agents)
        due = max(self.seq, self._tried) + max(LEAST_EVENTS, EVENTS_A_THING * size)
        if seq >= due and (self._writing is None or self._writing.done()):
            self._tried = seq
            self._writing = asyncio.create_task(self._try_to_write(floor.snapshot(), seq))

    async def stop(self) -> None:
        """Ends the one that is being written."""
        if self._writing is not None:
            self._writing.cancel()
            with suppress(asyncio.CancelledError):
                await self._writing

    async def _try_to_write(self, snapshot: Snapshot, seq: int) -> None:
        try:
            await self.write(snapshot, seq)
        except DeposedError:
            return  # the next commit says so to whoever has to know
        except Exception as error:  # noqa: BLE001 - without it the journal is only longer to read
            log.error("floor.snapshot_failed", error=describe(error))  # noqa: TRY400 - may quote data

    async def write(self, snapshot: Snapshot, seq: int) -> None:
        """Puts a snapshot in the place of the last one; raises `DeposedError`."""
        pieces = pack(snapshot_parts(snapshot))
        data = bytearray()
        while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
            data += piece
        async with self._database.unit_of_work() as uow:
            await self._lease.check(uow.connection)
            await repository.write_snapshot(
                uow.connection, self._floor_id, seq=seq, at=self._clock.now(), data=bytes(data)
            )
        self.seq = seq
