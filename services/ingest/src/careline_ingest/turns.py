"""Each source has a task of its own, so that one partner who hangs never delays another.

Several processes may run side by side: who fetches a source holds its lease in the database, says
so again every third of it, and stops at once when the lease is lost. A process that dies gives its
sources free when the lease runs out. Even a fetch that went on beyond its lease would do nothing
twice: the same bytes are one run.
"""

import asyncio
from datetime import datetime, timedelta

import structlog

from careline_common.db.engine import Database
from careline_common.ids import Ids
from careline_ingest.config import SourceEntry
from careline_ingest.db import fetches, replies
from careline_ingest.fetching import Fetching, Visit
from careline_ingest.leases import LeaseLostError, Leases, Work
from careline_ingest.metrics import IngestMetrics
from careline_ingest.ports import NotTrustedError, Span
from careline_ingest.problems import FetchRunning, NoPast
from careline_ingest.schedule import next_time, retry_after
from careline_ingest.service import Accepted, IngestService
from careline_ingest.settings import IngestSettings

log = structlog.get_logger(__name__)

WAIT_FOR_LEASE_S = 10.0


class Turns:
    """Decides when a source is fetched, and that one process does it."""

    def __init__(
        self,
        *,
        database: Database,
        service: IngestService,
        fetching: Fetching,
        metrics: IngestMetrics,
        settings: IngestSettings,
        ids: Ids,
    ) -> None:
        self._database = database
        self._service = service
        self._fetching = fetching
        self._metrics = metrics
        self._settings = settings
        self._leases = Leases(database, ids, settings.ingest_lease_s)

    async def watch(self, source_id: str) -> None:
        """Fetches a source whenever it is due. Never returns."""
        while True:
            await self.turn(self._service.source(source_id))
            await asyncio.sleep(self._settings.ingest_poll_s)

    async def turn(self, source: SourceEntry) -> None:
        """Fetches a source if it is due and nobody does; else delivers answers that are due."""
        if not source.is_fetched:
            return
        state = await self._state(source)
        since = state.good_at or state.since
        self._metrics.fetch_age(source.id, (state.now - since).total_seconds())
        self._metrics.stopped(source.id, yes=state.stopped is not None)
        if state.held or state.stopped is not None:
            return
        try:
            if state.is_due and not state.paused:
                await self._leases.alone(source.id, lambda: self._visit(source), only_due=True)
            elif await self._has_answers(source):
                await self._leases.alone(source.id, lambda: self._fetching.deliver(source))
        except LeaseLostError:
            log.warning("fetch.taken_over", source=source.id)

    async def run_now(self, source: SourceEntry) -> list[Accepted]:
        """Fetches at once, whatever the schedule says. Raises 409 when it is being fetched."""
        return await self._now(source, lambda: self._visit(source))

    async def backfill(self, source: SourceEntry, span: Span) -> list[Accepted]:
        """Fetches a part of the past; what was fetched of it before is doubled by nothing. Raises
        409 when the source is being fetched, and where its server cannot be asked for the past."""
        if not can_backfill(source):
            raise NoPast("ask the partner for the files of that time and send them to this source")
        return await self._now(source, lambda: self._past(source, span))

    async def _now(self, source: SourceEntry, work: Work[Visit]) -> list[Accepted]:
        await self._state(source)
        deadline = asyncio.get_running_loop().time() + WAIT_FOR_LEASE_S
        while asyncio.get_running_loop().time() < deadline:
            visit = await self._leases.alone(source.id, work)
            if visit is not None:
                return visit.accepted or [await self._service.note_nothing(source)]
            await asyncio.sleep(self._settings.ingest_settle_s)
        raise FetchRunning("wait until it has ended")

    async def _state(self, source: SourceEntry) -> fetches.State:
        """A source that is new or was changed is fetched at once, unless it has a schedule."""
        version = self._service.version(source)
        async with self._database.read() as connection:
            state = await fetches.state(connection, source.id)
        if state is not None and state.config_version == version:
            return state
        async with self._database.unit_of_work() as uow:
            await fetches.begin(uow.connection, source.id)
            now = (await fetches.needed(uow.connection, source.id)).now
            planned = _scheduled(source, now)
            await fetches.plan(uow.connection, source.id, config_version=version, next_at=planned)
            return await fetches.needed(uow.connection, source.id)

    async def _has_answers(self, source: SourceEntry) -> bool:
        if source.answers is None:
            return False
        async with self._database.read() as connection:
            return bool(await replies.due(connection, source.id, 1))

    async def _past(self, source: SourceEntry, span: Span) -> Visit:
        """A part of the past: when the next regular fetch is, is not its business."""
        visit = await self._fetching.visit(source, span)
        if isinstance(visit.failure, NotTrustedError):
            async with self._database.unit_of_work() as uow:
                await fetches.stop(uow.connection, source.id, str(visit.failure))
            log.error("fetch.stopped", source=source.id, reason=str(visit.failure))
        return visit

    async def _visit(self, source: SourceEntry) -> Visit:
        visit = await self._fetching.visit(source)
        async with self._database.unit_of_work() as uow:
            state = await fetches.needed(uow.connection, source.id)
            next_at = self._next(source, state, visit)
            stopped = str(visit.failure) if isinstance(visit.failure, NotTrustedError) else None
            await fetches.ended(
                uow.connection,
                source.id,
                next_at=next_at,
                good=visit.failure is None,
                stopped=stopped,
            )
        if stopped is not None:
            log.error("fetch.stopped", source=source.id, reason=stopped)
        return visit

    def _next(self, source: SourceEntry, state: fetches.State, visit: Visit) -> datetime:
        if visit.failure is not None:
            pause = retry_after(state.failures + 1, self._settings.ingest_retry_s)
            asked = timedelta(seconds=visit.failure.retry_after_s or 0)
            return state.now + max(pause, asked)
        regular = timedelta(seconds=source.every_s or self._settings.ingest_fetch_s)
        return _scheduled(source, state.now) or state.now + regular


def can_backfill(source: SourceEntry) -> bool:
    """Whether the server of a source can be asked for a part of the past."""
    since = source.paging is not None and source.paging.mode == "since"
    return source.is_fetched and (source.kind == "open311" or (source.kind == "portal" and since))


def _scheduled(source: SourceEntry, now: datetime) -> datetime | None:
    return None if source.schedule is None else next_time(source.schedule, source.zone, now)
