"""Files that no run will read again are deleted from the spool."""

import asyncio
from datetime import datetime

from careline_common.clock import Clock
from careline_common.db.engine import Database
from careline_ingest.adapters.spool import Spool
from careline_ingest.db import runs
from careline_ingest.db.runs import Run

SWEEP_AFTER_S = 3600.0
"""A younger file may be that of a run that is just being committed."""


async def sweep(spool: Spool, database: Database, clock: Clock, *, keep_failed_s: float) -> None:
    """Deletes what belongs to no run, and archives what was read or has failed for so long."""
    now = clock.now()
    for path in await asyncio.to_thread(spool.old_files, now.timestamp() - SWEEP_AFTER_S):
        async with database.read() as connection:
            run = await runs.get(connection, path.name)
        if run is None:
            await asyncio.to_thread(path.unlink, missing_ok=True)
        elif not _is_wanted(run, now, keep_failed_s):
            await asyncio.to_thread(spool.remove, run.id)


def _is_wanted(run: Run, now: datetime, keep_failed_s: float) -> bool:
    if run.status != "failed" or run.finished_at is None:
        return run.status == "running"
    return (now - run.finished_at).total_seconds() < keep_failed_s
