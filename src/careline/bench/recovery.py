"""`careline bench recovery`: how long a router takes to have a large floor again."""

import gc
import json
import os
import statistics
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

from rich.console import Console
from sqlalchemy import text

from careline.bench.large_floor import LargeFloor, keep, large_floor
from careline.bench.telling import machine, quiet, tell_result
from careline_common.clock import SystemClock
from careline_common.db.engine import Database
from careline_common.db.migrate import upgrade
from careline_common.ids import UuidIds
from careline_common.postgres import PostgresLauncher
from careline_router.app import PACKAGE
from careline_router.db.tables import SCHEMA
from careline_router.domain.floor import Floor
from careline_router.runtime.codec import snapshot_parts
from careline_router.runtime.floor_actor import FLOOR
from careline_router.runtime.loading import load_floor

MOST_S = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    agents: int
    waiting: int
    tail: int
    rounds: int


@dataclass(slots=True)
class Figures:
    """Seconds of each round, and whether every floor that was loaded was the one that was kept."""

    snapshot_s: list[float] = field(default_factory=list)
    snapshot_and_tail_s: list[float] = field(default_factory=list)
    journal_alone_s: list[float] = field(default_factory=list)
    events: int = 0
    snapshot_bytes: int = 0
    same: bool = True


async def measure_and_tell(plan: Plan, *, as_json: bool) -> None:
    """Measures, and prints figures or JSON. Raises `CannotError` when a limit is missed."""
    console, load = Console(stderr=True), os.getloadavg()[0]
    quiet()
    with console.status("a large floor is made"):
        made = large_floor(agents=plan.agents, waiting=plan.waiting)
    async with _database() as database:
        with console.status("it is kept, and loaded again"):
            figures = await _measured(plan, made, database)
    result = _result(plan, figures, load)
    tell_result(result, lambda shown: Console().print_json(data=shown), as_json=as_json)


@asynccontextmanager
async def _database() -> AsyncIterator[Database]:
    with tempfile.TemporaryDirectory(prefix="careline-bench-") as folder:
        async with PostgresLauncher(Path(folder) / "postgres").running() as url:
            await upgrade(url, package=PACKAGE, schema=SCHEMA)
            database = Database(
                url, schema=SCHEMA, source="bench", clock=SystemClock(), ids=UuidIds()
            )
            try:
                yield database
            finally:
                await database.close()


async def _measured(plan: Plan, made: LargeFloor, database: Database) -> Figures:
    figures = Figures()
    await keep(database, made, snapshot=True)
    for _ in range(plan.rounds):
        figures.snapshot_s.append(await _load(database, made, figures))
    async with database.read() as connection:
        size = await connection.execute(text("SELECT length(data) FROM floor_snapshot"))
        figures.snapshot_bytes = int(size.scalar_one())
    before = len(made.events)
    made.go_on(plan.tail)
    await keep(database, made, snapshot=False, first=before)
    for _ in range(plan.rounds):
        figures.snapshot_and_tail_s.append(await _load(database, made, figures))
    async with database.unit_of_work() as uow:
        await uow.connection.execute(text("DELETE FROM floor_snapshot"))
    figures.journal_alone_s.append(await _load(database, made, figures))
    figures.events = len(made.events)
    return figures


async def _load(database: Database, made: LargeFloor, figures: Figures) -> float:
    """Seconds; as in a new process, but for the code, which is read already."""
    gc.collect()
    began = perf_counter()
    loaded = await load_floor(database, FLOOR)
    took = perf_counter() - began
    figures.same = figures.same and _whole(loaded.floor) == _whole(made.floor)
    return took


def _whole(floor: Floor) -> Any:
    return json.loads(b"".join(snapshot_parts(floor.snapshot())))


def _result(plan: Plan, figures: Figures, load: float) -> dict[str, Any]:
    tailed = statistics.median(figures.snapshot_and_tail_s)
    alone = statistics.median(figures.journal_alone_s)
    return {
        "name": "recovery",
        "date": SystemClock().now().isoformat(timespec="seconds"),
        "waiting_calls": plan.waiting,
        "agents": plan.agents,
        "snapshot_s": round(statistics.median(figures.snapshot_s), 3),
        "tail_events": plan.tail,
        "snapshot_and_tail_s": round(tailed, 3),
        "journal_alone": {
            "events": figures.events,
            "s": round(alone, 3),
            "events_per_s": round(figures.events / alone),
        },
        "snapshot_mb": round(figures.snapshot_bytes / 1e6, 2),
        "same_floor": figures.same,
        "runs": plan.rounds,
        "machine": machine(load),
        "notes": [
            "From the first query to the floor in memory, with the callers' contacts, in a warm process.",
            "Every agent has a call or is offered one; snapshot and journal in a private PostgreSQL.",
        ],
        "limits_met": {
            f"snapshot and tail < {MOST_S:g} s": tailed < MOST_S,
            "the same floor": figures.same,
        },
    }
