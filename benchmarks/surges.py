"""How surely bursts of appeals are found, and how often a quiet journal is disturbed.

    python -m benchmarks.surges [--worlds N] [--seed S] [--out FILE] [--real CSV ...] [--only NAME ...]

Bursts of 2, 3 and 5 times over 3 to 7 days are put into simulated journals (weekdays, season, growth,
holidays, over-dispersion, closed weekends, rates that wander, days on which letters are entered by the pile;
sparse and dense) and judged day by day. `by_day_2` is found by the second day of the burst;
`possible_pct` what a detector finds by then that knows what the journal is made of (`surge_oracle`).
`--real` reads day,organisation,subject,territory,count lines. The detector was tuned on seeds below
`HELD_BACK`, and on the worlds above the line; what is reported is drawn from seeds from there on.
"""

import argparse
import csv
import json
import random
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from careline_common.clock import SystemClock
from careline_tickets.domain.surges.series import Key
from careline_tickets.domain.surges.watch import Watch

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))
from arrivals import HOLIDAYS, START, Days, Truth, World, arrivals, rates, with_burst

from benchmarks.surge_oracle import finds

RESULTS = Path(__file__).parent / "results" / "surges.json"
SIZES = (2, 3, 5)
BANDS = ((1, "below 1"), (3, "1 to 3"), (10, "3 to 10"), (30, "10 to 30"), (10**9, "above 30"))
WORLDS = {
    "sparse": World(mean=0.3),
    "middle": World(mean=2.0, organisations=12),
    "dense": World(mean=12.0, organisations=6, subjects=4),
    "closed weekends": World(mean=4.0, organisations=8, closed_weekends=True),
    "drifting": World(mean=3.0, organisations=8, drift=0.2),
    "piles of letters": World(mean=3.0, organisations=8, piles_a_year=12),
    "wild": World(mean=3.0, organisations=8, variation=0.15, common=0.2, season=0.4),
    "rough": World(mean=6.0, organisations=8, variation=0.1, drift=0.3, persistence=0.7, common=0.15),
    # held back: nothing was tuned on these two
    "slow tides": World(mean=4.0, organisations=8, subjects=4, drift=0.4, persistence=0.97),
    "everything": World(
        mean=5.0, organisations=8, subjects=4, variation=0.08, drift=0.2, persistence=0.9, common=0.15,
        piles_a_year=3, season=0.3, growth_a_year=0.6,
    ),
}  # fmt: skip
HELD_BACK = 200
WARM = 60
BURSTS = 5
Possible = Callable[[Key, date, int], bool]
"""Whether the two days from this one on, with so many appeals, can be told from chance."""


class Score:
    """Found and placed bursts by size and mean a day."""

    def __init__(self) -> None:
        self.placed: dict[tuple[int, str], list[int | None]] = defaultdict(list)
        self.possible: dict[tuple[int, str], list[bool]] = defaultdict(list)
        self.false = 0
        self.days = 0
        self.series = 0

    def add(self, other: "Score") -> None:
        for key, delays in other.placed.items():
            self.placed[key] += delays
        for key, found in other.possible.items():
            self.possible[key] += found
        self.false += other.false
        self.days += other.days
        self.series += other.series

    def shown(self) -> dict[str, Any]:
        rows = []
        for size in SIZES:
            for _, band in BANDS:
                delays = self.placed.get((size, band), [])
                if delays:
                    rows.append(self._row(size, band, delays))
        years = self.days / 365
        return {
            "series_years": round(self.series / 365),
            "years": round(years, 1),
            "false_alerts": self.false,
            "false_alerts_a_year": round(self.false / years, 2),
            "power": rows,
        }

    def _row(self, size: int, band: str, delays: list[int | None]) -> dict[str, Any]:
        row = {
            "times": size,
            "mean_a_day": band,
            "n": len(delays),
            "by_day_2_pct": _share(delays, 1),
            "by_day_3_pct": _share(delays, 2),
            "ever_pct": _share(delays, 99),
        }
        possible = self.possible.get((size, band))
        if possible:
            row["possible_pct"] = round(100 * sum(possible) / len(possible), 1)
        return row


def _share(delays: list[int | None], within: int) -> float:
    found = sum(delay is not None and delay <= within for delay in delays)
    return round(100 * found / len(delays), 1)


def band_of(mean: float) -> str:
    return next(name for limit, name in BANDS if mean < limit)


def quiet(days: Days, closed: frozenset[date], score: Score) -> None:
    """A whole journal as it is: every alert is a false one."""
    watch = Watch(days, since=min(days), quiet=closed)
    alerts = watch.run(max(days))
    score.false += len(alerts)
    span = (max(days) - min(days)).days + 1
    score.days += span
    score.series += span * watch.roster.number


def busy(
    days: Days,
    closed: frozenset[date],
    score: Score,
    size: int,
    *,
    rng: random.Random,
    possible: Possible | None = None,
) -> None:
    """The journal with some bursts of one size, far apart, each in another organisation or cell."""
    first_day, span = min(days), (max(days) - min(days)).days + 1
    cells = sorted({cell for each in days.values() for cell in each}, key=str)
    step = (span - WARM - 20) // BURSTS
    marked, placed = days, []
    for number in range(BURSTS):
        cell = rng.choice(cells)
        key = cell if number % 2 else Key(cell.organisation)
        first = first_day + timedelta(days=WARM + number * step + rng.randrange(max(1, step - 15)))
        while not any(key.meets(each) == each for each in days.get(first, {})):
            first += timedelta(days=1)
            if first > max(days) - timedelta(days=8):
                break
        length = rng.randint(3, 7)
        marked = with_burst(marked, key, first, length, size)
        placed.append((key, first, length, _mean(days, key, span)))
    alerts = Watch(marked, since=first_day, quiet=closed).run(max(days))
    for key, first, length, mean in placed:
        delays = [
            (alert.opened - first).days
            for alert in alerts
            if _about(alert.key, key) and first <= alert.opened <= first + timedelta(days=length)
        ]
        score.placed[size, band_of(mean)].append(min(delays, default=None))
        if possible is not None:
            two = sum(_brought(marked, key, first + timedelta(days=each)) for each in (0, 1))
            score.possible[size, band_of(mean)].append(possible(key, first, two))


def _about(told: Key, key: Key) -> bool:
    """Whether an alert names the burst's organisation (or, without one, what it is named after)."""
    if told.meets(key) is None:
        return False
    return any(mine is not None and mine == its for mine, its in zip(told, key, strict=True))


def _mean(days: Days, key: Key, span: int) -> float:
    return sum(_brought(days, key, day) for day in days) / span


def _brought(days: Days, key: Key, day: date) -> int:
    return sum(count for cell, count in days.get(day, {}).items() if key.meets(cell) == cell)


def year(name: str, seed: int) -> Score:
    """One simulated year of a world: quiet, then with bursts of each size."""
    world, score, truth = WORLDS[name], Score(), Truth()
    rng = random.Random(seed)  # noqa: S311 - a study must repeat
    cells = rates(world, rng)
    days = arrivals(world, cells, rng, truth)
    quiet(days, HOLIDAYS, score)
    series = score.series // score.days

    def possible(key: Key, first: date, observed: int) -> bool:
        inside = {cell: rate for cell, rate in cells.items() if key.meets(cell) == cell}
        day = (first - START).days
        return finds(world, inside, truth, day=day, observed=observed, series=series)

    for size in SIZES:
        busy(days, HOLIDAYS, score, size, rng=rng, possible=possible)
    return score


def simulated(names: Sequence[str], worlds: int, seed: int) -> dict[str, Any]:
    shown = {}
    with ProcessPoolExecutor() as processes:
        years = {
            name: [processes.submit(year, name, seed * 1000 + number) for number in range(worlds)]
            for name in names
        }
        for name, each in years.items():
            score = Score()
            for found in each:
                score.add(found.result())
            shown[name] = score.shown()
            sys.stderr.write(f"{name}: {json.dumps(shown[name])}\n")
    return shown


def together(shown: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """All worlds as one: false alerts a year, and bursts found by their second day of those that can be."""
    years, false = 0.0, 0
    sums: dict[tuple[int, str], list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0])
    for world in shown:
        years += world["years"]
        false += world["false_alerts"]
        for row in world["power"]:
            part = sums[row["times"], row["mean_a_day"]]
            for place, figure in enumerate(("by_day_2_pct", "possible_pct")):
                part[place] += row["n"] * row[figure]
            part[2] += row["n"]
    return {
        "years": round(years, 1),
        "false_alerts_a_year": round(false / years, 2),
        "power": [
            {
                "times": times,
                "mean_a_day": band,
                "n": round(n),
                "by_day_2_pct": round(found / n, 1),
                "possible_pct": round(possible / n, 1),
            }
            for times in SIZES
            for _, band in BANDS
            for found, possible, n in [sums[times, band]]
            if n
        ],
    }


def real(path: Path, seed: int) -> dict[str, Any]:
    """Bursts in a series from outside, whose own alerts may well be true ones."""
    days: Days = {}
    with path.open(newline="") as lines:
        for day, organisation, subject, territory, count in csv.reader(lines):
            key = Key(organisation or None, subject or None, territory or None)
            cells = days.setdefault(date.fromisoformat(day), {})
            cells[key] = cells.get(key, 0) + int(count)
    score, rng = Score(), random.Random(seed)  # noqa: S311 - a study must repeat
    quiet(days, frozenset(), score)
    for size in SIZES:
        for _ in range(4):
            busy(days, frozenset(), score, size, rng=rng)
    return score.shown()


def _commit() -> str:
    found = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],  # noqa: S607
        cwd=Path(__file__).parent, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return found.stdout.strip()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--worlds", type=int, default=4, help="simulated years of each kind")
    parser.add_argument("--seed", type=int, default=HELD_BACK)
    parser.add_argument("--only", action="append", choices=[*WORLDS], help="these worlds")
    parser.add_argument("--real", type=Path, action="append", default=[])
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    began = time.monotonic()
    found = simulated(arguments.only or [*WORLDS], arguments.worlds, arguments.seed)
    figures: dict[str, Any] = {"together": together(found.values()), "simulated": found}
    figures["real"] = {path.stem: real(path, arguments.seed) for path in arguments.real}
    figures |= {
        "seed": arguments.seed,
        "seconds": round(time.monotonic() - began, 1),
        "date": SystemClock().now().isoformat(timespec="seconds"),
        "commit": _commit(),
    }
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(figures, indent=2)
    arguments.out.write_text(text + "\n")
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    main()
