"""Reads the files of runs into the database, batch by batch.

A batch's rows, its events and the checkpoint of the run are one transaction, so that a process that
dies anywhere leaves a run that any other can go on with. One process at a time reads a source, in
the order its files came.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import ParamSpec, TypeVar

import structlog
from sqlalchemy import func, select

from careline_common.clock import Clock
from careline_common.db.engine import Database, is_unavailable
from careline_common.db.unit_of_work import UnitOfWork
from careline_common.messaging.retry import describe
from careline_common.observability.pii import PiiHasher
from careline_ingest.adapters.child_reader import ChildReader
from careline_ingest.adapters.spool import Spool
from careline_ingest.batches import Reader, RowReader, alone
from careline_ingest.db import fetches, quarantines, records, runs
from careline_ingest.db.runs import Run
from careline_ingest.domain.faults import UnreadableFileError
from careline_ingest.domain.feed import FeedSpec
from careline_ingest.domain.normalise import Parsers
from careline_ingest.domain.reading import Readers, open_file
from careline_ingest.domain.taking import Batch, Taken
from careline_ingest.metrics import IngestMetrics
from careline_ingest.pace import Pace
from careline_ingest.settling import counted, settle_rows, tell_ended

log = structlog.get_logger(__name__)

IDLE_S = 2.0
SAMPLE = 100
"""Of so many rows of a batch it is asked first whether any is known."""

P = ParamSpec("P")
T = TypeVar("T")


class TakenOverError(Exception):
    """Another process has gone on with this run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeTools:
    """What reading a file takes."""

    database: Database
    spool: Spool
    parsers: Parsers
    readers: Readers
    hasher: PiiHasher
    metrics: IngestMetrics
    clock: Clock
    batch_rows: int
    pace: Pace
    alone_bytes: int
    """A file that is larger is read by a process of its own."""


@dataclass(slots=True)
class Prepared:
    """A batch that is ready to be written: rows of the numbers `same` are certainly as they were."""

    batch: Batch
    same: Sequence[int]
    taken: Taken


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
        reader = await _opened(tools, run.id, spec)
    except UnreadableFileError as error:
        await _finish(tools, run, run.checkpoint, error)
        return
    except FileNotFoundError:
        await _finish(tools, run, run.checkpoint, UnreadableFileError(fetches.NOT_HERE))
        return
    log.info("run.reads", run=run.id, source=run.source, after_row=run.checkpoint)
    seen, failure = await _read_all(tools, run, spec, reader)
    await _finish(tools, run, seen, failure)


async def _read_all(
    tools: IntakeTools, run: Run, spec: FeedSpec, reader: RowReader
) -> tuple[int, UnreadableFileError | None]:
    """Writes batch after batch; the next is prepared while one is written. Returns the last row that was
    taken, and what ended the file before its end."""
    seen, before = run.checkpoint, frozenset[str | None]()
    ahead = asyncio.create_task(_prepare(tools, run, reader, seen, before))
    try:
        while True:
            prepared = await ahead
            batch = prepared.batch
            if not batch.numbers:
                return seen, batch.failure
            if batch.failure is None:
                before = frozenset(batch.external_ids)
                ahead = asyncio.create_task(_prepare(tools, run, reader, batch.last_row, before))
            seen, failure = await _write(tools, run, spec, prepared, seen)
            await tools.pace.after(len(batch.numbers))
            if failure is not None:
                return seen, failure
    finally:
        ahead.cancel()
        await asyncio.gather(ahead, return_exceptions=True)
        await asyncio.to_thread(reader.close)


async def _prepare(
    tools: IntakeTools, run: Run, reader: RowReader, seen: int, before: frozenset[str | None]
) -> Prepared:
    """The rows after row `seen`, read as far as they have to be. `before` are the records that are being
    written meanwhile: of all others what is in the database now is what these rows come after."""
    batch = await _in_thread(reader.next, seen)
    same = await _same(tools, run.source, batch, before)
    places = [place for place in range(len(batch.numbers)) if place not in same]
    taken = await _in_thread(reader.taken, places, tools.clock.now()) if places else Taken()
    return Prepared(batch, [batch.numbers[place] for place in same], taken)


async def _same(
    tools: IntakeTools, source: str, batch: Batch, before: frozenset[str | None]
) -> set[int]:
    """The places of rows that are certainly as they were; none where of some throughout the batch not one
    is, as in a first load, for which to ask for all would be dear and for nothing."""
    places = alone(batch, before)
    if not places:
        return set()
    some = places[:: 1 + len(places) // SAMPLE]
    async with tools.database.read() as connection:

        async def asked(which: Sequence[int]) -> set[int]:
            ids = [batch.external_ids[place] or "" for place in which]
            marks = [batch.marks[place] for place in which]
            return {which[each] for each in await records.same(connection, source, ids, marks)}

        found = await asked(some)
        return await asked(places) if found and len(some) < len(places) else found


async def _in_thread(work: Callable[P, T], *arguments: P.args, **more: P.kwargs) -> T:
    """Runs work beside the event loop, and lets nobody go on while it runs: a thread cannot be stopped,
    and it reads a file that is about to be closed."""
    running = asyncio.ensure_future(asyncio.to_thread(work, *arguments, **more))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        raise


async def _opened(tools: IntakeTools, run_id: str, spec: FeedSpec) -> RowReader:
    """Opens a file in a thread; who is stopped meanwhile closes what it opens."""
    opening = asyncio.ensure_future(asyncio.to_thread(_open, tools, run_id, spec))
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        await asyncio.wait([opening])
        if not opening.cancelled() and opening.exception() is None:
            await asyncio.to_thread(opening.result().close)
        raise


def _open(tools: IntakeTools, run_id: str, spec: FeedSpec) -> RowReader:
    """A large file is read by a process of its own, for which a small one would only wait."""
    path, size = tools.spool.file(run_id)
    if size > tools.alone_bytes:
        return ChildReader(path, spec, hasher=tools.hasher, size=tools.batch_rows)
    file = open_file(partial(tools.spool.open, run_id), spec, tools.readers)
    return Reader(file, spec, parsers=tools.parsers, hasher=tools.hasher, size=tools.batch_rows)


async def give_up(tools: IntakeTools, run: Run, reason: str) -> None:
    """Ends a run that cannot be read, wherever it stands."""
    async with tools.database.read() as connection:
        present = await runs.get(connection, run.id)
    if present is not None and present.status == "running":
        await _finish(tools, present, present.checkpoint, UnreadableFileError(reason))


async def _write(
    tools: IntakeTools, run: Run, spec: FeedSpec, prepared: Prepared, seen: int
) -> tuple[int, UnreadableFileError | None]:
    """Writes a batch in one transaction: rows, events, quarantine, counts and checkpoint. Returns the
    last row that was taken, and what ends the file there."""
    batch, same, taken = prepared.batch, prepared.same, prepared.taken
    last_row, failure = batch.last_row, taken.failure or batch.failure
    if taken.failure is not None:
        last_row = taken.failed_at - 1
        same = [number for number in same if number < taken.failed_at]
    async with tools.database.unit_of_work() as uow:
        if not (taken.good or taken.refused):
            await runs.need_not_last(uow.connection)
        settled = await settle_rows(uow, spec, run.id, taken.good)
        counts = counted(settled, quarantined=len(taken.refused), same=len(same))
        await _keep_faults(uow, run, taken)
        if not await runs.advance(
            uow.connection, run.id, seen=seen, checkpoint=last_row, more=counts
        ):
            raise TakenOverError(run.id)
        uow.after_commit(lambda: tools.metrics.rows(run.source, counts))
    return last_row, failure


async def _keep_faults(uow: UnitOfWork, run: Run, taken: Taken) -> None:
    await quarantines.add(
        uow.connection,
        run_id=run.id,
        source=run.source,
        rows=[(uow.ids.new(), refused) for refused in taken.refused],
        at=uow.clock.now(),
    )
    await quarantines.left_out(uow.connection, run.id, taken.left_out)


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
