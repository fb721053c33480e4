"""Budgets: the suite runs each property with a small one, `make proof` with hours of it."""

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from careline_common.clock import SystemClock, rfc3339

ROOT = Path(__file__).resolve().parents[2]
BUDGET = "CARELINE_PROOF_BUDGET"
"""The environment variable by which scripts/proof.sh says how many examples to draw."""


def _commit() -> str:
    described = subprocess.run(
        ["git", "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return described.stdout.strip()


def proving() -> bool:
    return BUDGET in os.environ


COMMIT = _commit() if proving() else ""
"""What is proved, as it was when the proof began: the files may move on while it runs for hours."""


def budget(small: int) -> int:
    """How many examples a property draws: `small` in the suite, what was asked for in a proof."""
    return int(os.environ.get(BUDGET, small))


def record(name: str, counts: Mapping[str, object]) -> None:
    """Writes what a proof has counted, with its date and commit, to benchmarks/results."""
    if not proving():
        return
    result = {"proof": name, "at": rfc3339(SystemClock().now()), "commit": COMMIT, **counts}
    path = ROOT / "benchmarks" / "results" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=1) + "\n")
