"""Scenarios for tests of the simulator: the two published ones, and small plain ones."""

from pathlib import Path
from typing import Any

from careline_router.simulation.scenario import SLOTS_A_DAY, Scenario, load_scenario

FOLDER = Path(__file__).parents[2] / "benchmarks" / "scenarios"
PUBLISHED = ("medsi-15k", "1420-13k")


def file_of(name: str) -> Path:
    return FOLDER / f"{name}.json"


def published(name: str) -> Scenario:
    return load_scenario(file_of(name))


def plain(**fields: Any) -> dict[str, Any]:
    """A scenario's JSON: one queue, always the same rate, agents who are always there."""
    return {
        "name": "plain",
        "calls": 2400,
        "profile": [1] * SLOTS_A_DAY,
        "queues": [
            {"name": "q", "share": 1, "aht": 180, "cv": 1, "payers": [{"payer": "any", "share": 1}]}
        ],
        "groups": [{"name": "all", "share": 1, "skills": {"q": 1}}],
        "shifts": [{"start": 0, "hours": 24, "share": 1}],
        "breaks": False,
        "agents_on_phone": 8,
    } | fields


def small(name: str = "medsi-15k", *, calls: int = 1500, agents: int = 25) -> Scenario:
    """A published scenario, with so few calls and agents that a plain simulator plays it."""
    return published(name).model_copy(update={"calls": calls, "agents_on_phone": agents})
