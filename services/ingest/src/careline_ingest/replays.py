"""Quarantined rows, tried again: with a value put right by hand, or under a mapping put right."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from careline_common.config import ConfigStore
from careline_common.db.unit_of_work import UnitOfWork
from careline_common.http.problem import NotFound, invalid
from careline_common.observability.pii import PiiHasher
from careline_ingest.config import SourceEntry, feed_spec
from careline_ingest.db import quarantines, records, replies, runs
from careline_ingest.db.quarantines import Quarantined
from careline_ingest.db.runs import Run
from careline_ingest.domain.faults import Fault, UnreadableFileError
from careline_ingest.domain.feed import TARGETS, FeedSpec
from careline_ingest.domain.mapping import Cells, bind
from careline_ingest.domain.normalise import Parsers
from careline_ingest.domain.record import Fields, read_record
from careline_ingest.domain.taking import good_row
from careline_ingest.metrics import IngestMetrics
from careline_ingest.problems import ContentErased, RunNotEnded
from careline_ingest.service import IngestService
from careline_ingest.settling import Settled, counted, settle_rows

BATCH_ROWS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What became of one row: `settled`, or still at `fault`."""

    row: Quarantined
    settled: Settled | None = None
    fault: Fault | None = None


class Replays:
    def __init__(
        self,
        *,
        store: ConfigStore,
        service: IngestService,
        parsers: Parsers,
        hasher: PiiHasher,
        metrics: IngestMetrics,
    ) -> None:
        self._store = store
        self._service = service
        self._parsers = parsers
        self._hasher = hasher
        self._metrics = metrics

    async def one(
        self, uow: UnitOfWork, quarantine_id: str, fix: Mapping[str, str | None]
    ) -> Replayed:
        """Tries a row again with the values of `fix` in place of its own. One that was taken
        before has the outcome it had then. Raises 404, 409 and 422."""
        _check_fix(fix)
        run_id = await quarantines.run_of(uow.connection, quarantine_id)
        run = None if run_id is None else await _locked(uow, run_id)
        row = await quarantines.lock(uow.connection, quarantine_id)
        if run is None or row is None:
            raise NotFound(f"there is no quarantined row {quarantine_id!r}")
        settled = _settled(row)
        if settled is not None:
            return Replayed(row=row, settled=settled)
        return (await self._try(uow, run, [row], fix))[0]

    async def several(
        self, uow: UnitOfWork, run_id: str, ids: Collection[str], fix: Mapping[str, str | None]
    ) -> Run:
        """Tries these rows of a run again, each with the values of `fix` in place of its own; those
        that were taken before stay as they are. Raises 404, 409 and 422."""
        _check_fix(fix)
        run = await _ended(uow, run_id)
        rows = await quarantines.of_run(uow.connection, run_id, ids)
        unknown = set(ids) - {row.id for row in rows}
        if unknown:
            raise NotFound(f"this run has no quarantined row {min(unknown)!r}")
        await self._try(uow, run, [row for row in rows if row.outcome is None], fix)
        return await _ended(uow, run_id)

    async def all_of(self, uow: UnitOfWork, run_id: str) -> Run:
        """Tries all rows of a run that wait; a run that failed reads its file again. Raises 404
        and 409 while the run still reads."""
        run = await _ended(uow, run_id)
        if run.status == "failed" and run.sha256 is not None:
            return await self._service.begin_again(uow, self._service.source(run.source), run)
        after: str | None = None
        while True:
            rows = await quarantines.page(
                uow.connection, run_id=run_id, after=after, limit=BATCH_ROWS
            )
            if not rows:
                break
            await self._try(uow, run, rows, {})
            after = rows[-1].id
        return await _ended(uow, run_id)

    async def _try(
        self,
        uow: UnitOfWork,
        run: Run,
        rows: Sequence[Quarantined],
        fix: Mapping[str, str | None],
    ) -> list[Replayed]:
        spec = self._spec(run)
        contents = await quarantines.cells(uow.connection, [row.id for row in rows])
        tried: list[tuple[Quarantined, Fields | Fault]] = []
        left_out: list[tuple[int, Fault]] = []
        for row in rows:
            if row.id not in contents:
                raise ContentErased(f"row {row.row} can only come in a new file")
            without: list[Fault] = []
            now = uow.clock.now()
            read = await asyncio.to_thread(self._read, spec, contents[row.id], fix, without, now)
            tried.append((row, read))
            left_out += [(row.row, fault) for fault in without]
        good = [
            good_row(row.row, found, self._hasher.lookup, by_hand=bool(fix))
            for row, found in tried
            if not isinstance(found, Fault)
        ]
        settled = await settle_rows(uow, spec, run.id, good)
        await quarantines.left_out(uow.connection, run.id, left_out)
        counts = counted(settled)
        await runs.released(uow.connection, run.id, counts)
        if counts.read:
            await replies.changed(uow.connection, run.id)
        uow.after_commit(lambda: self._metrics.replayed(run.source, counts))
        return await _note(uow, tried, settled)

    def _spec(self, run: Run) -> FeedSpec:
        """The source as it is configured now; as it was, when it is not there any more."""
        current = self._store.current
        source = current.get("sources", run.source, SourceEntry)
        return FeedSpec.of(run.spec) if source is None else feed_spec(source, current)

    def _read(
        self,
        spec: FeedSpec,
        cells: Cells,
        fix: Mapping[str, str | None],
        left_out: list[Fault],
        now: datetime,
    ) -> Fields | Fault:
        try:
            binding = bind(spec.columns, cells.keys(), whole=False)
            return read_record(
                cells,
                binding,
                spec,
                parsers=self._parsers,
                now=now,
                fix={target: value or "" for target, value in fix.items()},
                left_out=left_out,
            )
        except UnreadableFileError as error:
            return Fault(field=None, code="row-shape", text=str(error))


def _check_fix(fix: Mapping[str, str | None]) -> None:
    for target in fix:
        if target not in TARGETS:
            raise invalid(f"fix.{target}", f"no field of a record: {', '.join(TARGETS)}")


async def _ended(uow: UnitOfWork, run_id: str) -> Run:
    """A run that nobody reads, locked; raises 404 and 409."""
    run = await _locked(uow, run_id)
    if run is None:
        raise NotFound(f"there is no run {run_id!r}")
    if run.status == "running":
        raise RunNotEnded("wait until it has ended")
    return run


async def _locked(uow: UnitOfWork, run_id: str) -> Run | None:
    """The run, locked in the order in which the intake locks: the source's turn, then the run."""
    run = await runs.get(uow.connection, run_id)
    if run is None:
        return None
    await records.take_turn(uow.connection, run.source)
    return await runs.lock(uow.connection, run_id)


def _settled(row: Quarantined) -> Settled | None:
    if row.record_id is None or row.outcome is None:
        return None
    match row.outcome:
        case "created" | "updated" | "unchanged":
            return Settled(row.outcome, row.record_id)
    raise AssertionError(row.outcome)


async def _note(
    uow: UnitOfWork,
    tried: Sequence[tuple[Quarantined, Fields | Fault]],
    settled: Sequence[Settled],
) -> list[Replayed]:
    results: list[Replayed] = []
    outcomes = iter(settled)
    for row, found in tried:
        if isinstance(found, Fault):
            await quarantines.still_refused(uow.connection, row.id, found)
            results.append(Replayed(row=row, fault=found))
            continue
        outcome = next(outcomes)
        await quarantines.released(
            uow.connection,
            row.id,
            outcome=outcome.outcome,
            record_id=outcome.record_id,
            at=uow.clock.now(),
        )
        results.append(Replayed(row=row, settled=outcome))
    return results
