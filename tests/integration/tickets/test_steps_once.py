"""Due steps under processes that are killed at any moment and whose clocks are wrong: each fires once.

The account is the test's own: it knows which steps it has made due, and counts what became of them in
the events, in the history and in the appeals, read from the database past the code that wrote them.
"""

import asyncio
import json
import math
import multiprocessing
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from multiprocessing.context import ForkServerProcess
from typing import Any

import asyncpg
import pytest
import step_child
from proofs import budget, proving, record

from careline.bench.due_step import database_at, due_step, journal_over, promises
from careline_common.clock import SystemClock
from careline_common.testing.waiting import eventually
from careline_tickets.db.verify import verify_chain
from careline_tickets.domain.ticket import Details
from careline_tickets.domain.vocabulary import Channel, Kind, Role
from careline_tickets.domain.workflow import Actor
from careline_tickets.service import NewTicket

pytestmark = [pytest.mark.integration, pytest.mark.timeout(0 if proving() else 180)]

STEPS = budget(300)
DUE = ("warn", "louder", "up")
SKEWS_S = (-3600.0, 0.0, 3600.0, 86_400.0 * 40)
"""The last process believes it is past every deadline there is."""
AGENT = Actor(id="a1", roles=frozenset({Role.AGENT}))
FIRED = "SELECT count(*) FROM tickets.step WHERE fired_at IS NOT NULL"


async def registered(url: str, appeals: int) -> set[str]:
    """Appeals of two hours ago, whose first three steps are all due."""
    database = database_at(url, SystemClock())
    journal = journal_over(promises(step_child.STEPS))
    new = NewTicket(
        details=Details(channel=Channel.PHONE, kind=Kind.COMPLAINT, subject="care"),
        text="text",
        registered_at=SystemClock().now() - timedelta(hours=2),
    )
    ids = set()
    for _ in range(appeals):
        async with database.unit_of_work() as uow:
            ids.add((await journal.register(uow, new, AGENT)).ticket.id)
    await database.close()
    return ids


class Workers:
    """Four processes, each with its own wrong clock; who is killed is replaced.

    They are forked from one that has everything loaded: a replacement is at work at once.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._processes = multiprocessing.get_context("forkserver")
        self._processes.set_forkserver_preload([due_step.__module__])
        self._alive: dict[float, ForkServerProcess] = {}
        self.killed = 0

    async def start(self, skew_s: float) -> None:
        worker = self._processes.Process(target=step_child.run, args=(self._url, skew_s))
        await asyncio.to_thread(worker.start)
        self._alive[skew_s] = worker

    async def kill(self, skew_s: float) -> None:
        worker = self._alive[skew_s]
        assert worker.exitcode is None, "it ended by itself"
        worker.kill()
        await asyncio.to_thread(worker.join)
        self.killed += 1

    async def close(self) -> None:
        for worker in self._alive.values():
            worker.kill()
            await asyncio.to_thread(worker.join)


@asynccontextmanager
async def four_workers(url: str) -> AsyncIterator[Workers]:
    workers = Workers(url)
    try:
        for skew_s in SKEWS_S:
            await workers.start(skew_s)
        yield workers
    finally:
        await workers.close()


async def fire_under_kills(url: str, connection: asyncpg.Connection, steps: int) -> int:
    """Kills at random while steps fire, and lets them finish; returns how many were killed."""
    chance = random.Random(7 if not proving() else None)
    async with four_workers(url) as workers:
        marks = sorted(chance.randrange(1, steps) for _ in range(steps // 100))
        for mark in marks:

            async def reached(mark: int = mark) -> bool:
                return bool(await connection.fetchval(FIRED) >= mark)

            await eventually(reached, within_s=120, what=f"{mark} steps to fire")
            victim = chance.choice(SKEWS_S)
            await workers.kill(victim)
            await workers.start(victim)

        async def all_fired() -> bool:
            return bool(await connection.fetchval(FIRED) >= steps)

        await eventually(all_fired, within_s=120, what="all steps to fire")
        return workers.killed


async def test_every_due_step_fires_once_whoever_is_killed(database_url: str) -> None:
    appeals = math.ceil(STEPS / len(DUE))
    ids = await registered(database_url, appeals)
    connection = await asyncpg.connect(database_url)
    killed = await fire_under_kills(database_url, connection, appeals * len(DUE))
    told = await events(connection, "careline.ticket.step_fired.v1")
    once = Counter((one["ticket_id"], one["clock"], one["generation"], one["step"]) for one in told)
    assert once == {(one, "level1", 1, step): 1 for one in ids for step in DUE}
    done = await connection.fetch(
        "SELECT ticket_id, action FROM tickets.history WHERE actor = 'clock'"
    )
    assert Counter(map(tuple, done)) == {
        (one, action): 1 for one in ids for action in ("step_raise_priority", "step_escalate")
    }
    states = await connection.fetch(
        "SELECT DISTINCT priority, level, group_id, version FROM tickets.ticket"
    )
    assert [tuple(row) for row in states] == [(1, 2, "l2", 3)]
    early = "SELECT count(*) FROM tickets.step WHERE fired_at < fires_at OR step = 'later' AND fired_at IS NOT NULL"
    assert await connection.fetchval(early) == 0
    assert (
        await connection.fetchval("SELECT count(*) FROM tickets.step WHERE step = 'later'")
        == appeals
    )
    await connection.close()
    database = database_at(database_url, SystemClock())
    assert (await verify_chain(database)).holds
    await database.close()
    record(
        "due_steps",
        {"steps": len(once), "fired": len(told), "twice": len(told) - len(once), "killed": killed},
    )


async def events(connection: asyncpg.Connection, event_type: str) -> list[dict[str, Any]]:
    rows = await connection.fetch("SELECT body FROM tickets.outbox WHERE type = $1", event_type)
    return [json.loads(row["body"])["data"] for row in rows]


async def test_the_bench_waits_until_every_probe_has_fired(database_url: str) -> None:
    await registered(database_url, 3)
    figures = await due_step(database_url, probes=4)
    assert (figures["open_appeals"], figures["probes"]) == (7, 4)
    assert figures["max_delay_s"] >= 0
    connection = await asyncpg.connect(database_url)
    assert await connection.fetchval(FIRED) == 3 * len(DUE) + 4
    assert await connection.fetchval("SELECT count(*) FROM tickets.step WHERE step = 'bench'") == 0
    await connection.close()
