"""Reads one run and dies at its first commit: `before` it, or `after` it. Run as a process of its own.

Arguments: the database's URL, the spool, the run, `before` or `after`, rows a batch, bytes from which a file
is read by a process of its own.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

from sqlalchemy import event

from careline_common.clock import SystemClock
from careline_common.db.engine import Database
from careline_common.ids import UuidIds
from careline_common.observability.metrics import MetricsRegistry
from careline_common.observability.pii import PiiHasher
from careline_ingest.adapters.parsers import LibraryParsers
from careline_ingest.adapters.readers import LibraryReaders
from careline_ingest.adapters.spool import Spool
from careline_ingest.db import runs
from careline_ingest.domain.counts import Counts
from careline_ingest.intake import IntakeTools, process
from careline_ingest.metrics import IngestMetrics
from careline_ingest.pace import Pace


def die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class DyingMetrics(IngestMetrics):
    """What is counted is counted after the commit."""

    def rows(self, source: str, counts: Counts) -> None:
        die()

    def run_ended(self, source: str, status: str, at: float) -> None:
        die()


async def main() -> None:
    url, spool, run_id, when, batch_rows, alone_bytes = sys.argv[1:7]
    clock = SystemClock()
    database = Database(url, schema="ingest", source="ingest", clock=clock, ids=UuidIds())
    if when == "before":
        event.listen(database.engine.sync_engine, "commit", die)
    tools = IntakeTools(
        database=database,
        spool=Spool(Path(spool)),
        parsers=LibraryParsers(),
        readers=LibraryReaders(),
        hasher=PiiHasher("a key of tests"),
        metrics=DyingMetrics(MetricsRegistry("ingest")),
        clock=clock,
        pace=Pace(None, clock),
        batch_rows=int(batch_rows),
        alone_bytes=int(alone_bytes),
    )
    async with database.read() as connection:
        run = await runs.get(connection, run_id)
    assert run is not None
    await process(tools, run)


if __name__ == "__main__":
    asyncio.run(main())
