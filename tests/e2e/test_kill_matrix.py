"""The kill matrix: whatever process dies, freezes or is cut off in whatever step, nothing is lost or doubled.

The suite runs a sample in which every pair of form, step, fault and victim that takes part meets; `make
proof` runs every cell.
"""

import asyncio
import sys
from pathlib import Path

import proofs
import pytest
from matrix import plan
from matrix.plan import Form
from matrix.result import as_json, as_table
from matrix.run import Bench, Budget, Outcome
from rich.console import Console

SEED = 20_261_124

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(0 if proofs.proving() else 900)]


async def test_nothing_is_lost_or_doubled_whatever_breaks(
    run_folder: Path, project_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cells = plan.drawn(SEED, proofs.budget(0)) if proofs.proving() else plan.pairwise(SEED)
    budget = Budget(
        seed=SEED,
        longest_hold_s=3.6 if proofs.proving() else 0.6,
        worlds={Form.SERVICES: 2 if proofs.proving() else 1, Form.STANDALONE: 1},
    )
    clock = asyncio.get_running_loop().time
    began = clock()
    console = Console(file=sys.__stdout__)

    def show(outcome: Outcome) -> None:
        if proofs.proving():
            done, lost = len(outcome.struck), len(outcome.failures)
            line = f"{done} of {len(cells)} cells, {lost} failures, {clock() - began:.0f} s"
            with capsys.disabled():
                console.print(line)
            proofs.record("kill_matrix", as_json(outcome, cells, budget, clock() - began))

    kept = project_folder / ".cache" / "kill_matrix"
    bench = Bench(run_folder / "matrix", project_folder, kept, budget, show)
    outcome = await bench.run(cells)
    show(outcome)
    if proofs.proving():
        with capsys.disabled():
            console.print(as_table(outcome))
    assert outcome.failures == []
    assert outcome.unnoticed == []
    assert sorted(struck.cell for struck in outcome.struck) == sorted(cells)
