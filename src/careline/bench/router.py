"""`careline bench router`: from a call's event to its offer at the agent, and where that ends."""

import asyncio
import itertools
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
from rich.table import Table

from careline.bench.child import Child, on_cores
from careline.bench.router_load import Centre, Stretch, Times, configuration
from careline.bench.router_wire import Wire, bearer, document, wire
from careline.bench.telling import machine, quiet, tell_result
from careline.datadir import CannotError
from careline_common.clock import SystemClock
from careline_common.http.issuer import LocalIssuer
from careline_common.postgres import PostgresLauncher

CALLS_PER_S = 20.0
MOST_P99_MS = 150.0
KNEE_P99_MS = 250.0
MOST_SLOPE_MB = 1.0
STEP = 1.25
"""How much more each step towards the knee is."""
STEP_S = 12.0
MOST_STEPS = 12
MOST_BUSY = 0.6
"""Of the agents, on the way to the knee: talks and wrap-ups are shortened so that it is not they who run out."""
WARM_UP_S = 120.0
"""What the router keeps of a call until 60 to 70 s after its wrap-up has filled by then, and so have its caches: a shorter
warm-up would count the filling as growth."""
PATIENCE_S = 30.0
BARE_S = 5.0
BARE_CLIENTS = 16
NOTES = (
    "offer: from just before the call's event is sent to the offer on the agent's socket, by the client's clock.",
    "The router has one core for itself; PostgreSQL (fsync on), 500 sockets and the PBX share the others.",
    "Whole stories: arrived, offered, accepted on the socket, rung, answered, bridged, hung up, wrapped up.",
    "On the way to the knee talk and wrap-up are shortened so that 60 % of the agents are busy at most.",
    "knee: the last rate whose p99 was at most 250 ms and that had no error; None is below the load.",
    "bare: FastAPI, uvicorn and asyncpg on the router's core, one row a request, 16 clients. A call is about twelve requests.",
    "rss_slope: least squares over the load, sampled each second, after a warm-up at the same rate (load.warm_up_s).",
    "rss_warm_up_mb: what the warm-up added, which is not in the slope; calls are kept for 60 to 70 s after their wrap-up.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`seconds` is how long the load lasts, `times` how long people take in it."""

    seconds: float
    agents: int
    steps: int = MOST_STEPS
    calls_per_s: float = CALLS_PER_S
    times: Times = field(default_factory=Times)
    warm_up_s: float = WARM_UP_S
    bare_s: float = BARE_S


@dataclass(slots=True)
class Figures:
    load: Stretch = field(default_factory=Stretch)
    slope_mb: float = 0.0
    cpu_pct: float = 0.0
    rss_mb: tuple[float, float] = (0.0, 0.0)
    warm_up_mb: float = 0.0
    steps: list[dict[str, Any]] = field(default_factory=list)
    bare_per_s: float = 0.0


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
    result = _result(plan, figures, machine_load)
    tell_result(result, _show, as_json=as_json)


async def _measured(plan: Plan, folder: Path, url: str, core: int) -> Figures:
    figures = Figures()
    async with (
        router_process(folder, url, core, plan.agents) as (child, http, address, issuer),
        asyncio.TaskGroup() as tasks,
    ):
        centre = Centre(http, address, issuer, tasks)
        await centre.open(plan.agents)
        _tell("warming up")
        centre.times = plan.times
        cold_mb = child.rss_mb()
        await centre.calls(plan.calls_per_s, plan.warm_up_s)
        figures.warm_up_mb = child.rss_mb() - cold_mb
        _tell(f"{plan.calls_per_s:g} calls/s for {plan.seconds:g} s")
        await _steady(plan, centre, child, figures)
        await _to_the_knee(plan, centre, figures)
        await centre.close()
    figures.bare_per_s = await _bare(folder, url, core, plan.bare_s)
    return figures


async def _steady(plan: Plan, centre: Centre, child: Child, figures: Figures) -> None:
    samples: list[tuple[float, float]] = []
    watching = asyncio.create_task(_watch(child, samples))
    cpu_s = child.cpu_s()
    figures.load = await centre.calls(plan.calls_per_s, plan.seconds)
    figures.cpu_pct = 100 * (child.cpu_s() - cpu_s) / plan.seconds
    watching.cancel()
    await centre.all_ended(figures.load, PATIENCE_S)
    figures.rss_mb = samples[0][1], samples[-1][1]
    figures.slope_mb = 60 * statistics.linear_regression(*zip(*samples, strict=True)).slope


async def _watch(child: Child, samples: list[tuple[float, float]]) -> None:
    while True:
        samples.append((perf_counter(), child.rss_mb()))
        await asyncio.sleep(1.0)


async def _to_the_knee(plan: Plan, centre: Centre, figures: Figures) -> None:
    """More and more, until offers come late or something fails."""
    for step in range(1, plan.steps + 1):
        per_s = plan.calls_per_s * STEP**step
        busy_s = min(10.0, MOST_BUSY * plan.agents / per_s)
        centre.times = Times(talk_s=0.8 * busy_s, wrap_up_s=0.2 * busy_s)
        stretch = await centre.calls(per_s, STEP_S)
        await centre.all_ended(stretch, PATIENCE_S)
        shown = {
            "calls_per_s": round(per_s, 1),
            "p99_ms": percentile_ms(stretch.delays_s, 99),
            "errors": stretch.errors.total(),
        }
        figures.steps.append(shown)
        _tell(f"{shown['calls_per_s']} calls/s: p99 {shown['p99_ms']} ms, {dict(stretch.errors)}")
        if not _bears(shown):
            return


def _bears(step: dict[str, Any]) -> bool:
    return bool(step["p99_ms"] <= KNEE_P99_MS and not step["errors"])


@asynccontextmanager
async def router_process(
    folder: Path, url: str, core: int, agents: int
) -> AsyncIterator[tuple[Child, Wire, str, LocalIssuer]]:
    """A router process on a core of its own, configured."""
    issuer = LocalIssuer(folder / "issuer.json")
    with on_cores({core}):
        child = Child(
            ["careline", "router", "serve", "--port", "0"],
            folder / "router.log",
            CARELINE_DATABASE_URL=url,
            CARELINE_ISSUER_FILE=str(issuer.path),
            CARELINE_PII_KEY="a key of benchmarks",
            CARELINE_LOG_LEVEL="WARNING",
        )
    try:
        address = await child.ready()
        async with wire(address) as http:
            admin = bearer(issuer.token(subject="bench", roles=["admin"]))
            body = document(**configuration(agents))
            status, answer = await http.ask("PUT", "/v1/config", admin, body)
            if status != 200:
                raise CannotError(f"the router does not take its configuration: {answer}")
            yield child, http, address, issuer
    except (OSError, EOFError, ExceptionGroup) as error:
        raise CannotError(f"{error!r}; the router: {child.last_words()}") from error
    finally:
        await child.stop()


async def _bare(folder: Path, url: str, core: int, seconds: float) -> float:
    """Requests/s of the bare endpoint on the same core, from clients that wait for each answer."""
    with on_cores({core}):
        child = Child(["careline.bench.bare_endpoint", url], folder / "bare.log")
    body = document(data='{"call_id": "0195", "pbx": "pbx1", "line": "+74950000001"}')
    counts = [0] * BARE_CLIENTS
    try:
        async with wire(await child.ready()) as http:
            until = perf_counter() + seconds

            async def client(place: int) -> None:
                while perf_counter() < until:
                    status, answer = await http.ask("POST", "/rows", "", body)
                    if status != 202:
                        raise CannotError(f"the bare endpoint failed: {answer}")
                    counts[place] += 1

            began = perf_counter()
            await asyncio.gather(*(client(place) for place in range(BARE_CLIENTS)))
            return sum(counts) / (perf_counter() - began)
    finally:
        await child.stop()


# -- how it came out --------------------------------------------------------------------------


def _result(plan: Plan, figures: Figures, machine_load: float) -> dict[str, Any]:
    """`machine_load` is what the machine had to do besides, before it began."""
    p99 = percentile_ms(figures.load.delays_s, 99)
    errors = figures.load.errors.total()
    passed = list(itertools.takewhile(_bears, figures.steps))
    bears = errors == 0 and p99 <= KNEE_P99_MS
    knee = (passed[-1]["calls_per_s"] if passed else plan.calls_per_s) if bears else None
    return {
        "name": "router",
        "date": SystemClock().now().isoformat(timespec="seconds"),
        "runs": 1,
        "machine": machine(machine_load),
        "load": {
            "calls_per_s": plan.calls_per_s,
            "seconds": plan.seconds,
            "warm_up_s": plan.warm_up_s,
            "calls": figures.load.calls,
            "offered": len(figures.load.delays_s),
            "agents": plan.agents,
            "errors": errors,
            "errors_by_kind": dict(figures.load.errors),
            "router_cpu_core_pct": round(figures.cpu_pct, 1),
        },
        "offer": {"p50_ms": percentile_ms(figures.load.delays_s, 50), "p99_ms": p99},
        "rss_slope_mb_per_min": round(figures.slope_mb, 3),
        "rss_warm_up_mb": round(figures.warm_up_mb, 1),
        "rss_mb": [round(each, 1) for each in figures.rss_mb],
        "knee": {"calls_per_s": knee, "steps": figures.steps},
        "bare": {"per_s": round(figures.bare_per_s, 1)},
        "notes": list(NOTES),
        "limits_met": {
            f"offer p99 < {MOST_P99_MS:g} ms": p99 < MOST_P99_MS,
            "no error": errors == 0,
            "every call offered": len(figures.load.delays_s) >= figures.load.calls > 0,
            f"RSS slope < {MOST_SLOPE_MB:g} MB/min": figures.slope_mb < MOST_SLOPE_MB,
        },
    }


def percentile_ms(delays_s: list[float], percent: int) -> float:
    """Milliseconds, by the nearest rank; what was never offered is infinitely late."""
    if not delays_s:
        return float("inf")
    ordered = sorted(delays_s)
    return round(1000 * ordered[max(0, -(-len(ordered) * percent // 100) - 1)], 2)


def _tell(text: str) -> None:
    Console(stderr=True).print(text, style="dim")


def _show(result: dict[str, Any]) -> None:
    console = Console()
    table = Table("calls/s", "offer p99, ms", "errors")
    load = result["load"]
    table.add_row(str(load["calls_per_s"]), str(result["offer"]["p99_ms"]), str(load["errors"]))
    for step in result["knee"]["steps"]:
        table.add_row(*(str(step[name]) for name in ("calls_per_s", "p99_ms", "errors")))
    console.print(table)
    console.print(
        f"p50 {result['offer']['p50_ms']} ms; RSS {result['rss_slope_mb_per_min']} MB/min;"
        f" {load['router_cpu_core_pct']} % of a core; knee {result['knee']['calls_per_s']} calls/s;"
        f" bare endpoint {result['bare']['per_s']} requests/s"
    )
    for note in result["notes"]:
        console.print(note, style="dim")
    for limit, met in result["limits_met"].items():
        console.print(f"{limit}: {'met' if met else 'MISSED'}")
