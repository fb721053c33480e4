"""How surely bursts of appeals are found, and how often a quiet journal is disturbed.

    python -m benchmarks.surges [--worlds N] [--seed S] [--out FILE] [--real CSV]

Bursts of 2, 3 and 5 times over 3 to 7 days are put into simulated journals (weekdays, season, growth,
holidays, over-dispersion, closed weekends, rates that wander, days on which letters are entered by the pile;
sparse and dense) and judged day by day. `by_day_2` is found by
the second day of the burst. `--real` reads day,organisation,subject,territory,count lines instead.
"""

import argparse
import csv
import json
import random
import subprocess
import sys
import time
from collections import defaultdict
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from careline_common.clock import SystemClock
from careline_tickets.domain.surges.series import Key
from careline_tickets.domain.surges.watch import Watch

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))
from arrivals import HOLIDAYS, Days, World, arrivals, rates, with_burst

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
}
WARM = 60
BURSTS = 5


class Score:
    """Found and placed bursts by size and mean a day."""

    def __init__(self) -> None:
        self.placed: dict[tuple[int, str], list[int | None]] = defaultdict(list)
        self.false = 0
        self.days = 0
        self.series = 0

    def shown(self) -> dict[str, Any]:
        rows = []
        for size in SIZES:
            for _, band in BANDS:
                delays = self.placed.get((size, band), [])
                if delays:
                    rows.append(
                        {
                            "times": size,
                            "mean_a_day": band,
                            "n": len(delays),
                            "by_day_2_pct": _share(delays, 1),
                            "by_day_3_pct": _share(delays, 2),
                            "ever_pct": _share(delays, 99),
                        }
                    )
        years = self.days / 365
        return {
            "series_years": round(self.series / 365),
            "years": round(years, 1),
            "false_alerts": self.false,
            "false_alerts_a_year": round(self.false / years, 2),
            "power": rows,
        }


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


def busy(days: Days, closed: frozenset[date], score: Score, size: int, rng: random.Random) -> None:
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


def _about(told: Key, key: Key) -> bool:
    """Whether an alert names the burst's organisation (or, without one, what it is named after)."""
    if told.meets(key) is None:
        return False
    return any(mine is not None and mine == its for mine, its in zip(told, key, strict=True))


def _mean(days: Days, key: Key, span: int) -> float:
    return (
        sum(n for each in days.values() for cell, n in each.items() if key.meets(cell) == cell)
        / span
    )


def simulated(worlds: int, seed: int) -> dict[str, Any]:
    shown = {}
    for name, world in WORLDS.items():
        score = Score()
        for number in range(worlds):
            rng = random.Random(seed * 1000 + number)  # noqa: S311 - a study must repeat
            days = arrivals(world, rates(world, rng), rng)
            quiet(days, HOLIDAYS, score)
            for size in SIZES:
                busy(days, HOLIDAYS, score, size, rng)
        shown[name] = score.shown()
        sys.stderr.write(f"{name}: {json.dumps(shown[name])}\n")
    return shown


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
            busy(days, frozenset(), score, size, rng)
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
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--real", type=Path, action="append", default=[])
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    began = time.monotonic()
    figures: dict[str, Any] = {"simulated": simulated(arguments.worlds, arguments.seed)}
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
