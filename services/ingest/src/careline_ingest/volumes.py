"""Watches what feeds bring against what they should, and says how a source is."""

import asyncio
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from careline_common.clock import Clock
from careline_common.db.engine import Database, is_unavailable
from careline_ingest.config import SourceEntry
from careline_ingest.db import fetches, health, ledger
from careline_ingest.domain import volume
from careline_ingest.domain.volume import PROBLEMS, Day, Problem, Verdict
from careline_ingest.metrics import IngestMetrics
from careline_ingest.service import IngestService

log = structlog.get_logger(__name__)

DAYS_SHOWN = 28


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How a source is. `problems` are those of its volume, with `late`, `stopped`, `paused`, `failing`
    and `refused`."""

    source: SourceEntry
    problems: tuple[str, ...]
    facts: Mapping[str, Any]
    days: tuple[Verdict, ...]
    """Newest first."""


class Volumes:
    def __init__(
        self,
        *,
        database: Database,
        service: IngestService,
        metrics: IngestMetrics,
        clock: Clock,
        every_s: float,
    ) -> None:
        self._database = database
        self._service = service
        self._metrics = metrics
        self._clock = clock
        self._every_s = every_s
        self._known: dict[str, frozenset[Problem]] = {}

    async def run(self) -> None:
        """Never returns."""
        while True:
            try:
                await self.round()
            except Exception as error:
                if not is_unavailable(error):
                    raise
            await asyncio.sleep(self._every_s)

    async def round(self) -> None:
        """Judges every source once."""
        sources = self._service.sources()
        for gone in self._known.keys() - sources.keys():
            del self._known[gone]
            self._metrics.forget_volume(gone, PROBLEMS)
        async with self._database.read() as connection:
            refused = await ledger.refused(connection)
        for source in sources.values():
            self._metrics.refused(source.id, refused.get(source.id, 0))
            found = self._problems(source, await self._days(source))
            for problem in PROBLEMS:
                self._metrics.volume(source.id, problem, yes=problem in found)
            for problem in found - self._known.get(source.id, frozenset()):
                log.warning("feed.volume", source=source.id, problem=problem)
            self._known[source.id] = found

    async def health(self, source: SourceEntry) -> Health:
        days = await self._days(source)
        async with self._database.read() as connection:
            facts = await health.facts(connection, source.id)
            ages = await fetches.last_new(connection, [source.id])
        known, today = volume.by_date(days), self._clock.now().astimezone(self._zone(source)).date()
        shown = tuple(
            volume.judge(source.expectation, known, today - timedelta(days=back), over=back > 0)
            for back in range(DAYS_SHOWN)
        )
        problems: list[str] = [*sorted(self._problems(source, days))]
        states = {
            "late": ages.get(source.id, 0.0) > (source.late_after_s or math.inf),
            "stopped": facts["stopped"] is not None,
            "paused": facts["paused_at"] is not None,
            "failing": bool(facts["failures"]),
            "refused": facts["notices_refused"] > 0,
        }
        problems += [name for name, holds in states.items() if holds]
        return Health(source=source, problems=tuple(problems), facts=facts, days=shown)

    async def _days(self, source: SourceEntry) -> list[Day]:
        async with self._database.read() as connection:
            return await health.days(connection, source.id, source.zone)

    def _problems(self, source: SourceEntry, days: list[Day]) -> frozenset[Problem]:
        now = self._clock.now().astimezone(self._zone(source))
        return volume.problems_of(source.expectation, volume.by_date(days), now.date(), now.time())

    def _zone(self, source: SourceEntry) -> ZoneInfo:
        return ZoneInfo(source.zone)
