"""Says which feeds are late: no new file for longer than the source allows, however it comes."""

import asyncio

import structlog

from careline_common.db.engine import Database
from careline_ingest.db import fetches
from careline_ingest.metrics import IngestMetrics
from careline_ingest.service import IngestService

log = structlog.get_logger(__name__)


class Lateness:
    def __init__(
        self, database: Database, service: IngestService, metrics: IngestMetrics, *, every_s: float
    ) -> None:
        self._database = database
        self._service = service
        self._metrics = metrics
        self._every_s = every_s
        self._late: set[str] = set()

    async def run(self) -> None:
        """Never returns."""
        while True:
            await self.round()
            await asyncio.sleep(self._every_s)

    async def round(self) -> None:
        allowed = {
            source.id: source.late_after_s
            for source in self._service.sources().values()
            if source.late_after_s is not None
        }
        for gone in self._late - allowed.keys():
            self._late.discard(gone)
            self._metrics.late(gone, yes=False)
        if not allowed:
            return
        async with self._database.unit_of_work() as uow:
            for source in allowed:
                await fetches.begin(uow.connection, source)
            ages = await fetches.last_new(uow.connection, sorted(allowed))
        for source, age in ages.items():
            self._judge(source, late=age > allowed[source])

    def _judge(self, source: str, *, late: bool) -> None:
        self._metrics.late(source, yes=late)
        if late and source not in self._late:
            log.warning("feed.late", source=source)
        (self._late.add if late else self._late.discard)(source)
