"""Whatever happens on a floor, in whatever order: what must hold holds.

Each property, in `floor_oracle` and `floor_machine`, names the one-line change that makes it fail.
"""

from typing import get_args

import pytest
from floor_machine import FloorMachine
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from proofs import budget, proving, record

from careline_router.domain import commands as cmd

pytestmark = [pytest.mark.unit, pytest.mark.timeout(7 * 3600)]

STEPS = 40


def test_whatever_happens_what_must_hold_holds_and_every_command_was_among_it() -> None:
    run_state_machine_as_test(
        FloorMachine,
        settings=settings(
            max_examples=budget(300),
            stateful_step_count=STEPS,
            derandomize=not proving(),
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert set(FloorMachine.sent) == {kind.__name__ for kind in get_args(cmd.Command)}
    record(
        "floor_engine",
        {"runs": FloorMachine.runs, "steps_a_run": STEPS, "commands": dict(FloorMachine.sent)},
    )
