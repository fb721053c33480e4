"""Records that come one by one: each is taken or refused at once, and its sender is told."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from careline_common.db.unit_of_work import UnitOfWork
from careline_common.observability.pii import PiiHasher
from careline_ingest.db import quarantines, runs
from careline_ingest.domain.counts import Counts
from careline_ingest.domain.faults import Fault, UnreadableFileError
from careline_ingest.domain.feed import FeedSpec
from careline_ingest.domain.mapping import bind_by_name
from careline_ingest.domain.normalise import Parsers
from careline_ingest.domain.record import read_record
from careline_ingest.domain.taking import good_row
from careline_ingest.metrics import IngestMetrics
from careline_ingest.settling import Settled, counted, settle_rows, tell_ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """A record that was taken; the run says when, as for rows of files."""

    run_id: str
    settled: Settled


class Pushing:
    def __init__(self, *, parsers: Parsers, hasher: PiiHasher, metrics: IngestMetrics) -> None:
        self._parsers = parsers
        self._hasher = hasher
        self._metrics = metrics

    async def take(
        self, uow: UnitOfWork, spec: FeedSpec, cells: Mapping[str, object], *, config_version: int
    ) -> Pushed | Fault:
        """Takes one record in the given transaction: what is wrong with it, or what became of it.
        A fault leaves nothing behind, for its sender knows of it."""
        at = uow.clock.now()
        binding, left_out = bind_by_name(spec.columns), list[Fault]()
        try:
            read = await asyncio.to_thread(
                read_record, cells, binding, spec, parsers=self._parsers, now=at, left_out=left_out
            )
        except UnreadableFileError as error:
            return Fault(field=None, code="frozen", text=str(error))
        if isinstance(read, Fault):
            return read
        run_id = uow.ids.new()
        row = good_row(1, read, self._hasher.lookup)
        (settled,) = await settle_rows(uow, spec, run_id, [row])
        counts = counted([settled])
        run = await runs.add(
            uow.connection,
            run_id=run_id,
            source=spec.source,
            file=None,
            sha256=None,
            spec=spec.document(),
            config_version=config_version,
            at=at,
        )
        await quarantines.left_out(uow.connection, run.id, [(1, fault) for fault in left_out])
        await runs.advance(uow.connection, run.id, seen=0, checkpoint=1, more=counts)
        await runs.finish(uow.connection, run.id, seen=1, status="done", error=None, at=at)
        ended = await runs.get(uow.connection, run.id)
        assert ended is not None
        tell_ended(uow, ended)
        uow.after_commit(lambda: self._count(ended.source, counts, at.timestamp()))
        return Pushed(run_id=run_id, settled=settled)

    def _count(self, source: str, counts: Counts, at: float) -> None:
        self._metrics.rows(source, counts)
        self._metrics.run_ended(source, "done", at)
