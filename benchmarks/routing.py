"""How much better the floor routes than what centres run today, and where it does not.

    .venv/bin/python -m benchmarks.routing --seeds 400-429

On both published centres, with the same callers for every policy, on seeds that nothing was tuned with: all
policies; then the ones that matter under a surge, an outage, heavy-tailed patience, +15 % and twice the
load; then on centres that are drawn at random. Writes benchmarks/results/routing.json.
"""

import argparse
import json
import os
import platform
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

from rich.console import Console
from rich.progress import Progress

from careline_common.clock import SystemClock
from careline_router.simulation.comparison import Comparison, interval, play_comparison, report
from careline_router.simulation.days import player
from careline_router.simulation.figures import DayFigures
from careline_router.simulation.policies import CONTENDERS, REFERENCE
from careline_router.simulation.scenario import Outage, Scenario, Surge, load_scenario

HERE = Path(__file__).parent
CENTRES = ("medsi-15k", "1420-13k")
CONVENTIONAL = tuple(
    name for name in CONTENDERS if "careline" not in name and not name.endswith("callback")
)
STRONGEST = (REFERENCE, "skill_preference", "linear_penalties")
"""The conventional ones that win anywhere; the others stand 1 to 10 points below them."""


def conditions(centre: Scenario) -> Iterator[tuple[str, Scenario]]:
    """The centre under each kind of trouble."""
    first = centre.queues[0].name
    surge = Surge(queue=first, from_h=10, to_h=12, factor=2)
    outage = Outage(from_h=10, to_h=12, share=0.3)
    yield "surge", centre.model_copy(update={"surges": (surge,)})
    yield "outage", centre.model_copy(update={"outages": (outage,)})
    yield "heavy-tailed patience", centre.model_copy(update={"patience_dist": "ln"})
    yield "+15 %", centre.model_copy(update={"load": 1.15})
    yield "twice the load", centre.model_copy(update={"load": 2.0})


def drawn_centre(number: int, like: Scenario) -> Scenario:
    """A centre nobody has tuned for: 3 to 8 queues, 30 to 300 agents, on the profile of a known one."""
    chance = Random(f"centre {number}")  # noqa: S311 - no secret
    names = [f"q{index}" for index in range(chance.randint(3, 8))]
    weights = [chance.uniform(0.5, 2.0) for _ in names]
    queues = [
        {
            "name": name,
            "share": weight / sum(weights),
            "aht": chance.uniform(120, 340),
            "cv": 0.9,
            "payers": [
                {"payer": "cash", "share": 0.3, "patience": 420, "weight": 2},
                {"payer": "insured", "share": 0.7, "patience": 650},
            ],
        }
        for name, weight in zip(names, weights, strict=True)
    ]
    load = {queue["name"]: queue["share"] * queue["aht"] for queue in queues}
    groups = []
    for name in names:
        others = [other for other in names if other != name]
        for share, count in ((0.5, 0), (0.3, 1), (0.2, 2)):
            second = chance.sample(others, count)
            skills = {name: 1, **{each: rank for rank, each in enumerate(second, start=2)}}
            groups.append({"name": "+".join(skills), "share": load[name] * share, "skills": skills})
    agents = chance.randint(30, 300)
    calls = agents * chance.uniform(19_500, 22_500) / sum(load.values())
    data = like.model_dump()
    data.update(
        name=f"drawn {number}", queues=queues, groups=groups, agents_on_phone=agents, calls=calls
    )
    return Scenario.model_validate(data)


def against_best(days: dict[str, list[DayFigures]], policy: str) -> dict[str, Any]:
    """The policy beside the conventional one with the best service level, paired by seed."""
    best = max(
        (name for name in days if name in CONVENTIONAL),
        key=lambda name: sum(day.sl20 for day in days[name]),
    )
    pairs = list(zip(days[policy], days[best], strict=True))
    p99 = [sum(day.p99 for day in days[name]) for name in (policy, REFERENCE)]
    return {
        "best_conventional": best,
        "delta_sl20": interval([ours.sl20 - theirs.sl20 for ours, theirs in pairs]),
        "ratio_p99": round(p99[0] / p99[1], 4),
    }


def compare(
    scenario: Scenario, seeds: Sequence[int], policies: Sequence[str]
) -> tuple[dict[str, Any], dict[str, list[DayFigures]]]:
    comparison = Comparison(scenario, scenario.agents_on_phone, tuple(seeds), tuple(policies))
    with (
        player(at_once=len(seeds)) as play,
        Progress(console=Console(stderr=True), transient=True) as bar,
    ):
        task = bar.add_task(scenario.name, total=len(seeds))
        days = play_comparison(comparison, play, lambda: bar.advance(task))
    return report(comparison, days), days


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="400-429")
    parser.add_argument("--trouble-seeds", default="400-409")
    parser.add_argument("--centres", type=int, default=10, help="drawn at random")
    options = parser.parse_args()
    seeds, trouble = (
        range(int(a), int(b) + 1)
        for a, b in (each.split("-") for each in (options.seeds, options.trouble_seeds))
    )
    result: dict[str, Any] = {
        "at": SystemClock().now().isoformat(timespec="seconds"),
        "commit": subprocess.check_output(
            ["git", "rev-parse", "--short", "HEAD"],  # noqa: S607 - git is git
            text=True,
        ).strip(),
        "machine": {"cpus": os.cpu_count(), "python": platform.python_version()},
        "centres": {},
        "trouble": {},
        "drawn": {},
    }
    callbacks = ("careline", "careline_callback", "reference_callback")
    for name in CENTRES:
        centre = load_scenario(HERE / "scenarios" / f"{name}.json")
        told, days = compare(centre, seeds, (*CONVENTIONAL, *callbacks))
        result["centres"][name] = told | {"against_best": against_best(days, "careline")}
        result["trouble"][name] = {}
        for kind, troubled in conditions(centre):
            _, days = compare(troubled, trouble, (*STRONGEST, "careline"))
            result["trouble"][name][kind] = against_best(days, "careline")
    for number in range(options.centres):
        centre = drawn_centre(number, load_scenario(HERE / "scenarios" / "medsi-15k.json"))
        _, days = compare(centre, trouble[:3], (*STRONGEST, "careline"))
        result["drawn"][str(number)] = against_best(days, "careline")
    (HERE / "results" / "routing.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
