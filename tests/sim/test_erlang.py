"""Plain queues on the engine, against their closed forms.

The days have one hour more than others, and the first hour's calls are not counted: a day begins
with nobody in the system, which the closed forms know nothing of. What is left of that, and of who
still waits when the day ends, is far below the intervals.
"""

from dataclasses import asdict
from typing import Any

import pytest
from erlang import Exact, erlang_a, erlang_c, with_lines
from proofs import budget, proving, record
from scipy.special import stdtrit
from sim_scenarios import plain

from careline_router.simulation.calls import day_calls
from careline_router.simulation.comparison import interval
from careline_router.simulation.figures import DayFigures, day_figures
from careline_router.simulation.policies import CONTENDERS
from careline_router.simulation.roster import make_roster
from careline_router.simulation.runner import play_day
from careline_router.simulation.scenario import Scenario

pytestmark = [pytest.mark.unit, pytest.mark.timeout(24 * 3600 if proving() else 120)]

DAYS = budget(8)
WARM_UP_S = 3600.0
ERLANG_C = [
    (60, 180, 5), (100, 300, 12), (200, 218, 15), (360, 240, 27), (400, 180, 25), (1300, 218, 85),
    (3000, 218, 195),
]  # fmt: skip
ERLANG_A = [
    (200, 218, 12, 560), (400, 180, 19, 300), (1300, 218, 70, 300), (1300, 218, 78, 560),
    (1300, 218, 84, 560), (2880, 60, 50, 120), (6000, 218, 360, 560),
]  # fmt: skip
FEW = 200
"""Calls an hour up to which a case is played in the suite, the others in a proof alone."""

PUBLISHED = {
    (400, 180, 25): (88.0027, 7.5277, 0.0),
    (1300, 218, 85): (78.5974, 13.2204, 0.0),
    (2880, 60, 50, 120): (94.3019, 3.6159, 3.0912),
    (1300, 218, 78, 560): (56.4671, 21.6599, 3.8969),
}
"""Service level, ASA and lost calls of some cases, from tables made by others."""


def played(case: tuple[float, ...], **fields: Any) -> list[DayFigures]:
    """So many days of a case: calls an hour, handle time, agents and maybe patience."""
    calls_per_h, aht, agents, *patience = case
    payer = {"payer": "any", "share": 1, "patience": patience[0] if patience else None}
    scenario = Scenario.model_validate(
        plain(
            calls=24 * calls_per_h,
            queues=[{"name": "q", "share": 1, "aht": aht, "payers": [payer]}],
            service="exp",
            agents_on_phone=agents,
            horizon=86_400 + WARM_UP_S,
            salt=str(case),
            **fields,
        )
    )
    days = []
    for seed in range(1, DAYS + 1):
        calls, roster = day_calls(scenario, seed), make_roster(scenario, int(agents))
        day = play_day(scenario, calls, roster, CONTENDERS["leastrecent"], seed=seed)
        days.append(day_figures(scenario, calls, roster, day, warm_up_s=WARM_UP_S))
    return days


def assert_as_computed(days: list[DayFigures], exact: Exact) -> dict[str, Any]:
    """The exact figure has to lie in the days' 99 % interval: of 45 figures of 95 % ones, two would
    not by chance. Returns mean and half interval beside the exact figure."""
    told = {"sl20": exact.sl20, "asa": exact.asa, "occupancy": exact.occupancy}
    if exact.lost:
        told["lcr"] = exact.lost
    if exact.blocked:
        told["blocked"] = exact.blocked
    wider = stdtrit(DAYS - 1, 0.995) / stdtrit(DAYS - 1, 0.975)
    seen = {}
    for name, value in told.items():
        found = interval([getattr(day, name) for day in days])
        assert found["mean"] is not None
        assert found["high"] is not None
        half = float(wider * (found["high"] - found["mean"]))
        seen[name] = {"mean": found["mean"], "half": half, "exact": float(value)}
        assert abs(found["mean"] - value) <= half, (name, seen[name])
    return seen


def recorded(case: tuple[float, ...], exact: Exact, **fields: Any) -> None:
    seen = assert_as_computed(played(case, **fields), exact)
    SEEN["/".join(f"{part:g}" for part in case)] = seen
    record("erlang", {"days": DAYS, "cases": SEEN})


SEEN: dict[str, dict[str, Any]] = {}


def not_in_the_suite(case: tuple[float, ...]) -> bool:
    return case[0] > FEW and not proving()


@pytest.mark.parametrize("case", PUBLISHED)
def test_the_closed_forms_are_those_of_published_tables(case: tuple[float, ...]) -> None:
    exact = asdict(erlang_a(*case) if len(case) == 4 else erlang_c(*case))  # type: ignore[arg-type]
    assert [exact["sl20"], exact["asa"], exact["lost"]] == pytest.approx(PUBLISHED[case], abs=1e-3)


@pytest.mark.parametrize("case", [case for case in ERLANG_C if not not_in_the_suite(case)])
def test_callers_who_never_give_up_wait_as_erlang_c_says(case: tuple[int, int, int]) -> None:
    recorded(case, erlang_c(*case))


@pytest.mark.parametrize("case", [case for case in ERLANG_A if not not_in_the_suite(case)])
def test_callers_who_give_up_wait_and_leave_as_erlang_a_says(
    case: tuple[int, int, int, int],
) -> None:
    recorded(case, erlang_a(*case))


def test_callers_who_find_no_line_are_turned_away_as_the_closed_form_says() -> None:
    recorded((200, 218, 13), with_lines(200, 218, 13, lines=18), lines=18)
