"""The engine's day against a second simulator's that knows no engine, call by call."""

import pytest
from naive_floor import POLICIES, play
from sim_scenarios import PUBLISHED, small

from careline_router.simulation.calls import day_calls
from careline_router.simulation.policies import CONTENDERS
from careline_router.simulation.record import Fate
from careline_router.simulation.roster import make_roster
from careline_router.simulation.runner import play_day
from careline_router.simulation.scenario import Scenario

pytestmark = pytest.mark.unit


def assert_same_day(scenario: Scenario, policy: str, seed: int) -> None:
    calls, roster = day_calls(scenario, seed), make_roster(scenario, scenario.agents_on_phone)
    naive = play(scenario, calls, roster, policy)
    record = play_day(scenario, calls, roster, CONTENDERS[policy], seed=seed)
    assert record.agents == naive.agents
    assert record.waits == pytest.approx(naive.waits, abs=1e-6)
    answered = [fate == Fate.ANSWERED for fate in record.fates]
    assert answered == [agent >= 0 for agent in naive.agents]


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("name", PUBLISHED)
@pytest.mark.parametrize("policy", POLICIES)
def test_a_day_on_the_engine_is_the_day_of_the_policys_definition(
    policy: str, name: str, seed: int
) -> None:
    assert_same_day(small(name), policy, seed)


@pytest.mark.parametrize("policy", POLICIES)
def test_so_is_a_day_with_a_surge_an_outage_and_heavy_tails(policy: str) -> None:
    bad = {
        "surges": [{"queue": "expert", "from_h": 10, "to_h": 13, "factor": 3}],
        "outages": [{"from_h": 9, "to_h": 14, "share": 0.2}],
        "patience_dist": "ln",
        "load": 1.15,
    }
    assert_same_day(Scenario.model_validate(small().model_dump() | bad), policy, 5)


@pytest.mark.parametrize("policy", POLICIES)
def test_so_are_two_days_on_end(policy: str) -> None:
    assert_same_day(small(calls=900).model_copy(update={"horizon_s": 172_800}), policy, 6)
