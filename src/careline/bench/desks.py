"""`careline bench desks`: thousands of agents connected to one process, at rest and under calls."""

import asyncio
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

from rich.console import Console
from rich.table import Table

from careline.bench.child import on_cores
from careline.bench.router import KNEE_P99_MS, percentile_ms, router_process
from careline.bench.router_load import Centre, Stretch, Times
from careline.bench.telling import machine, quiet, tell_result
from careline_common.clock import SystemClock
from careline_common.postgres import PostgresLauncher

AGENTS = 2000
MOST_KB = 200.0
MOST_IDLE_PCT = 25.0
PATIENCE_S = 30.0
NOTES = (
    "connect: log-in, ticket, WebSocket and ready of all agents, twenty at a time.",
    "kb_per_agent: what the router's memory grew by while they came, divided by their number.",
    "idle: of the router's core, while nobody calls; each agent is told of the queues every 5 s.",
    "offer: from just before the call's event is sent to the offer on the agent's socket, by the client's clock.",
    "The router has one core for itself; PostgreSQL (fsync on), the sockets' other ends and the PBX share the others.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`idle_s` is how long nobody calls, `seconds` how long somebody does."""

    agents: int = AGENTS
    idle_s: float = 20.0
    seconds: float = 30.0
    calls_per_s: float = 20.0
    times: Times = field(default_factory=Times)


@dataclass(slots=True)
class Figures:
    connect_s: float = 0.0
    rss_mb: tuple[float, float] = (0.0, 0.0)
    idle_pct: float = 0.0
    load_pct: float = 0.0
    load: Stretch = field(default_factory=Stretch)


async def measure_and_tell(plan: Plan, *, as_json: bool) -> None:
    """Measures, and prints a table or JSON. Raises `CannotError` when a limit is missed."""
    quiet()
    machine_load = os.getloadavg()[0]
    own, *others = sorted(os.sched_getaffinity(0))
    with (
        tempfile.TemporaryDirectory(prefix="careline-bench-") as folder,
        on_cores(set(others) or {own}),
    ):
        async with PostgresLauncher(Path(folder) / "postgres").running() as url:
            figures = await _measured(plan, Path(folder), url, own)
    tell_result(_result(plan, figures, machine_load), _show, as_json=as_json)


async def _measured(plan: Plan, folder: Path, url: str, core: int) -> Figures:
    figures = Figures()
    async with (
        router_process(folder, url, core, plan.agents) as (child, http, address, issuer),
        asyncio.TaskGroup() as tasks,
    ):
        centre = Centre(http, address, issuer, tasks)
        centre.times = plan.times
        empty_mb, began = child.rss_mb(), perf_counter()
        await centre.open(plan.agents)
        figures.connect_s = perf_counter() - began
        figures.rss_mb = empty_mb, child.rss_mb()
        cpu_s = child.cpu_s()
        await asyncio.sleep(plan.idle_s)
        figures.idle_pct = 100 * (child.cpu_s() - cpu_s) / plan.idle_s
        cpu_s = child.cpu_s()
        figures.load = await centre.calls(plan.calls_per_s, plan.seconds)
        figures.load_pct = 100 * (child.cpu_s() - cpu_s) / plan.seconds
        await centre.all_ended(figures.load, PATIENCE_S)
        await centre.close()
    return figures


def _result(plan: Plan, figures: Figures, machine_load: float) -> dict[str, Any]:
    """`machine_load` is what the machine had to do besides, before it began."""
    load = figures.load
    p99, errors = percentile_ms(load.delays_s, 99), load.errors.total()
    kb_per_agent = 1024 * (figures.rss_mb[1] - figures.rss_mb[0]) / plan.agents
    return {
        "name": "desks",
        "date": SystemClock().now().isoformat(timespec="seconds"),
        "runs": 1,
        "machine": machine(machine_load),
        "agents": plan.agents,
        "connect": {
            "seconds": round(figures.connect_s, 1),
            "per_s": round(plan.agents / figures.connect_s, 1),
        },
        "rss_mb": [round(each, 1) for each in figures.rss_mb],
        "kb_per_agent": round(kb_per_agent, 1),
        "idle": {"seconds": plan.idle_s, "router_cpu_core_pct": round(figures.idle_pct, 1)},
        "load": {
            "calls_per_s": plan.calls_per_s,
            "seconds": plan.seconds,
            "calls": load.calls,
            "offered": len(load.delays_s),
            "errors": errors,
            "errors_by_kind": dict(load.errors),
            "router_cpu_core_pct": round(figures.load_pct, 1),
        },
        "offer": {"p50_ms": percentile_ms(load.delays_s, 50), "p99_ms": p99},
        "notes": list(NOTES),
        "limits_met": {
            "everybody is connected, no error": errors == 0,
            "every call offered": len(load.delays_s) >= load.calls > 0,
            f"offer p99 < {KNEE_P99_MS:g} ms": p99 < KNEE_P99_MS,
            f"memory < {MOST_KB:g} KB an agent": kb_per_agent < MOST_KB,
            f"idle < {MOST_IDLE_PCT:g} % of a core": figures.idle_pct < MOST_IDLE_PCT,
        },
    }


def _show(result: dict[str, Any]) -> None:
    console = Console()
    table = Table("agents", "connected in, s", "KB each", "idle, %", "offer p99, ms", "errors")
    table.add_row(
        str(result["agents"]),
        str(result["connect"]["seconds"]),
        str(result["kb_per_agent"]),
        str(result["idle"]["router_cpu_core_pct"]),
        str(result["offer"]["p99_ms"]),
        str(result["load"]["errors"]),
    )
    console.print(table)
    for note in result["notes"]:
        console.print(note, style="dim")
    for limit, met in result["limits_met"].items():
        console.print(f"{limit}: {'met' if met else 'MISSED'}")
