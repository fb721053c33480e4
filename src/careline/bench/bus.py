"""`careline bench bus`: how fast an event gets from one service's transaction into another's."""

import os
import platform
import statistics
import subprocess
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import aio_pika
import asyncpg
from rich.console import Console
from rich.progress import Progress, TextColumn
from rich.table import Table

from careline.bench.ours import Ours, example, ours
from careline.bench.peer import WINDOW, Peer, peer
from careline.bench.telling import machine, quiet, tell_result
from careline.datadir import CannotError
from careline_common.clock import SystemClock
from careline_common.messaging.rabbit import PREFETCH
from careline_common.messaging.transport import BATCH
from careline_common.postgres import PostgresLauncher

LEAST_RATIO = 0.3
LONGEST_P99_MS = 250.0
RATE = 200.0
"""Events a second while latency is taken: the rate for which `LONGEST_P99_MS` is promised."""
SERIAL_SHARE = 5
"""Of the peer that waits for each confirm this part of the events is enough."""
WARM_UP = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to measure, and where."""

    rabbit_url: str | None
    database_url: str | None
    rounds: int
    events: int
    seconds: float

    @property
    def timed_events(self) -> int:
        return round(RATE * self.seconds)


@dataclass(slots=True)
class Figures:
    """Events/s of each round, and seconds of each event at the steady rate."""

    careline: list[float] = field(default_factory=list)
    peer_pipelined: list[float] = field(default_factory=list)
    peer_serial: list[float] = field(default_factory=list)
    careline_latency_s: list[float] = field(default_factory=list)
    peer_latency_s: list[float] = field(default_factory=list)
    exactly_once: bool = False


async def measure_and_tell(plan: Plan, *, as_json: bool) -> None:
    """Measures, and prints a table or JSON. Raises `CannotError` when a limit is missed."""
    quiet()
    async with _components(plan) as (rabbit_url, database_url):
        versions = await _versions(rabbit_url, database_url)
        load = os.getloadavg()[0]
        figures = await _measured(plan, rabbit_url, database_url)
    result = _result(plan, figures, versions, load)
    tell_result(result, _show, as_json=as_json)


# -- where ------------------------------------------------------------------------------------


@asynccontextmanager
async def _components(plan: Plan) -> AsyncIterator[tuple[str, str]]:
    """The URLs of the plan, with a private component in the place of each that is missing."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="careline-bench-")))
        rabbit_url, database_url = plan.rabbit_url, plan.database_url
        if database_url is None:
            launcher = PostgresLauncher(folder / "postgres")
            database_url = await stack.enter_async_context(launcher.running())
        if rabbit_url is None:
            rabbit_url = await stack.enter_async_context(private_rabbit(folder / "rabbitmq"))
        yield rabbit_url, database_url


@asynccontextmanager
async def private_rabbit(folder: Path) -> AsyncIterator[str]:
    try:
        from careline_common.testing.components import require
        from careline_common.testing.ports import Ports
        from careline_common.testing.rabbit import private_node
    except ImportError as error:
        raise CannotError(
            "no parts for a private RabbitMQ here; name one by --rabbit-url"
        ) from error
    # pytest's own exceptions for a component that is not there derive from BaseException
    try:
        component = require("rabbitmq", Path.cwd())
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise
        raise CannotError(f"{error}; name one by --rabbit-url") from error
    ports = Ports()
    try:
        async with private_node(component, folder, ports) as node:
            yield node.url(await node.create_vhost())
    finally:
        ports.close()


# -- what -------------------------------------------------------------------------------------


async def _measured(plan: Plan, rabbit_url: str, database_url: str) -> Figures:
    """Rounds in turns, so that a slow minute of the machine slows all of them; then latency."""
    figures = Figures()
    console = Console(stderr=True)
    async with ours(rabbit_url, database_url) as careline, peer(rabbit_url) as bare:
        await careline.throughput(WARM_UP)
        bodies = [example()] * plan.events
        await bare.throughput(bodies[:WARM_UP])
        with Progress(
            *Progress.get_default_columns(), TextColumn("{task.fields[last]}"), console=console
        ) as bar:
            task = bar.add_task("throughput", total=plan.rounds, last="")
            for _ in range(plan.rounds):
                await _round(plan, careline, bare, bodies, figures)
                last = f"{figures.careline[-1]:.0f} of {figures.peer_pipelined[-1]:.0f} events/s"
                bar.update(task, advance=1, last=last)
            task = bar.add_task("latency", total=2, last=f"{RATE:g} events/s")
            figures.careline_latency_s = await careline.latency(plan.timed_events, rate=RATE)
            bar.advance(task)
            timed = [example()] * plan.timed_events
            figures.peer_latency_s = await bare.latency(timed, rate=RATE)
            bar.advance(task)
        figures.exactly_once = await careline.exactly_once()
    return figures


async def _round(
    plan: Plan, careline: Ours, bare: Peer, bodies: list[bytes], figures: Figures
) -> None:
    figures.peer_pipelined.append(await bare.throughput(bodies))
    figures.careline.append(await careline.throughput(plan.events))
    serial = bodies[: max(1, plan.events // SERIAL_SHARE)]
    figures.peer_serial.append(await bare.throughput(serial, window=1))


# -- how it came out --------------------------------------------------------------------------


def _result(plan: Plan, figures: Figures, versions: dict[str, str], load: float) -> dict[str, Any]:
    """`load` is what the machine had to do besides, before it began."""
    ratios = [
        mine / theirs for mine, theirs in zip(figures.careline, figures.peer_pipelined, strict=True)
    ]
    ratio, latency = statistics.median(ratios), _percentiles(figures.careline_latency_s)
    return {
        "name": "bus",
        "date": SystemClock().now().isoformat(timespec="seconds"),
        "runs": 1,
        "commit": _commit(),
        "versions": versions,
        "machine": machine(load),
        "plan": {
            **{key: value for key, value in asdict(plan).items() if not key.endswith("_url")},
            "rate": RATE,
            "unconfirmed_at_most": WINDOW,
            "prefetch": PREFETCH,
            "batch_at_most": BATCH,
            "body_bytes": len(example()),
        },
        # the names that clients hold on to, medians; the rest says how they came about
        "careline": {"events_per_s": round(statistics.median(figures.careline))},
        "bare": {"events_per_s": round(statistics.median(figures.peer_pipelined))},
        "ratio": round(ratio, 3),
        "at_200": {"p99_ms": latency["p99"]},
        "rounds": plan.rounds,
        "events_per_s": {
            "careline": _rounds(figures.careline),
            "peer_pipelined": _rounds(figures.peer_pipelined),
            "peer_serial": _rounds(figures.peer_serial),
        },
        "ratios": [round(each, 3) for each in ratios],
        "latency_ms": {"careline": latency, "peer": _percentiles(figures.peer_latency_s)},
        "limits_met": {
            f"ratio >= {LEAST_RATIO}": ratio >= LEAST_RATIO,
            f"p99 < {LONGEST_P99_MS:g} ms": latency["p99"] < LONGEST_P99_MS,
            "each event once": figures.exactly_once,
        },
    }


def _rounds(values: Sequence[float]) -> dict[str, Any]:
    return {"median": round(statistics.median(values)), "rounds": [round(each) for each in values]}


def _percentiles(seconds: Sequence[float]) -> dict[str, float]:
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    chosen = {"p50": cuts[49], "p95": cuts[94], "p99": cuts[98], "max": max(seconds)}
    return {name: round(value * 1000, 2) for name, value in chosen.items()}


async def _versions(rabbit_url: str, database_url: str) -> dict[str, str]:
    async with await aio_pika.connect(rabbit_url) as broker:
        transport = broker.transport
        assert transport is not None
        product = transport.connection.server_properties.get("version", "unknown")
    database = await asyncpg.connect(database_url)
    try:
        server = await database.fetchval("SHOW server_version")
    finally:
        await database.close()
    packages = {name: version(name) for name in ("careline", "aio-pika", "asyncpg", "sqlalchemy")}
    return {
        "python": platform.python_version(),
        "rabbitmq": product.decode() if isinstance(product, bytes) else str(product),
        "postgresql": str(server).split()[0],
        **packages,
    }


def _commit() -> str | None:
    """The commit that was measured; None outside a repository."""
    shown = subprocess.run(
        ["git", "rev-parse", "HEAD"],  # noqa: S607 - whichever git this is
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return shown.stdout.strip() or None


def _show(result: dict[str, Any]) -> None:
    console = Console()
    table = Table("contender", "events/s (median)", "p50 ms", "p95 ms", "p99 ms")
    latency = result["latency_ms"]
    for name, figures in result["events_per_s"].items():
        times = latency.get({"careline": "careline", "peer_pipelined": "peer"}.get(name), {})
        shown = (str(times.get(key, "")) for key in ("p50", "p95", "p99"))
        table.add_row(name.replace("_", ", "), str(figures["median"]), *shown)
    console.print(table)
    console.print(f"ratio to the pipelined peer: {result['ratio']}")
    for limit, met in result["limits_met"].items():
        console.print(f"{limit}: {'met' if met else 'MISSED'}")
