import numpy as np
import pytest
from sim_scenarios import small

from careline_router.simulation.comparison import Comparison, play_comparison, report
from careline_router.simulation.days import player
from careline_router.simulation.policies import REFERENCE
from careline_router.simulation.staffing import NoStaffError, Staffing, crossing, find_staff

pytestmark = pytest.mark.unit
SMALL = small(calls=400, agents=10)
SEEDS = (1, 2)


@pytest.mark.parametrize(
    ("margins", "expected"),
    [([-4, -1, 1, 3], 13.5), ([-2, 1, -1, 3], 15.75), ([1, 2, 3, 4], 9), ([-4, -3, -2, -1], 18)],
)
def test_a_target_is_met_from_where_the_figures_stay_above_it(
    margins: list[float], expected: float
) -> None:
    assert crossing(np.array([9.0, 12.0, 15.0, 18.0]), np.array(margins)) == expected


def test_the_fewest_agents_hold_the_target_and_one_fewer_do_not() -> None:
    with player(1, at_once=1) as play:
        found = find_staff(Staffing(SMALL, SEEDS, ("careline",)), play)
        fewest = found["policies"]["careline"]["agents"]

        def figures(agents: int) -> tuple[float, float]:
            asked = Comparison(SMALL, agents, SEEDS, ("careline",))
            told = report(asked, play_comparison(asked, play))["policies"]["careline"]
            return told["sl20"]["mean"], told["lcr"]["mean"]

        enough, fewer = figures(fewest), figures(fewest - 1)
    assert enough[0] >= 80
    assert enough[1] <= 5
    assert fewer[0] < 80 or fewer[1] > 5
    assert list(found["policies"]) == [REFERENCE, "careline"]
    reference = found["policies"][REFERENCE]
    assert reference["saved"] == {"mean": 0, "low": 0, "high": 0}
    careline = found["policies"]["careline"]
    saved = reference["needed"] - careline["needed"]
    assert careline["saved"]["mean"] == pytest.approx(saved, abs=0.02)
    assert careline["saved"]["low"] <= careline["saved"]["mean"] <= careline["saved"]["high"]
    assert careline["at_equal_lcr"]["needed"] >= careline["needed"]


def test_a_centre_that_no_number_of_agents_helps_is_an_error() -> None:
    nobody_at_night = SMALL.model_copy(
        update={"shifts": SMALL.shifts[:1], "agents_on_phone": 3, "calls": 30}
    )
    with player(1, at_once=1) as play, pytest.raises(NoStaffError, match="does not reach 80 %"):
        find_staff(Staffing(nobody_at_night, (1,), ()), play)
