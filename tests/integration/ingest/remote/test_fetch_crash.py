"""A process that dies while it fetches, and several that fetch side by side: nothing twice."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import proofs
import pytest
from feeds.places import configured, place_of, settings_of

from careline_common.testing.waiting import eventually
from careline_ingest.fakes.https_feed import HttpsFeed
from careline_ingest.fakes.sftp import SftpPartner

if TYPE_CHECKING:
    from conftest import Ingest, Start

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

ROWS = 600
SHORT_S, LONG_S = 1.0, 60.0
"""Leases: one that is soon over, and one that nobody loses because the machine is busy."""

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
        database_url=sys.argv[1], ingest_dir=Path(sys.argv[2]), ingest_lease_s=float(sys.argv[3]),
        ingest_poll_s=0.05, ingest_fetch_s=0.05, ingest_retry_s=0.05,
    )
    service = create_service(
        settings, transport=MemoryTransport(clock=SystemClock()), clock=SystemClock(), ids=UuidIds()
    )
    async with service.running():
        await asyncio.sleep(3600)

asyncio.run(main())
"""


@asynccontextmanager
async def another_process(
    database_url: str, tmp_path: Path, lease_s: float = SHORT_S
) -> AsyncIterator[asyncio.subprocess.Process]:
    """An ingest over the same database and spool, which is killed at the end."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROCESS, database_url, str(tmp_path / "spool"), str(lease_s),
        stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield child
    finally:
        os.kill(child.pid, signal.SIGKILL)
        await child.wait()


def many(ingest: "Ingest") -> bytes:
    rows = (f"A-{n};89161234567;Текст {n};01.03.2026" for n in range(ROWS))
    return ingest.sheet(*rows)


async def done_runs(ingest: "Ingest") -> list[dict[str, Any]]:
    return [run for run in await ingest.runs() if run["status"] == "done"]


async def check_once(ingest: "Ingest") -> None:
    """Every row once: in the counts, in the records and in the outbox."""
    (run,) = await eventually(lambda: done_runs(ingest), what="the run to be done")
    assert run["rows"] == {
        "read": ROWS, "created": ROWS, "updated": 0, "unchanged": 0, "quarantined": 0,
    }  # fmt: skip
    (kept,) = await ingest.query(
        "SELECT (SELECT count(*) FROM ingest.record WHERE version = 1) AS records,"
        " (SELECT count(*) FROM ingest.run WHERE sha256 IS NOT NULL) AS runs,"
        " (SELECT count(*) FROM ingest.outbox WHERE type = 'careline.feed.record_received.v1') AS told"
    )
    assert tuple(kept) == (ROWS, 1, ROWS)


async def planned(ingest: "Ingest") -> None:
    """Returns when the source has been found and its first fetch put off."""
    statement = "SELECT 1 FROM ingest.fetch WHERE next_at IS NOT NULL"
    await eventually(lambda: ingest.query(statement), what="the source to be planned")


async def answered(ingest: "Ingest") -> bool:
    rows = await ingest.query("SELECT delivered FROM ingest.answer")
    return [row["delivered"] for row in rows] == [1]


POINTS = [
    ("rename", "archive"),  # the run is committed, the file not yet in the archive
    ("renamed", None),  # the answer has got its name, and nobody here knows
    ("read", "archive"),  # in the middle of the download
    ("renamed", "archive"),  # the file is in the archive, and nobody here knows
    ("rename", None),  # the answer is written and has not got its name
]


@pytest.mark.parametrize(("where", "archive"), POINTS[: proofs.budget(2)])
async def test_kill_9_while_fetching_is_made_good_by_the_next(
    start: "Start",
    partner: SftpPartner,
    database_url: str,
    tmp_path: Path,
    where: str,
    archive: str | None,
) -> None:
    place = place_of(partner)
    async with start() as ingest:
        await configured(ingest, place.settings, archive=archive, answers="/answers")
        path = place.put("day.csv", many(ingest))
        await planned(ingest)
        partner.faults.hang_at = where
    async with another_process(database_url, tmp_path):
        await make_due(database_url)
        await eventually(partner.hanging.is_set, within_s=60, what="the child to get there")
    partner.faults.hang_at = None
    async with start(ingest_lease_s=SHORT_S, ingest_retry_s=0.05) as ingest:
        await configured(ingest, place.settings, schedule=None, archive=archive, answers="/answers")
        await check_once(ingest)
        await eventually(lambda: answered(ingest), what="the answer to be known")
        assert len(place.names(place.answers)) == 1
        assert path.exists() == (archive is None)
        assert len(place.names(place.archive)) == (archive is not None)


async def make_due(database_url: str) -> None:
    """Makes every source due in whichever process is there."""
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute("UPDATE ingest.fetch SET next_at = NULL")
    finally:
        await connection.close()


async def test_two_processes_fetch_a_source_in_turns(
    start: "Start", feed: HttpsFeed, database_url: str, tmp_path: Path
) -> None:
    feed.faults.block_delay_s = 0.02
    async with (
        another_process(database_url, tmp_path, LONG_S),
        start(ingest_fetch_s=0.05, ingest_lease_s=LONG_S) as ingest,
    ):
        feed.content = many(ingest)
        await configured(ingest, settings_of(feed, tmp_path), schedule=None)
        fetched = ingest.service.app.state.metrics.value

        def took_part() -> bool:
            return bool(fetched("fetches_total", source="feed", result="nothing") > 3)

        await check_once(ingest)
        await eventually(took_part, within_s=60, what="this process to fetch some times")
        await eventually(
            lambda: len(feed.asked) > _mine(fetched) + 3,
            within_s=60,
            what="the other process to fetch some times",
        )
        assert feed.busiest == 1
        await check_once(ingest)


def _mine(fetched: Callable[..., float]) -> int:
    """How often this process has asked; once more at most, for the fetch that is under way."""
    results = ("new", "nothing", "refused", "failed")
    return 1 + int(sum(fetched("fetches_total", source="feed", result=each) for each in results))


async def test_a_source_whose_process_died_is_fetched_by_another(
    start: "Start", feed: HttpsFeed, database_url: str, tmp_path: Path
) -> None:
    feed.faults.block_delay_s = 1.0
    async with start() as ingest:
        feed.content = many(ingest)
        await configured(ingest, settings_of(feed, tmp_path))
        await planned(ingest)
    async with another_process(database_url, tmp_path):
        await make_due(database_url)
        await eventually(lambda: feed.asked, within_s=60, what="the child to fetch")
    feed.faults.block_delay_s = 0.0
    connection = await asyncpg.connect(database_url)
    try:
        before = await connection.fetchrow("SELECT holder, held_until FROM ingest.fetch")
    finally:
        await connection.close()
    assert before is not None
    assert before["holder"] is not None
    async with start(ingest_lease_s=SHORT_S, ingest_poll_s=0.05) as ingest:
        await check_once(ingest)
        (since,) = await ingest.query(
            "SELECT created_at > $1 AS later FROM ingest.run", before["held_until"]
        )
        assert since["later"]
