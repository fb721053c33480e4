"""A process that dies anywhere: the next one goes on, and the counts are exact."""

import asyncio
import os
import signal
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from careline_common.db.engine import Database
from careline_common.http.issuer import LocalIssuer
from careline_common.testing.waiting import eventually
from careline_ingest import intake
from careline_ingest.db import runs
from careline_ingest.domain.counts import Counts

if TYPE_CHECKING:
    from conftest import Ingest, Start

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

ROWS = 1500
BAD_EVERY = 100

PROCESS = """
import asyncio, sys
from pathlib import Path
from careline_common.clock import SystemClock
from careline_common.ids import UuidIds
from careline_common.messaging.memory import MemoryTransport
from careline_ingest.app import create_service
from careline_ingest.settings import IngestSettings

async def main() -> None:
    settings = IngestSettings(
        database_url=sys.argv[1], ingest_dir=Path(sys.argv[2]), ingest_batch_rows=20
    )
    service = create_service(
        settings, transport=MemoryTransport(clock=SystemClock()), clock=SystemClock(), ids=UuidIds()
    )
    async with service.running():
        await asyncio.sleep(3600)

asyncio.run(main())
"""


def many(ingest: "Ingest") -> bytes:
    """1,500 rows, every hundredth with a bad phone."""
    return ingest.sheet(
        *(
            f"A-{n};{'нет' if n % BAD_EVERY == 0 else '89161234567'};Текст {n};01.03.2026"
            for n in range(1, ROWS + 1)
        )
    )


async def check_exact(ingest: "Ingest", run: dict[str, Any]) -> None:
    """Every row once: in the counts, in the records, in the quarantine and in the outbox."""
    bad = ROWS // BAD_EVERY
    assert run["status"] == "done"
    assert run["rows"] == {
        "read": ROWS, "created": ROWS - bad, "updated": 0, "unchanged": 0, "quarantined": bad,
    }  # fmt: skip
    (kept,) = await ingest.query(
        "SELECT (SELECT count(*) FROM ingest.record WHERE version = 1) AS records,"
        " (SELECT count(*) FROM ingest.quarantine) AS quarantine,"
        " (SELECT count(*) FROM ingest.outbox WHERE type = 'careline.feed.record_received.v1') AS told,"
        " (SELECT count(*) FROM ingest.outbox WHERE type = 'careline.feed.run_finished.v1') AS ended"
    )
    assert tuple(kept) == (ROWS - bad, bad, ROWS - bad, 1)


async def test_a_service_stopped_between_batches_goes_on_where_it_was(start: "Start") -> None:
    stops, run_id = 0, None
    while True:
        async with start(ingest_batch_rows=200) as ingest:
            if run_id is None:
                await ingest.source()
                run_id = (await ingest.send(many(ingest))).json()["id"]
            before = (await ingest.run(run_id))["rows"]["read"]

            run = await eventually(partial(_moved, ingest, run_id, before), within_s=20)
            if run["status"] != "running":
                await check_exact(ingest, run)
                break
        stops += 1
    assert stops > 0


async def _moved(ingest: "Ingest", run_id: str, before: int) -> dict[str, Any] | None:
    run = await ingest.run(run_id)
    return run if run["status"] != "running" or run["rows"]["read"] > before else None


async def test_kill_9_in_the_middle_of_a_file_loses_nothing_and_doubles_nothing(
    start: "Start", database_url: str, tmp_path: Path, issuer: LocalIssuer
) -> None:
    async with start(ingest_workers=1) as ingest:
        await ingest.source()
        path = tmp_path / "spool"
        with pytest.MonkeyPatch.context() as patch:
            stopped = asyncio.Event()
            patch.setattr(intake, "process", lambda *_: stopped.wait())
            run_id = (await ingest.send(many(ingest))).json()["id"]
    for _ in range(2):
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-c", PROCESS, database_url, str(path),
            stdout=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            await _some_progress(database_url, run_id)
        finally:
            os.kill(child.pid, signal.SIGKILL)
            await child.wait()
    async with start() as ingest:
        await check_exact(ingest, await ingest.ended(run_id))


async def _some_progress(database_url: str, run_id: str) -> None:
    """Waits until somebody has read more rows of a run."""
    statement = "SELECT checkpoint, status FROM ingest.run WHERE id = $1"
    connection = await asyncpg.connect(database_url)
    try:
        first = await connection.fetchrow(statement, run_id)

        async def further() -> bool:
            now = await connection.fetchrow(statement, run_id)
            return bool(now["checkpoint"] > first["checkpoint"] or now["status"] != "running")

        await eventually(further, within_s=60, what="the child to read some rows")
    finally:
        await connection.close()


async def test_two_services_over_one_database_read_a_file_once(start: "Start") -> None:
    async with start(ingest_batch_rows=20) as first, start(ingest_batch_rows=20) as second:
        await first.source()
        run_id = (await first.send(many(first))).json()["id"]
        await check_exact(second, await second.ended(run_id, within_s=40))


async def test_a_run_whose_file_is_gone_fails_and_keeps_its_counts(
    start: "Start",
) -> None:
    async with start() as ingest:
        await ingest.source()
        run = await ingest.read(many(ingest))
        await ingest.query(
            "UPDATE ingest.run SET status = 'running', finished_at = NULL WHERE id = $1", run["id"]
        )
        lost = await ingest.ended(run["id"])
        assert (lost["status"], lost["rows"]) == ("failed", run["rows"])
        assert "send it again" in lost["error"]


async def test_a_file_that_was_lost_is_taken_again_when_it_is_sent_again(
    start: "Start", tmp_path: Path
) -> None:
    async with start() as ingest:
        await ingest.source()
        content = b"no header"
        failed = await ingest.read(content)
        (tmp_path / "spool" / failed["id"]).unlink()
        assert (await ingest.send(content)).status_code == 202
        await ingest.ended(failed["id"])


async def test_the_spool_is_empty_when_all_is_read(start: "Start", tmp_path: Path) -> None:
    async with start() as ingest:
        await ingest.source()
        await ingest.read(many(ingest))
        spool = tmp_path / "spool"
        await eventually(lambda: not list(spool.iterdir()), what="the spool to be empty")
        assert spool.stat().st_mode & 0o777 == 0o700


async def test_a_checkpoint_moves_on_only_from_where_it_was_seen(start: "Start") -> None:
    """Two processes with the same batch in hand: the second finds that it came too late."""
    async with start(ingest_workers=1) as ingest:
        await ingest.source()
        run = await ingest.read(many(ingest))
        await ingest.query("UPDATE ingest.run SET status = 'running' WHERE id = $1", run["id"])
        database: Database = ingest.service.app.state.database
        for seen, moved in ((7, False), (ROWS + 1, True), (ROWS + 1, False)):
            async with database.unit_of_work() as uow:
                assert moved == await runs.advance(
                    uow.connection,
                    run["id"],
                    seen=seen,
                    checkpoint=ROWS + 2,
                    more=Counts(created=1),
                )
