"""A comparison as a picture: service level and waiting time by half hour of the day."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from careline_router.simulation.comparison import Comparison, Days
from careline_router.simulation.figures import Floats, HalfHours
from careline_router.simulation.scenario import SLOTS_A_DAY

FORMATS = (".png", ".svg")
TARGET_PCT = 80
BOUNDS_H = [slot / 2 for slot in range(SLOTS_A_DAY + 1)]


def draw(comparison: Comparison, days: Days, file: Path) -> None:
    """A picture of a comparison; see `draw_half_hours`."""
    hours = {name: [day.half_hours for day in days[name]] for name in days}
    draw_half_hours(_title(comparison), hours, file, in_time="answered in 20 s, %")


def draw_half_hours(
    title: str, hours: Mapping[str, Sequence[HalfHours]], file: Path, *, in_time: str
) -> None:
    """Writes the picture in the format of the file's ending, one of `FORMATS`; the same figures give
    the same bytes. `in_time` says what the level is. Raises `OSError` when the file cannot be
    written."""
    # Half a second of import that only those who draw should wait for.
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context({"svg.hashsalt": "careline", "svg.fonttype": "none"}):
        picture = Figure(figsize=(10, 7), layout="constrained")
        level, wait = picture.subplots(2, 1, sharex=True)
        for name, days in hours.items():
            part_in_time, waited = _by_half_hour(days)
            level.stairs(part_in_time, BOUNDS_H, baseline=None, label=name, linewidth=1.5)
            wait.stairs(waited, BOUNDS_H, baseline=None, label=name, linewidth=1.5)
        level.axhline(TARGET_PCT, color="grey", linewidth=0.8, linestyle="--")
        level.set(ylabel=in_time, ylim=(0, 101), title=title)
        wait.set(ylabel="mean wait, s", xlabel="hour of the day", xlim=(0, 24))
        wait.set_ylim(bottom=0)
        wait.set_xticks(range(0, 25, 2))
        level.legend(loc="lower right", fontsize="small")
        for axes in (level, wait):
            axes.grid(alpha=0.3)
        picture.savefig(file, metadata={"Date": None} if file.suffix == ".svg" else None)


def _title(comparison: Comparison) -> str:
    days = len(comparison.seeds)
    counted = "1 day" if days == 1 else f"{days} days"
    return f"{comparison.scenario.name}: {comparison.agents} agents, {counted}"


def _by_half_hour(hours: Sequence[HalfHours]) -> tuple[Floats, Floats]:
    """Percent in time and mean wait of all days' calls; not a number where nobody called."""
    calls = np.sum([one.calls for one in hours], axis=0)
    waits = np.sum([one.waits for one in hours], axis=0)
    in_time = np.sum([one.in_time for one in hours], axis=0)
    waited_s = np.sum([one.waited_s for one in hours], axis=0)
    with np.errstate(invalid="ignore"):
        return 100 * in_time / calls, waited_s / waits
