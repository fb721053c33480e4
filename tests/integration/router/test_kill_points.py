"""The process that leads dies at any point of a commit, or stands still there: the next one has all that
anybody was told, once, and nobody is told anything by two."""

import asyncio
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import floor_child
import pytest
from proofs import budget

from careline_common.clock import SystemClock
from careline_common.db.engine import Database
from careline_common.ids import UuidIds
from careline_common.testing.waiting import eventually
from careline_router.domain.floor import Floor
from careline_router.runtime.codec import decode, snapshot_parts
from careline_router.runtime.floor_actor import FLOOR
from careline_router.runtime.lease import FloorLease
from careline_router.runtime.loading import load_floor

pytestmark = pytest.mark.integration

Fact = tuple[str, str]

FIRST_DEATH = {
    point: {"half_released": 100, "in_snapshot": 4, "after_snapshot": 4}.get(point, 15)
    for point in floor_child.POINTS
}
"""Which time at a point is the last one, in the first of its lives: calls are on their way by then."""


@asynccontextmanager
async def child(url: str, point: str, times: int) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, floor_child.__file__, url, point, str(times),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, limit=1 << 24,
        cwd=Path(floor_child.__file__).parent,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def all_told(process: asyncio.subprocess.Process) -> tuple[list[Any], str]:
    """What the callers were told until the process ended, and what it complained about."""
    out, complaints = await process.communicate()
    return [json.loads(line) for line in out.splitlines()], complaints.decode()[-2000:]


def facts(told: list[Any]) -> Counter[Fact]:
    return Counter((kind, json.dumps(data, sort_keys=True)) for line in told for kind, data in line)


def whole(floor: Floor) -> Any:
    return json.loads(b"".join(snapshot_parts(floor.snapshot())))


async def loaded_and_replayed(url: str) -> tuple[Floor, Floor, Counter[Fact]]:
    """The floor as a new process loads it, and as the journal alone makes it; and the journal."""
    database = Database(url, schema="router", source="test", clock=SystemClock(), ids=UuidIds())
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch("SELECT seq, kind, data FROM router.journal ORDER BY seq")
        assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
        replayed = Floor()
        for row in rows:
            replayed.apply(decode(row["kind"], row["data"]))
        journal = Counter(
            (row["kind"], json.dumps(json.loads(row["data"]), sort_keys=True)) for row in rows
        )
        await check_read_model(connection, replayed)
        return (await load_floor(database, FLOOR)).floor, replayed, journal
    finally:
        await connection.close()
        await database.close()


async def check_read_model(connection: asyncpg.Connection, floor: Floor) -> None:
    """What was written with the journal says the same."""
    calls = await connection.fetch("SELECT id, state, agent, outcome FROM router.call_record")
    assert {tuple(row) for row in calls} == {
        (call.id, call.state, call.agent, call.outcome) for call in floor.calls.values()
    }
    offers = await connection.fetch("SELECT id FROM router.offer WHERE closed_at IS NULL")
    assert {row["id"] for row in offers} == set(floor.offers)
    arrived = await connection.fetch(
        "SELECT subject FROM router.outbox WHERE type LIKE '%call.arrived%'"
    )
    assert Counter(row["subject"] for row in arrived) == Counter(list(floor.calls))


@pytest.mark.parametrize("point", floor_child.POINTS)
async def test_what_was_told_stands_once_wherever_the_process_is_killed(
    postgres_server: Any, postgres_template: str, point: str
) -> None:
    """Every acknowledged command is in the journal, no event twice, and snapshot and journal agree.

    Fails when `FloorActor._commit` settles its works before the transaction ends (after `finish`), and
    when `Snapshots.write` numbers a snapshot one too low.
    """
    for life in range(budget(1)):
        name = await postgres_server.create(template=postgres_template)
        try:
            await killed_at(postgres_server.url(name), point, FIRST_DEATH[point] + 7 * life)
        finally:
            await postgres_server.drop(name)


async def killed_at(url: str, point: str, times: int) -> None:
    async with child(url, point, times) as process:
        told, complaints = await all_told(process)
    assert process.returncode == -signal.SIGKILL, complaints
    loaded, replayed, journal = await loaded_and_replayed(url)
    assert facts(told) - journal == Counter()
    assert not [fact for fact, count in journal.items() if count > 1]
    assert whole(loaded) == whole(replayed)
    assert told
    assert replayed.calls


async def stopped(process: asyncio.subprocess.Process) -> None:
    def is_stopped() -> bool:
        stat = Path(f"/proc/{process.pid}/stat").read_text()
        return stat.rpartition(")")[2].split()[0] == "T"

    await eventually(is_stopped, within_s=60)


async def test_a_leader_that_stood_still_after_its_commit_does_nothing_when_it_goes_on(
    database_url: str,
) -> None:
    """The batch stands, and the next leader has it; who waited for it in the old one is told nothing.

    Fails when `FloorActor._release` does not make sure of the lease.
    """
    lease = FloorLease(
        database_url, schema="router", floor=FLOOR, holder="next", clock=SystemClock()
    )
    async with child(database_url, "pause", 9) as process:
        await stopped(process)
        assert process.stdout is not None
        before = await process.stdout.read(1 << 20)
        await lease.acquire(lambda _: None)
        _, replayed, journal = await loaded_and_replayed(database_url)
        os.kill(process.pid, signal.SIGCONT)
        told, complaints = await all_told(process)
    assert told == [{"ended": "deposed"}], complaints
    told_before = facts([json.loads(line) for line in before.splitlines()])
    assert told_before - journal == Counter()
    assert journal - told_before != Counter()
    loaded, again, journal_after = await loaded_and_replayed(database_url)
    assert journal_after == journal
    assert whole(loaded) == whole(again) == whole(replayed)
    await lease.release()
