"""`careline bench floor`: commands that the floor's actor commits, beside what PostgreSQL can at best."""

import os
import platform
import statistics
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import asyncpg
from rich.console import Console
from rich.progress import Progress, TextColumn
from rich.table import Table

from careline.bench.floor_load import FloorLoad, floor_at_work
from careline.bench.limits import BareInserts, bare_inserts, sync_us
from careline.bench.pbx_load import PbxLoad
from careline.bench.telling import machine, quiet, tell_result
from careline_common.clock import SystemClock
from careline_common.postgres import ROOT_BASE, PostgresLauncher

CONNECTIONS = 64
SYNC_MS = 2.0
LEAST_PER_S = 5_000.0
LEAST_RATIO = 0.25
LEAST_DELAYED_RATIO = 3.0
MOST_DELAYED_PER_S = 1000.0 / SYNC_MS
"""More than one commit a sync, and the injected one was not there."""
WARM_UP_S = 2.0
NOTES = (
    "A command counts when its submitter has the result, after the commit.",
    "Whole call stories: register, queue, accept, phone answered, hung up, wrapped up. One caller in 16 gives up.",
    "Each caller has one command on its way and waits for its result.",
    "Full projection: journal, calls, agents, offers, decisions, PBX commands, agents' messages, outbox.",
    "No PBX answers there: no command is done but by being overtaken, and no receipt is kept.",
    "with_receipts: arrivals, answers and hang-ups (two thirds of the commands) as a PBX's events, by the router's",
    "use cases: contact kept, receipt looked for and kept, answered with the call and the PBX's commands.",
    "Peer: asyncpg, one row of one small table a commit. Everything on one machine, the load included.",
    "The slow sync is PostgreSQL's commit_delay with commit_siblings = 0: a pause before each flush of the log.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`seconds` is how long each contender runs in a round; `callers` wait for results at once."""

    rounds: int
    seconds: float
    agents: int
    callers: int


@dataclass(slots=True)
class Figures:
    """Per second, of each round."""

    commands: list[float] = field(default_factory=list)
    bare_many: list[float] = field(default_factory=list)
    bare_one: list[float] = field(default_factory=list)
    delayed_commands: list[float] = field(default_factory=list)
    delayed_bare_one: list[float] = field(default_factory=list)
    with_receipts: list[float] = field(default_factory=list)


async def measure_and_tell(plan: Plan, *, as_json: bool) -> None:
    """Measures, and prints a table or JSON. Raises `CannotError` when a limit is missed."""
    quiet()
    with tempfile.TemporaryDirectory(prefix="careline-bench-") as folder:
        async with PostgresLauncher(Path(folder) / "postgres").running() as url:
            disk = ROOT_BASE if os.geteuid() == 0 else Path(folder)
            sync, load = sync_us(disk), os.getloadavg()[0]
            figures = await _measured(plan, url)
            server = await _server_version(url)
    result = _result(plan, figures, sync, server, load)
    tell_result(result, _show, as_json=as_json)


async def _measured(plan: Plan, url: str) -> Figures:
    """Rounds in turns, so that a slow minute of the machine slows all contenders."""
    figures = Figures()
    async with (
        floor_at_work(url, agents=plan.agents, callers=plan.callers) as floor,
        bare_inserts(url, connections=CONNECTIONS) as bare,
    ):
        pbx = PbxLoad(floor.parts, agents=plan.agents, callers=plan.callers)
        await pbx.open()
        await floor.run(WARM_UP_S)
        await pbx.run(WARM_UP_S / 2)
        await bare.run(CONNECTIONS, WARM_UP_S / 2)
        with Progress(
            *Progress.get_default_columns(),
            TextColumn("{task.fields[last]}"),
            console=Console(stderr=True),
        ) as bar:
            task = bar.add_task("rounds", total=plan.rounds, last="")
            for _ in range(plan.rounds):
                figures.with_receipts.append(await pbx.run(plan.seconds))
                await _round(plan, url, floor, bare, figures)
                last = f"{figures.commands[-1]:.0f} of {figures.bare_many[-1]:.0f} a second"
                bar.update(task, advance=1, last=last)
    return figures


async def _round(
    plan: Plan, url: str, floor: FloorLoad, bare: BareInserts, figures: Figures
) -> None:
    figures.bare_many.append(await bare.run(CONNECTIONS, plan.seconds))
    figures.commands.append(await floor.run(plan.seconds))
    figures.bare_one.append(await bare.run(1, plan.seconds / 2))
    async with _slow_sync(url):
        figures.delayed_bare_one.append(await bare.run(1, plan.seconds / 2))
        figures.delayed_commands.append(await floor.run(plan.seconds))


@asynccontextmanager
async def _slow_sync(url: str) -> AsyncIterator[None]:
    """Every flush of the log takes `SYNC_MS` longer meanwhile."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(f"ALTER SYSTEM SET commit_delay = {SYNC_MS * 1000:.0f}")
        await connection.execute("ALTER SYSTEM SET commit_siblings = 0")
        await connection.execute("SELECT pg_reload_conf()")
        yield
    finally:
        await connection.execute("ALTER SYSTEM RESET commit_delay")
        await connection.execute("ALTER SYSTEM RESET commit_siblings")
        await connection.execute("SELECT pg_reload_conf()")
        await connection.close()


async def _server_version(url: str) -> str:
    connection = await asyncpg.connect(url)
    try:
        return str(await connection.fetchval("SHOW server_version"))
    finally:
        await connection.close()


# -- how it came out --------------------------------------------------------------------------


def _result(
    plan: Plan, figures: Figures, sync: tuple[float, str], server: str, load: float
) -> dict[str, Any]:
    """Medians of the rounds, the ratios' too; `load` is what the machine had to do besides, before."""
    commands, bare_many = statistics.median(figures.commands), statistics.median(figures.bare_many)
    ratio = _ratio(figures.commands, figures.bare_many)
    delayed_ratio = _ratio(figures.delayed_commands, figures.delayed_bare_one)
    delayed_one = statistics.median(figures.delayed_bare_one)
    return {
        "name": "floor",
        "date": SystemClock().now().isoformat(timespec="seconds"),
        "commands_per_s": round(commands),
        "bare_64_per_s": round(bare_many),
        "bare_1_per_s": round(statistics.median(figures.bare_one)),
        "ratio": round(ratio, 3),
        "fsync_us": round(sync[0]),
        "delayed": {
            "sync_ms": SYNC_MS,
            "commands_per_s": round(statistics.median(figures.delayed_commands)),
            "bare_1_per_s": round(delayed_one),
            "ratio": round(delayed_ratio, 2),
        },
        "with_receipts": {"commands_per_s": round(statistics.median(figures.with_receipts))},
        "runs": plan.rounds,
        "machine": machine(load),
        "plan": {"agents": plan.agents, "callers": plan.callers, "seconds": plan.seconds},
        "versions": {
            "python": platform.python_version(),
            "postgresql": server.split(maxsplit=1)[0],
            **{name: version(name) for name in ("careline", "asyncpg", "sqlalchemy")},
        },
        "rounds": {
            name: [round(each) for each in getattr(figures, name)] for name in Figures.__slots__
        },
        "notes": [f"fsync_us: {sync[1]}.", *NOTES],
        "limits_met": {
            f"commands/s >= {LEAST_PER_S:g}": commands >= LEAST_PER_S,
            f"ratio to {CONNECTIONS} connections >= {LEAST_RATIO}": ratio >= LEAST_RATIO,
            f"delayed, ratio to one connection >= {LEAST_DELAYED_RATIO:g}": delayed_ratio
            >= LEAST_DELAYED_RATIO,
            "the slow sync was there": delayed_one <= MOST_DELAYED_PER_S,
        },
    }


def _ratio(ours: list[float], theirs: list[float]) -> float:
    return statistics.median(mine / other for mine, other in zip(ours, theirs, strict=True))


def _show(result: dict[str, Any]) -> None:
    console = Console()
    table = Table("contender", "per second (median)", "rounds")
    for name, rounds in result["rounds"].items():
        shown = ", ".join(str(each) for each in rounds)
        table.add_row(name.replace("_", ", "), str(round(statistics.median(rounds))), shown)
    console.print(table)
    console.print(f"one sync: {result['fsync_us']} us; ratio: {result['ratio']}")
    for note in result["notes"]:
        console.print(note, style="dim")
    for limit, met in result["limits_met"].items():
        console.print(f"{limit}: {'met' if met else 'MISSED'}")
