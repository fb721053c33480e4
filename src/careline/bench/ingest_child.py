"""One file into the database, by the code that production runs, in a process of its own.

Arguments: the database's URL, a folder for the spool, the file, its format. Writes one JSON object: seconds
from the first byte copied to the end of the run, its rows, and the memory at its highest.
"""

import asyncio
import json
import resource
import sys
from pathlib import Path
from time import perf_counter

import uvloop

from careline_common.clock import SystemClock
from careline_common.collector import spare_collector
from careline_common.db.engine import Database
from careline_common.ids import UuidIds
from careline_common.observability.metrics import MetricsRegistry
from careline_common.observability.pii import PiiHasher
from careline_ingest.adapters.parsers import LibraryParsers
from careline_ingest.adapters.readers import LibraryReaders
from careline_ingest.adapters.spool import Spool
from careline_ingest.db import runs
from careline_ingest.db.runs import Run
from careline_ingest.db.tables import SCHEMA
from careline_ingest.domain.feed import Column, FeedSpec
from careline_ingest.intake import IntakeTools, process
from careline_ingest.metrics import IngestMetrics
from careline_ingest.pace import Pace
from careline_ingest.settings import IngestSettings

SOURCE = "bench"
COLUMNS = ("external_id", "phone", "text", "registered_at", "name", "kind")
LARGEST = 1 << 30


def spec(form: str) -> FeedSpec:
    """The feed of the benchmark: a partner's daily file."""
    columns = tuple(Column(target=name, names=(name,)) for name in COLUMNS)
    return FeedSpec(
        source=SOURCE, format=form, columns=columns, encodings=("cp1251",), delimiter=";"
    )


async def measure(url: str, folder: Path, file: Path, form: str) -> dict[str, object]:
    """Takes the file as a drop folder's is taken: copied, hashed, made a run, read to its end."""
    clock, ids = SystemClock(), UuidIds()
    database = Database(url, schema=SCHEMA, source=SCHEMA, clock=clock, ids=ids)
    spool = Spool(folder)
    spool.prepare()
    tools = IntakeTools(
        database=database,
        spool=spool,
        parsers=LibraryParsers(),
        readers=LibraryReaders(),
        hasher=PiiHasher("a key of the benchmark"),
        metrics=IngestMetrics(MetricsRegistry(SCHEMA)),
        clock=clock,
        pace=Pace(None, clock),
        batch_rows=IngestSettings.model_fields["ingest_batch_rows"].default,
        alone_bytes=0,  # so that a tenth of a file is read just as the whole is
    )
    began = perf_counter()
    stored = await asyncio.to_thread(spool.copy, file, name=ids.new(), limit=LARGEST)
    async with database.unit_of_work() as uow:
        run = await runs.add(
            uow.connection,
            run_id=ids.new(),
            source=SOURCE,
            file=file.name,
            sha256=stored.sha256,
            spec=spec(form).document(),
            config_version=1,
            at=clock.now(),
        )
        spool.keep(stored, run.id)
    await process(tools, run)
    seconds = perf_counter() - began
    ended = await _ended(database, run.id)
    await database.close()
    return {
        "seconds": seconds,
        "status": ended.status,
        "error": ended.error,
        "rows": ended.rows.shown(),
        "peak_mb": _peak_mb(),
    }


async def _ended(database: Database, run_id: str) -> Run:
    async with database.read() as connection:
        run = await runs.get(connection, run_id)
    assert run is not None
    return run


def _peak_mb() -> float:
    """Of this process and, where it had one that read a spreadsheet, of both together."""
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return (own + child) / 1024


def main() -> None:
    url, folder, file, form = sys.argv[1:5]
    with spare_collector(), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        told = runner.run(measure(url, Path(folder), Path(file), form))
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    import logging

    import structlog

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    main()
