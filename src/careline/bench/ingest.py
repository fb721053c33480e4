"""`careline bench ingest`: rows of a partner's file into the database, beside dlt on the same file."""

import os
import statistics
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import asyncpg
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from careline.bench.ingest_load import (
    DLT,
    Contenders,
    dlt_environment,
    touched,
    write_csv,
    write_xlsx,
)
from careline.bench.telling import machine, quiet, tell_result
from careline.datadir import CannotError
from careline_common.clock import SystemClock
from careline_common.postgres import PostgresLauncher

LEAST_PER_S = 5000.0
LEAST_RATIO = 1.0
LEAST_UNCHANGED_RATIO = 5.0
MOST_MB = 300.0
MOST_GROWTH_MB = 20.0
CACHE = Path(".cache").absolute()
NOTES = (
    (
        "Ours: copied, hashed, validated and brought into one spelling row by row, with identity, version, quarantine,"
        " look-up keys and an event in the outbox for each row; the clock starts at the first byte copied."
    ),
    (
        "dlt: its own CSV reader (filesystem | read_csv) and loader, values as text, write_disposition merge (delete-insert)"
        " by primary key; the clock runs over pipeline.run alone. Neither clock has the start of Python in it."
    ),
    "unchanged: the same rows in a file of other bytes, so that each has to be read and compared.",
    "Each in a process of its own, in turns, a database of its own in one private PostgreSQL with fsync.",
    "peak_mb is the highest resident memory of our process; of XLSX with that of the process that reads the sheet.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    rows: int
    xlsx_rows: int
    rounds: int
    seconds: float
    """After so long no further round begins."""


@dataclass(slots=True)
class Figures:
    per_s: list[float] = field(default_factory=list)
    dlt_per_s: list[float] = field(default_factory=list)
    unchanged_per_s: list[float] = field(default_factory=list)
    dlt_unchanged_per_s: list[float] = field(default_factory=list)
    peak_mb: float = 0.0
    peak_mb_tenth: float = 0.0
    xlsx_per_s: float = 0.0
    xlsx_peak_mb: float = 0.0


async def measure_and_tell(plan: Plan, *, as_json: bool) -> None:
    """Measures, and prints a table or JSON. Raises `CannotError` when a limit is missed."""
    quiet()
    load = os.getloadavg()[0]
    dlt = await dlt_environment(CACHE)
    with tempfile.TemporaryDirectory(prefix="careline-bench-") as name:
        folder = Path(name)
        async with PostgresLauncher(folder / "postgres").running() as url:
            admin = await asyncpg.connect(url)
            try:
                figures = await _measured(plan, Contenders(admin, url, folder, dlt), folder)
            finally:
                await admin.close()
    result = _result(plan, figures, load)
    tell_result(result, _show, as_json=as_json)


async def _measured(plan: Plan, contenders: Contenders, folder: Path) -> Figures:
    """Rounds in turns, so that a slow minute of the machine slows both; then what needs no peer."""
    figures = Figures()
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("files", total=plan.rounds + 3)
        whole, tenth = _csv(folder, plan.rows), _csv(folder, max(1, plan.rows // 10))
        again = touched(whole)
        began = perf_counter()
        for number in range(plan.rounds):
            if number and perf_counter() - began > plan.seconds:
                break
            bar.update(task, description=f"round {number + 1}", advance=1)
            turns = [_our_turn, _their_turn]
            for turn in turns if number % 2 == 0 else reversed(turns):
                await turn(plan.rows, contenders, figures, whole, again)
        bar.update(task, description="a tenth", advance=1)
        told = await contenders.ours(
            await contenders.database(), tenth, "csv", {"created": max(1, plan.rows // 10)}
        )
        figures.peak_mb_tenth = told.peak_mb
        bar.update(task, description="xlsx", advance=1)
        sheet = folder / f"{plan.xlsx_rows}.xlsx"
        write_xlsx(sheet, plan.xlsx_rows)
        told = await contenders.ours(
            await contenders.database(), sheet, "xlsx", {"created": plan.xlsx_rows}
        )
        figures.xlsx_per_s, figures.xlsx_peak_mb = told.per_s, told.peak_mb
    return figures


def _csv(folder: Path, rows: int) -> Path:
    path = folder / f"{rows}.csv"
    write_csv(path, rows)
    return path


async def _our_turn(
    rows: int, contenders: Contenders, figures: Figures, whole: Path, again: Path
) -> None:
    url = await contenders.database()
    told = await contenders.ours(url, whole, "csv", {"created": rows})
    figures.per_s.append(told.per_s)
    figures.peak_mb = max(figures.peak_mb, told.peak_mb)
    told = await contenders.ours(url, again, "csv", {"created": 0, "unchanged": rows})
    figures.unchanged_per_s.append(told.per_s)
    figures.peak_mb = max(figures.peak_mb, told.peak_mb)
    kept = await contenders.recorded(url)
    if kept != (rows, rows):
        raise CannotError(f"{kept[0]} records and {kept[1]} events are there of {rows} rows")


async def _their_turn(
    rows: int, contenders: Contenders, figures: Figures, whole: Path, again: Path
) -> None:
    url = await contenders.database()
    figures.dlt_per_s.append((await contenders.dlt(url, whole, rows)).per_s)
    figures.dlt_unchanged_per_s.append((await contenders.dlt(url, again, rows)).per_s)


def _ratio(mine: list[float], theirs: list[float]) -> float:
    """The median over the rounds, each of which had its own minute of the machine."""
    return round(statistics.median(a / b for a, b in zip(mine, theirs, strict=True)), 3)


def _result(plan: Plan, figures: Figures, load: float) -> dict[str, Any]:
    """`load` is what the machine had to do besides, before it began."""
    series = {
        name: [round(each, 1) for each in getattr(figures, name)]
        for name in ("per_s", "dlt_per_s", "unchanged_per_s", "dlt_unchanged_per_s")
    }
    medians = {name: round(statistics.median(values), 1) for name, values in series.items()}
    ratio = _ratio(figures.per_s, figures.dlt_per_s)
    unchanged_ratio = _ratio(figures.unchanged_per_s, figures.dlt_unchanged_per_s)
    csv = {
        "rows": plan.rows,
        "per_s": medians["per_s"],
        "dlt_per_s": medians["dlt_per_s"],
        "ratio": ratio,
        "unchanged_per_s": medians["unchanged_per_s"],
        "dlt_unchanged_per_s": medians["dlt_unchanged_per_s"],
        "unchanged_ratio": unchanged_ratio,
        "peak_mb": round(figures.peak_mb, 1),
        "peak_mb_tenth": round(figures.peak_mb_tenth, 1),
    }
    return {
        "name": "ingest",
        "date": SystemClock().now().isoformat(timespec="seconds"),
        "runs": 1,
        "machine": machine(load),
        "csv": csv,
        "xlsx": {
            "rows": plan.xlsx_rows,
            "per_s": round(figures.xlsx_per_s, 1),
            "peak_mb": round(figures.xlsx_peak_mb, 1),
        },
        "dlt": {
            "version": DLT[0].partition("==")[2],
            "destination": "postgres",
            "write_disposition": "merge (delete-insert)",
            "reader": f"filesystem | read_csv, {DLT[1]}",
        },
        "rounds": len(figures.per_s),
        "each_round": series,
        "notes": list(NOTES),
        "limits_met": {
            f"rows/s >= {LEAST_PER_S:g}": medians["per_s"] >= LEAST_PER_S,
            f"ratio >= {LEAST_RATIO:g}": ratio >= LEAST_RATIO,
            f"unchanged ratio >= {LEAST_UNCHANGED_RATIO:g}": unchanged_ratio
            >= LEAST_UNCHANGED_RATIO,
            f"memory < {MOST_MB:g} MB": max(figures.peak_mb, figures.xlsx_peak_mb) < MOST_MB,
            "memory flat": figures.peak_mb - figures.peak_mb_tenth <= MOST_GROWTH_MB,
        },
    }


def _show(result: dict[str, Any]) -> None:
    console = Console()
    table = Table("contender", "rows/s (median)", "rounds")
    for name, rounds in result["each_round"].items():
        table.add_row(name, str(result["csv"][name]), ", ".join(str(each) for each in rounds))
    console.print(table)
    csv, xlsx = result["csv"], result["xlsx"]
    console.print(
        f"ratio {csv['ratio']}, unchanged {csv['unchanged_ratio']}; {csv['peak_mb']} MB,"
        f" {csv['peak_mb_tenth']} MB for a tenth; XLSX {xlsx['per_s']} rows/s, {xlsx['peak_mb']} MB"
    )
    for note in result["notes"]:
        console.print(note, style="dim")
    for limit, met in result["limits_met"].items():
        console.print(f"{limit}: {'met' if met else 'MISSED'}")
