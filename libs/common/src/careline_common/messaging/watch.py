"""Keeps an eye on a service's messaging: readiness, gauges, and rows that have had their time."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

import structlog
from sqlalchemy import delete, func, select

from careline_common.clock import Clock
from careline_common.db.engine import Database, is_unavailable, service_metadata
from careline_common.db.tables import inbox_table, outbox_table
from careline_common.http.health import Readiness
from careline_common.messaging.metrics import MessagingMetrics
from careline_common.messaging.transport import Transport, TransportUnavailableError

log = structlog.get_logger(__name__)

LOOK_S = 1.0
SETTLING_LOOK_S = 0.05
"""While the broker is there and some consumer has not got its queue yet, which takes milliseconds."""
GAUGES_S = 10.0
PURGE_S = 3600.0

OUTBOX_KEPT = timedelta(hours=24)
"""Published events may hold contact numbers (docs/adr/0005)."""
INBOX_KEPT = timedelta(days=30)
"""As long as a parked message can come back, its inbox row has to be there."""


class Watch:
    """One a service and process; everything it does may be done twice."""

    def __init__(
        self,
        database: Database,
        transport: Transport,
        consumers: Sequence[str],
        *,
        clock: Clock,
        readiness: Readiness,
        metrics: MessagingMetrics,
    ) -> None:
        self._database = database
        self._transport = transport
        self._consumers = consumers
        self._clock = clock
        self._readiness = readiness
        self._metrics = metrics
        metadata = service_metadata(database.schema)
        self._outbox = outbox_table(metadata)
        self._inbox = inbox_table(metadata)

    async def run(self) -> None:
        """Runs until cancelled."""
        gauges_at = purge_at = self._clock.monotonic()
        while True:
            now = self._clock.monotonic()
            again_s = await self.look()
            if now >= gauges_at:
                await self._unless_away("gauges", self.measure)
                gauges_at = now + GAUGES_S
            if now >= purge_at:
                await self._unless_away("purge", self.purge)
                purge_at = now + PURGE_S
            await asyncio.sleep(again_s)

    async def _unless_away(self, what: str, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except Exception as error:
            if not (isinstance(error, TransportUnavailableError) or is_unavailable(error)):
                raise
            log.info("watch.postponed", what=what, service=self._database.schema)

    async def look(self) -> float:
        """Tells readiness whether the transport is there and every consumer has its queue. Returns after
        how many seconds to look again."""
        try:
            async with asyncio.timeout(10 * LOOK_S):
                await self._transport.open()
        except Exception as error:  # noqa: BLE001 - whatever it is, the broker is not there
            self._readiness.unmet("broker", f"{type(error).__name__}: {error}")
            return LOOK_S
        idle = [name for name in self._consumers if not self._transport.consuming(name)]
        if idle:
            self._readiness.unmet("broker", f"not consuming: {', '.join(idle)}")
            return SETTLING_LOOK_S
        self._readiness.met("broker")
        return LOOK_S

    async def measure(self) -> None:
        """Sets the gauges of outbox and queues."""
        outbox = self._outbox
        async with self._database.read() as connection:
            count, oldest = (
                await connection.execute(
                    select(func.count(), func.min(outbox.c.created_at)).where(
                        outbox.c.published_at.is_(None)
                    )
                )
            ).one()
        age = (self._clock.now() - oldest).total_seconds() if oldest else 0.0
        self._metrics.unpublished.set(count)
        self._metrics.oldest_age.set(age)
        for consumer, depth in (await self._transport.depths(self._consumers)).items():
            self._metrics.depth(consumer, waiting=depth.waiting, parked=depth.parked)

    async def purge(self) -> None:
        """Deletes published events and inbox rows that are older than they may be."""
        now = self._clock.now()
        async with self._database.unit_of_work() as uow:
            published = await uow.connection.execute(
                delete(self._outbox).where(self._outbox.c.published_at < now - OUTBOX_KEPT)
            )
            consumed = await uow.connection.execute(
                delete(self._inbox).where(self._inbox.c.processed_at < now - INBOX_KEPT)
            )
        log.info(
            "messaging.purged",
            service=self._database.schema,
            outbox=published.rowcount,
            inbox=consumed.rowcount,
        )
