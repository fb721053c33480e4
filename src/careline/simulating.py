"""`careline sim`: from what was asked to JSON, a table and a picture."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from careline.datadir import CannotError
from careline_router.simulation.comparison import Comparison, Days, play_comparison, report
from careline_router.simulation.days import player
from careline_router.simulation.plots import FORMATS, draw
from careline_router.simulation.policies import CONTENDERS, REFERENCE
from careline_router.simulation.runner import Conduct
from careline_router.simulation.scenario import Scenario, ScenarioError, load_scenario
from careline_router.simulation.staffing import NoStaffError, Staffing, find_staff

MOST_SEEDS = 10_000
WIDE = 160
COLUMNS = {
    "sl20": "SL20 %",
    "delta_sl20": "difference",
    "lcr": "LCR %",
    "delta_lcr": "difference",
    "asa": "ASA s",
    "p95": "P95 s",
    "p99": "P99 s",
    "occupancy": "busy %",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What both commands are told."""

    scenario: Scenario
    policies: tuple[str, ...]
    seeds: tuple[int, ...]
    conduct: Conduct


def asked(
    file: Path,
    policy: str,
    seeds: str,
    *,
    ring_s: float,
    missed_pct: float,
    lag_s: float,
    fair: bool,
) -> Asked:
    """Reads the scenario and what else is given. Wrong usage ends here, in one line and exit 2; a
    scenario that cannot be used is a `CannotError`."""
    conduct = Conduct(ring_s=ring_s, missed_pct=missed_pct, lag_s=lag_s, fair=fair)
    names, days = known_policies(policy), _seeds(seeds)
    try:
        scenario = load_scenario(file)
    except ScenarioError as error:
        raise CannotError(str(error)) from error
    return Asked(scenario=scenario, policies=names, seeds=days, conduct=conduct)


def compare(
    what: Asked, *, agents: int | None, plot: Path | None, processes: int | None, as_json: bool
) -> None:
    """`careline sim run`."""
    if plot is not None and plot.suffix not in FORMATS:
        _wrong(f"--plot {plot}: the name must end in {' or '.join(FORMATS)}")
    comparison = Comparison(
        scenario=what.scenario,
        agents=agents or what.scenario.agents_on_phone,
        seeds=what.seeds,
        policies=what.policies,
        conduct=what.conduct,
    )
    with player(processes, at_once=len(what.seeds)) as play, _progress(len(what.seeds)) as done:
        days = play_comparison(comparison, play, done)
    if plot is not None:
        _draw(comparison, days, plot)
    result = report(comparison, days)
    if as_json:
        typer.echo(json.dumps(result, indent=1))
    else:
        show(_comparison_table(result))


def find_fewest(what: Asked, *, processes: int | None, as_json: bool) -> None:
    """`careline sim staff`."""
    staffing = Staffing(
        scenario=what.scenario, seeds=what.seeds, policies=what.policies, conduct=what.conduct
    )
    with player(processes, at_once=len(what.seeds)) as play, _progress(None) as done:
        try:
            result = find_staff(staffing, play, done)
        except NoStaffError as error:
            raise CannotError(f"{error}: is the roster in the scenario right?") from error
    if as_json:
        typer.echo(json.dumps(result, indent=1))
    else:
        show(_staffing_table(result))


# -- what is asked ---------------------------------------------------------------------------------


def _wrong(message: str) -> NoReturn:
    typer.echo(f"careline: {message}", err=True)
    raise typer.Exit(2)


def known_policies(text: str) -> tuple[str, ...]:
    """The names in a list with commas; one that is none ends in one line and exit 2."""
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    unknown = [name for name in names if name not in CONTENDERS]
    if unknown:
        _wrong(f"no policy {', '.join(map(repr, unknown))}; there are {', '.join(CONTENDERS)}")
    return names


def _seeds(text: str) -> tuple[int, ...]:
    match = re.fullmatch(r"(\d{1,9})(?:-(\d{1,9}))?", text.strip())
    if match is None:
        _wrong(f"--seeds {text!r}: say from which to which, like 400-429")
    first, last = int(match[1]), int(match[2] or match[1])
    if last < first:
        _wrong(f"--seeds {text}: the first must not be above the last")
    if last - first >= MOST_SEEDS:
        _wrong(f"--seeds {text}: at most {MOST_SEEDS} at once")
    return tuple(range(first, last + 1))


# -- what is told ----------------------------------------------------------------------------------


@contextmanager
def _progress(total: int | None) -> Iterator[Callable[[], None]]:
    """A bar on standard error, where somebody looks at it; to be called after each step."""
    console = Console(stderr=True)
    columns = (
        TextColumn("days played"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
    )  # fmt: skip
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("", total=total)
        yield lambda: bar.advance(task)


def _draw(comparison: Comparison, days: Days, file: Path) -> None:
    try:
        draw(comparison, days, file)
    except OSError as error:
        raise CannotError(
            f"cannot write {file}: {error.strerror}; name another file with --plot"
        ) from error


def _comparison_table(result: dict[str, Any]) -> Table:
    seeds = result["seeds"]
    table = Table(
        "policy",
        *COLUMNS.values(),
        title=f"{result['scenario']}, {result['agents']} agents, seeds {seeds[0]}-{seeds[-1]}",
        caption=f"± is half a 95 % interval; differences to {REFERENCE}, paired by day",
    )
    for name, figures in result["policies"].items():
        table.add_row(name, *(_with_half(figures[column]) for column in COLUMNS))
    return table


def _staffing_table(result: dict[str, Any]) -> Table:
    table = Table(
        "policy", "agents", "SL20 %", "LCR %", "needed", "saved", "needed at equal LCR", "saved",
        title=f"{result['scenario']}: {result['sl20_pct']:g} % in 20 s, less than"
        f" {result['lcr_pct']:g} % lost, {len(result['seeds'])} days",
        caption="needed and saved are read between numbers of agents; saved with its 95 % interval",
    )  # fmt: skip
    for name, figures in result["policies"].items():
        equal = figures["at_equal_lcr"]
        table.add_row(
            name,
            str(figures["agents"]),
            _with_half(figures["sl20"]),
            _with_half(figures["lcr"]),
            f"{figures['needed']:.1f}",
            _with_bounds(figures["saved"]),
            f"{equal['needed']:.1f}",
            _with_bounds(equal["saved"]),
        )
    return table


Figure = Mapping[str, float | None]


def _with_half(figure: Figure) -> str:
    """`80.61 ±1.4`; a dash where there is nothing to say."""
    mean, high = figure["mean"], figure["high"]
    if mean is None:
        return "-"
    return f"{mean:.2f}" if high is None else f"{mean:.2f} ±{high - mean:.1f}"


def _with_bounds(figure: Figure) -> str:
    """`5.1 [4.3, 6.9]`."""
    mean, low, high = figure["mean"], figure["low"], figure["high"]
    return f"{mean:.1f}" if low is None else f"{mean:.1f} [{low:.1f}, {high:.1f}]"


def show(table: Table) -> None:
    """A file or a pipe takes any width."""
    console = Console()
    if not console.is_terminal:
        console.width = WIDE
    console.print(table)
