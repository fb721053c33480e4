"""A process killed before and after every commit of a file: the result is exact all the same."""

import asyncio
import signal
import sys
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import kill_points
import proofs
import pytest

from careline_common.clock import SystemClock
from careline_common.db.engine import Database
from careline_common.ids import UuidIds
from careline_ingest.adapters.spool import Spool
from careline_ingest.db import runs
from careline_ingest.domain.feed import Column, FeedSpec

if TYPE_CHECKING:
    from conftest import Ingest, Start

pytestmark = [pytest.mark.integration, pytest.mark.timeout(3600 if proofs.proving() else 180)]

SMALL = 80
WAYS = (("before", 0), ("after", 0), ("before", 1 << 30), ("after", 1 << 30))
SPEC = FeedSpec(
    source="s",
    format="csv",
    columns=tuple(Column(target=name, names=(name,)) for name in ("external_id", "phone", "text")),
)
EVENTS = "SELECT count(*) FROM ingest.outbox WHERE type LIKE 'careline.feed.%'"


def sheet(number: int) -> bytes:
    """Every fortieth row is bad; every seventh is about the same record as the one before, changed."""
    rows = (
        f"A-{n - (n % 7 == 0)};{'none' if n % 40 == 0 else '89161234567'};text {n}"
        for n in range(1, number + 1)
    )
    return "\n".join(("external_id;phone;text", *rows, "")).encode()


def expected(number: int) -> dict[str, int]:
    """Counted row by row, without a line of the service's code."""
    counts = {"created": 0, "updated": 0, "unchanged": 0, "quarantined": 0}
    seen: set[int] = set()
    for n in range(1, number + 1):
        record = n - (n % 7 == 0)
        if n % 40 == 0:
            counts["quarantined"] += 1
        elif record in seen:
            counts["updated"] += 1
        else:
            seen.add(record)
            counts["created"] += 1
    return {"read": number, **counts}


async def test_a_kill_at_every_commit_point_loses_nothing_and_doubles_nothing(
    start: "Start", database_url: str, tmp_path: Path
) -> None:
    number = proofs.budget(SMALL)
    batch_rows = 40 if number == SMALL else 2000
    run_id = await _waiting_run(database_url, tmp_path, number)
    kills = await _killed_throughout(database_url, tmp_path / "spool", run_id, batch_rows)
    assert kills == 2 * (-(-number // batch_rows) + 1)
    async with start(ingest_workers=1) as ingest:
        counts = await _check(ingest, run_id, number)
    proofs.record("ingest_kill_points", {"rows": number, "kills": kills, "counts": counts})


async def _waiting_run(database_url: str, tmp_path: Path, number: int) -> str:
    """A run whose file lies in the spool; nobody reads it yet."""
    clock, ids = SystemClock(), UuidIds()
    (tmp_path / "day.csv").write_bytes(sheet(number))
    spool = Spool(tmp_path / "spool")
    spool.prepare()
    stored = spool.copy(tmp_path / "day.csv", name="new", limit=1 << 30)
    database = Database(database_url, schema="ingest", source="ingest", clock=clock, ids=ids)
    async with database.unit_of_work() as uow:
        run = await runs.add(
            uow.connection,
            run_id=ids.new(),
            source="s",
            file="day.csv",
            sha256=stored.sha256,
            spec=SPEC.document(),
            config_version=1,
            at=clock.now(),
        )
        spool.keep(stored, run.id)
    await database.close()
    return run.id


async def _killed_throughout(url: str, spool: Path, run_id: str, batch_rows: int) -> int:
    """Lets processes die in turns before and after their first commit until the run has ended; in every
    second pair another process reads the file for them."""
    ways = cycle(WAYS)
    for kills, (when, alone_bytes) in enumerate(ways, 1):
        before = await _checkpoint(url, run_id)
        child = await asyncio.create_subprocess_exec(
            sys.executable, str(Path(kill_points.__file__)), url, str(spool), run_id, when,
            str(batch_rows), str(alone_bytes),
            stdout=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        assert await child.wait() == -signal.SIGKILL
        now = await _checkpoint(url, run_id)
        assert (now == before) == (when == "before")
        if now[1] == "done":
            return kills
    raise AssertionError("a cycle has no end")


async def _checkpoint(url: str, run_id: str) -> tuple[int, str]:
    connection = await asyncpg.connect(url)
    try:
        row = await connection.fetchrow(
            "SELECT checkpoint, status FROM ingest.run WHERE id = $1", run_id
        )
        assert row is not None
        return tuple(row)
    finally:
        await connection.close()


async def _check(ingest: "Ingest", run_id: str, number: int) -> dict[str, Any]:
    """Every row once: in the counts, in the records and their versions, in quarantine, in the outbox."""
    counts = expected(number)
    run = await ingest.run(run_id)
    assert (run["status"], run["rows"]) == ("done", counts)
    (kept,) = await ingest.query(
        "SELECT (SELECT count(*) FROM ingest.record), (SELECT sum(version) FROM ingest.record),"
        " (SELECT count(*) FROM ingest.quarantine), (SELECT count(*) FROM ingest.record_content),"
        f" ({EVENTS} AND type LIKE '%record%'), ({EVENTS} AND type LIKE '%run_finished%')"
    )
    changes = counts["created"] + counts["updated"]
    created, quarantined = counts["created"], counts["quarantined"]
    assert tuple(kept) == (created, changes, quarantined, created, changes, 1)
    return counts
