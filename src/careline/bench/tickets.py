"""`careline bench tickets`: appeals written beside pgbench, and read among a million."""

import os
import statistics
import tempfile
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from careline.bench import tickets_http, tickets_looks
from careline.bench.appeals import COMMON_WORDS, LEAST_CHARACTERS, rare_words
from careline.bench.appeals_data import journal_of
from careline.bench.due_step import due_step
from careline.bench.telling import machine, quiet, tell_result
from careline.bench.tickets_writes import CONNECTIONS, Writes, writes_at
from careline_common.clock import SystemClock
from careline_common.postgres import PostgresLauncher

LEAST_RATIO = 0.35
MOST_MS = 50.0
MOST_STEP_S = 1.0
WARM_UP = 200
DATA = Path(".cache") / "bench-tickets"
NOTES = (
    "Create and transition: the service's use cases in one process, each in a transaction of its own, fsync on.",
    "pgbench carries out the statements that the service was heard to send, prepared, on as many connections.",
    "p95: whole answers of the service over HTTP, one question at a time, each put once before.",
    "The million appeals are made at the first run and kept under .cache; making them is not measured.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`writes` a contender and round; `looks` of each kind."""

    rounds: int
    writes: int
    appeals: int
    looks: int


@dataclass(slots=True)
class Pair:
    """Rates of one kind of work, ours and pgbench's, round by round."""

    per_s: list[float] = field(default_factory=list)
    pgbench_per_s: list[float] = field(default_factory=list)
    http_per_s: float = 0.0

    @property
    def ratio(self) -> float:
        """The median of the rounds' own ratios."""
        both = zip(self.per_s, self.pgbench_per_s, strict=True)
        return statistics.median(ours / theirs for ours, theirs in both)

    def shown(self) -> dict[str, float]:
        return {
            "per_s": round(statistics.median(self.per_s), 1),
            "pgbench_per_s": round(statistics.median(self.pgbench_per_s), 1),
            "ratio": round(self.ratio, 3),
            "http_per_s": round(self.http_per_s, 1),
        }


@dataclass(slots=True)
class Figures:
    create: Pair = field(default_factory=Pair)
    transition: Pair = field(default_factory=Pair)
    p95_ms: dict[str, float] = field(default_factory=dict)
    due_step: dict[str, float | int] = field(default_factory=dict)


async def measure_and_tell(plan: Plan, *, as_json: bool) -> None:
    """Measures, and prints a table or JSON. Raises `CannotError` when a limit is missed."""
    quiet()
    load = os.getloadavg()[0]
    figures = await _measured(plan, Console(stderr=True).print)
    result = _result(plan, figures, load)
    tell_result(result, _show, as_json=as_json)


async def _measured(plan: Plan, tell: Callable[[str], None]) -> Figures:
    figures = Figures()
    kept = DATA if plan.appeals == 1_000_000 else DATA.with_name(f"{DATA.name}-{plan.appeals}")
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="careline-bench-")))
        launcher, url = await stack.enter_async_context(journal_of(plan.appeals, kept, tell))
        await _write(plan, figures, launcher, folder, tell)
        async with tickets_looks.tickets_at(url, folder / "reads.log") as client:
            for name, asked in (
                ("list", tickets_looks.lists(plan.looks)),
                ("search", tickets_looks.searches(plan.looks)),
                ("duplicates", tickets_looks.likenesses(plan.looks)),
            ):
                tell(name)
                figures.p95_ms[name] = await tickets_looks.p95_ms(client, asked)
        tell("due steps")
        figures.due_step = await due_step(url)
    return figures


async def _write(
    plan: Plan,
    figures: Figures,
    launcher: PostgresLauncher,
    folder: Path,
    tell: Callable[[str], None],
) -> None:
    """Rounds in turns, so that a slow minute of the machine slows both; then the same through HTTP."""
    async with writes_at(launcher, folder) as writes:
        await writes.create(WARM_UP)
        await writes.take()
        for number in range(plan.rounds):
            tell(f"round {number + 1} of {plan.rounds}")
            await _round(plan, figures, writes)
        tell("through HTTP")
        async with tickets_looks.tickets_at(writes.url, folder / "writes.log") as client:
            created, taken = await tickets_http.rates(client, writes.some(plan.writes // 4))
    figures.create.http_per_s, figures.transition.http_per_s = created, taken


async def _round(plan: Plan, figures: Figures, writes: Writes) -> None:
    created, taken = await writes.peer(plan.writes)
    figures.create.pgbench_per_s.append(created)
    figures.transition.pgbench_per_s.append(taken)
    figures.create.per_s.append(await writes.create(plan.writes))
    figures.transition.per_s.append(await writes.take())


def _result(plan: Plan, figures: Figures, load: float) -> dict[str, Any]:
    """`load` is what the machine had to do besides, before it began."""
    return {
        "name": "tickets",
        "date": SystemClock().now().isoformat(timespec="seconds"),
        "runs": 1,
        "machine": machine(load),
        "appeals": plan.appeals,
        "text_chars_min": LEAST_CHARACTERS,
        "connections": CONNECTIONS,
        "create": figures.create.shown(),
        "transition": figures.transition.shown(),
        "p95_ms": {name: round(value, 1) for name, value in figures.p95_ms.items()},
        "searches": {"words_common": list(COMMON_WORDS), "words_rare": list(rare_words())},
        "due_step": figures.due_step,
        "rounds": plan.rounds,
        "notes": list(NOTES),
        "limits_met": {
            f"create ratio >= {LEAST_RATIO:g}": figures.create.ratio >= LEAST_RATIO,
            f"transition ratio >= {LEAST_RATIO:g}": figures.transition.ratio >= LEAST_RATIO,
            **{
                f"{name} p95 < {MOST_MS:g} ms": value < MOST_MS
                for name, value in figures.p95_ms.items()
            },
            f"step fires < {MOST_STEP_S:g} s": figures.due_step["max_delay_s"] < MOST_STEP_S,
        },
    }


def _show(result: dict[str, Any]) -> None:
    console = Console()
    table = Table("work", "service/s", "pgbench/s", "ratio", "through HTTP/s")
    for name in ("create", "transition"):
        each = result[name]
        table.add_row(
            name, *(str(each[key]) for key in ("per_s", "pgbench_per_s", "ratio", "http_per_s"))
        )
    console.print(table)
    console.print(f"due steps: {result['due_step']}")
    console.print(f"p95 ms among {result['appeals']} appeals: {result['p95_ms']}")
    for note in result["notes"]:
        console.print(note, style="dim")
    for limit, met in result["limits_met"].items():
        console.print(f"{limit}: {'met' if met else 'MISSED'}")
