"""`careline bench surveys`: from a call that ended to an SMS that the SMSC has acknowledged."""

import os
import statistics
import tempfile
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from careline.bench.surveys_load import BareClient, Smsc, Surveys, bare_client, surveys_at_work
from careline.bench.telling import machine, quiet, tell_result
from careline_common.clock import SystemClock

PEAK = 27_100
"""Invitations in an hour: what the busiest centre has in its busiest day."""
LEAST_PER_S = 200.0
LEAST_RATIO = 0.05
MOST_CPU_PCT = 15.0
MOST_GROWTH_MB = 5.0
WARM_UP = 300
NOTES = (
    "A message counts when its acknowledgement is committed; the clock starts before its event is published.",
    "The service is one process over a private PostgreSQL with fsync, its bus that of the standalone (PostgreSQL).",
    "Receipts come for all messages and are handled meanwhile, by both contenders.",
    "Peer: smpp34's own client, the same text and window, at an SMSC of the same kind, with no database.",
    "cpu_core_pct is the service's own processor time over the stretch, bus and receipts included, PostgreSQL not.",
    "The stretch is paced as 27,100 an hour are; with --full it lasts the hour.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`seconds` is the length of the paced stretch."""

    rounds: int
    messages: int
    window: int
    seconds: float


@dataclass(slots=True)
class Figures:
    per_s: list[float] = field(default_factory=list)
    bare_per_s: list[float] = field(default_factory=list)
    paced: int = 0
    cpu_pct: float = 0.0
    rss_start_mb: float = 0.0
    rss_end_mb: float = 0.0
    received: int = 0
    distinct: int = 0
    expected: int = 0


async def measure_and_tell(plan: Plan, *, as_json: bool) -> None:
    """Measures, and prints a table or JSON. Raises `CannotError` when a limit is missed."""
    quiet()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="careline-bench-") as folder:
        async with (
            surveys_at_work(Path(folder), plan.window) as (surveys, smsc),
            bare_client(Path(folder), plan.window) as bare,
        ):
            figures = await _measured(plan, surveys, smsc, bare)
    result = _result(plan, figures, load)
    tell_result(result, _show, as_json=as_json)


async def _measured(plan: Plan, surveys: Surveys, smsc: Smsc, bare: BareClient) -> Figures:
    """Rounds in turns, so that a slow minute of the machine slows both; then the paced stretch."""
    figures, number = Figures(), 0
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("rounds", total=2 * plan.rounds + 1)
        await surveys.run(WARM_UP, number)
        number += WARM_UP
        await bare.run(WARM_UP, 0)
        bar.advance(task)
        for _ in range(plan.rounds):
            figures.bare_per_s.append(await bare.run(plan.messages, number))
            bar.advance(task)
            figures.per_s.append(await surveys.run(plan.messages, number))
            number += plan.messages
            bar.advance(task)
        await surveys.receipted(number)
        bar.update(bar.add_task("paced as in the peak hour", total=None))
        figures.rss_start_mb, cpu_s = surveys.child.rss_mb(), surveys.child.cpu_s()
        figures.paced = await surveys.paced(PEAK / 3600, plan.seconds, number)
        figures.cpu_pct = 100 * (surveys.child.cpu_s() - cpu_s) / plan.seconds
        figures.rss_end_mb = surveys.child.rss_mb()
        figures.expected = number + figures.paced
        await surveys.receipted(figures.expected)
    received = smsc.received()
    figures.received, figures.distinct = received.total(), len(received)
    return figures


def _result(plan: Plan, figures: Figures, load: float) -> dict[str, Any]:
    """`load` is what the machine had to do besides, before it began."""
    per_s, bare = statistics.median(figures.per_s), statistics.median(figures.bare_per_s)
    ratio = statistics.median(
        mine / theirs for mine, theirs in zip(figures.per_s, figures.bare_per_s, strict=True)
    )
    return {
        "name": "surveys",
        "date": SystemClock().now().isoformat(timespec="seconds"),
        "runs": 1,
        "machine": machine(load),
        "versions": {"smpp34": version("smpp34")},
        "messages": plan.messages,
        "per_s": round(per_s, 1),
        "bare_client_per_s": round(bare, 1),
        "ratio": round(ratio, 3),
        "window": plan.window,
        "rounds": plan.rounds,
        "each_round": {
            "per_s": [round(each, 1) for each in figures.per_s],
            "bare_client_per_s": [round(each, 1) for each in figures.bare_per_s],
        },
        "hour": {
            "invitations": PEAK,
            "measured_s": plan.seconds,
            "measured_invitations": figures.paced,
            "cpu_core_pct": round(figures.cpu_pct, 2),
            "rss_start_mb": round(figures.rss_start_mb, 1),
            "rss_end_mb": round(figures.rss_end_mb, 1),
        },
        "server": {"received": figures.received, "distinct": figures.distinct},
        "notes": list(NOTES),
        "limits_met": {
            f"messages/s >= {LEAST_PER_S:g}": per_s >= LEAST_PER_S,
            f"ratio >= {LEAST_RATIO:g}": ratio >= LEAST_RATIO,
            f"core <= {MOST_CPU_PCT:g} %": figures.cpu_pct <= MOST_CPU_PCT,
            "memory flat": figures.rss_end_mb - figures.rss_start_mb <= MOST_GROWTH_MB,
            "each message once": figures.received == figures.distinct == figures.expected,
        },
    }


def _show(result: dict[str, Any]) -> None:
    console = Console()
    table = Table("contender", "messages/s (median)", "rounds")
    for name, label in (("per_s", "careline"), ("bare_client_per_s", "bare client")):
        rounds = ", ".join(str(each) for each in result["each_round"][name])
        table.add_row(label, str(result[name]), rounds)
    console.print(table)
    hour = result["hour"]
    console.print(
        f"ratio: {result['ratio']}; at {hour['invitations']} an hour: {hour['cpu_core_pct']} % of a core,"
        f" {hour['rss_start_mb']} MB before and {hour['rss_end_mb']} MB after"
    )
    for note in result["notes"]:
        console.print(note, style="dim")
    for limit, met in result["limits_met"].items():
        console.print(f"{limit}: {'met' if met else 'MISSED'}")
