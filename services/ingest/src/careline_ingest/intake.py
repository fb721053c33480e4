"""Reads the files of runs into the database, batch by batch.

A batch's rows, its events and the checkpoint of the run are one transaction, so that a process that
dies anywhere leaves a run that any other can go on with. One process at a time reads a source, in
the order its files came.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

import structlog
from sqlalchemy import func, select

from careline_common.clock import Clock
from careline_common.db.engine import Database, is_unavailable
from careline_common.messaging.retry import describe
from careline_common.observability.pii import PiiHasher
from careline_ingest.adapters.spool import Spool
from careline_ingest.db import fetches, quarantines, runs
from careline_ingest.db.quarantines import Refused
from careline_ingest.db.runs import Run
from careline_ingest.domain.faults import Fault, UnreadableFileError
from careline_ingest.domain.feed import FeedSpec
from careline_ingest.domain.normalise import Parsers, storable
from careline_ingest.domain.reading import OpenFile, open_file
from careline_ingest.domain.record import identity, read_record
from careline_ingest.domain.rows import RawRow
from careline_ingest.metrics import IngestMetrics
from careline_ingest.pace import Pace
from careline_ingest.settling import GoodRow, counted, settle_rows, tell_ended

log = structlog.get_logger(__name__)

IDLE_S = 2.0


class TakenOverError(Exception):
    """Another process has gone on with this run."""


@dataclass(slots=True)
class Batch:
    """Rows that were read and not yet written."""

    last_row: int
    good: list[GoodRow] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    failure: UnreadableFileError | None = None
    """What ended the file after these rows."""

    @property
    def is_empty(self) -> bool:
        return not self.good and not self.refused


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeTools:
    """What reading a file takes."""

    database: Database
    spool: Spool
    parsers: Parsers
    hasher: PiiHasher
    metrics: IngestMetrics
    clock: Clock
    batch_rows: int
    pace: Pace


class Intake:
    """The loop that works off runs."""

    def __init__(self, tools: IntakeTools) -> None:
        self._tools = tools
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """There is a new run."""
        self._woken.set()

    async def run(self) -> None:
        """Never returns. Several may run side by side: each takes another source."""
        while True:
            self._woken.clear()
            if not await self.round():
                with suppress(TimeoutError):
                    async with asyncio.timeout(IDLE_S):
                        await self._woken.wait()

    async def round(self) -> bool:
        """Works off one run of each source that nobody else works on; False: there was none."""
        worked = False
        async with self._tools.database.read() as connection:
            sources = await runs.sources_with_work(connection)
        for source in sources:
            async with self._alone_with(source) as mine:
                worked = (mine and await self._next_of(source)) or worked
        return worked

    async def _next_of(self, source: str) -> bool:
        async with self._tools.database.read() as connection:
            run = await runs.oldest_running(connection, source)
        if run is None:
            return False
        try:
            await process(self._tools, run)
        except TakenOverError:
            log.info("run.taken_over", run=run.id, source=source)
        except Exception as error:
            if is_unavailable(error):
                raise
            log.error("run.broken", run=run.id, source=source, error=describe(error))  # noqa: TRY400 - a traceback may quote a row
            await give_up(self._tools, run, f"the file could not be taken: {type(error).__name__}")
        return True

    @asynccontextmanager
    async def _alone_with(self, source: str) -> AsyncIterator[bool]:
        """True inside when no other process reads this source. Ends with the connection, so a
        process that dies gives its sources free."""
        names = func.hashtext("ingest.source"), func.hashtext(source)
        async with self._tools.database.engine.connect() as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            try:
                mine = (
                    await connection.execute(select(func.pg_try_advisory_lock(*names)))
                ).scalar()
                yield bool(mine)
                if mine:
                    await connection.execute(select(func.pg_advisory_unlock(*names)))
            except BaseException:
                await connection.invalidate()
                raise


async def process(tools: IntakeTools, run: Run) -> None:
    """Reads a run's file from its checkpoint to its end."""
    spec = FeedSpec.of(run.spec)
    try:
        file = await _open(tools, run, spec)
    except UnreadableFileError as error:
        await _finish(tools, run, run.checkpoint, error)
        return
    except FileNotFoundError:
        await _finish(tools, run, run.checkpoint, UnreadableFileError(fetches.NOT_HERE))
        return
    log.info("run.reads", run=run.id, source=run.source, after_row=run.checkpoint)
    seen = run.checkpoint
    with closing(file.stream):
        while True:
            batch = await asyncio.to_thread(
                _read_batch,
                file,
                spec,
                seen,
                parsers=tools.parsers,
                now=tools.clock.now(),
                size=tools.batch_rows,
            )
            if not batch.is_empty:
                await _write(tools, run, spec, batch, seen)
                await tools.pace.after(len(batch.good) + len(batch.refused))
            seen = batch.last_row
            if batch.failure is not None or batch.is_empty:
                break
    await _finish(tools, run, seen, batch.failure)


async def _open(tools: IntakeTools, run: Run, spec: FeedSpec) -> OpenFile:
    """Opens a run's file in a thread, which cannot be stopped: who is stopped meanwhile closes what it opens."""
    opening = asyncio.ensure_future(
        asyncio.to_thread(open_file, partial(tools.spool.open, run.id), spec)
    )
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        await asyncio.wait([opening])
        if not opening.cancelled() and opening.exception() is None:
            opening.result().stream.close()
        raise


async def give_up(tools: IntakeTools, run: Run, reason: str) -> None:
    """Ends a run that cannot be read, wherever it stands."""
    async with tools.database.read() as connection:
        present = await runs.get(connection, run.id)
    if present is not None and present.status == "running":
        await _finish(tools, present, present.checkpoint, UnreadableFileError(reason))


def _read_batch(
    file: OpenFile, spec: FeedSpec, seen: int, *, parsers: Parsers, now: datetime, size: int
) -> Batch:
    """The next rows after `seen`, in their one spelling; runs beside the event loop."""
    batch = Batch(seen)
    try:
        for raw in file.rows:
            if raw.number <= seen:
                continue
            batch.last_row = raw.number
            found = raw.fault or read_record(
                raw.cells or {}, file.binding, spec, parsers=parsers, now=now
            )
            if isinstance(found, Fault):
                batch.refused.append(_refused(raw, found, file))
            else:
                batch.good.append(GoodRow(row=raw.number, fields=found))
            if len(batch.good) + len(batch.refused) == size:
                break
    except UnreadableFileError as error:
        batch.failure = error
    return batch


def _refused(raw: RawRow, fault: Fault, file: OpenFile) -> Refused:
    cells = None if raw.cells is None else storable(dict(raw.cells))
    assert cells is None or isinstance(cells, dict)
    return Refused(
        row=raw.number,
        fault=fault,
        external_id=identity(raw.cells, file.binding) if raw.cells is not None else None,
        cells=cells,
        raw=None if raw.raw is None else str(storable(raw.raw)),
    )


async def _write(tools: IntakeTools, run: Run, spec: FeedSpec, batch: Batch, seen: int) -> None:
    async with tools.database.unit_of_work() as uow:
        settled = await settle_rows(uow, spec, run.id, batch.good, tools.hasher)
        counts = counted(settled, quarantined=len(batch.refused))
        await quarantines.add(
            uow.connection,
            run_id=run.id,
            source=run.source,
            rows=[(uow.ids.new(), refused) for refused in batch.refused],
            at=uow.clock.now(),
        )
        if not await runs.advance(
            uow.connection, run.id, seen=seen, checkpoint=batch.last_row, more=counts
        ):
            raise TakenOverError(run.id)
        uow.after_commit(lambda: tools.metrics.rows(run.source, counts))


async def _finish(
    tools: IntakeTools, run: Run, seen: int, failure: UnreadableFileError | None
) -> None:
    status, error = ("done", None) if failure is None else ("failed", str(failure))
    async with tools.database.unit_of_work() as uow:
        at = uow.clock.now()
        if not await runs.finish(
            uow.connection, run.id, seen=seen, status=status, error=error, at=at
        ):
            raise TakenOverError(run.id)
        ended = await runs.get(uow.connection, run.id)
        assert ended is not None
        tell_ended(uow, ended)
        uow.after_commit(lambda: tools.metrics.run_ended(run.source, status, at.timestamp()))
    if failure is None:
        await asyncio.to_thread(tools.spool.remove, run.id)
    log.info("run.ended", run=run.id, source=run.source, status=status, **ended.rows.shown())
