import json
from statistics import fmean, stdev

import pytest
from scipy import stats
from sim_scenarios import small

from careline_router.simulation.comparison import (
    Comparison,
    interval,
    play_comparison,
    report,
)
from careline_router.simulation.days import Task, play, player
from careline_router.simulation.policies import REFERENCE

pytestmark = pytest.mark.unit
SMALL = small(calls=600, agents=15)
ASKED = Comparison(SMALL, agents=15, seeds=(1, 2, 3, 4), policies=("careline", "rrmemory_w0"))


def result(asked: Comparison = ASKED, processes: int = 1) -> dict[str, object]:
    with player(processes, at_once=len(asked.seeds)) as play_tasks:
        return report(asked, play_comparison(asked, play_tasks))


def test_an_interval_is_students() -> None:
    values = [80.1, 79.5, 83.2, 81.0, 77.7]
    low, high = stats.t.interval(0.95, 4, fmean(values), stdev(values) / 5**0.5)
    assert interval(values) == {
        "mean": pytest.approx(fmean(values)),
        "low": pytest.approx(low),
        "high": pytest.approx(high),
    }


def test_one_day_has_no_interval_and_none_no_mean() -> None:
    assert interval([5.0]) == {"mean": 5, "low": None, "high": None}
    assert interval([]) == {"mean": None, "low": None, "high": None}
    assert interval([float("nan"), 3.0]) == {"mean": 3, "low": None, "high": None}


def test_a_result_is_the_days_figures() -> None:
    days = [play(Task(SMALL, seed, 15, ("careline", REFERENCE))) for seed in ASKED.seeds]
    told = result()["policies"]["careline"]
    assert told["sl20"]["mean"] == pytest.approx(fmean(ours.sl20 for ours, _ in days))
    assert told["asa"] == interval([ours.asa for ours, _ in days])
    assert told["delta_sl20"] == interval([ours.sl20 - theirs.sl20 for ours, theirs in days])
    assert told["delta_lcr"] == interval([ours.lcr - theirs.lcr for ours, theirs in days])
    ratio = fmean(ours.p99 for ours, _ in days) / fmean(theirs.p99 for _, theirs in days)
    assert told["ratio_p99"] == pytest.approx(ratio, abs=1e-6)
    adult = told["by_queue"]["adult"]
    assert adult["n"] == sum(ours.by_queue["adult"].calls for ours, _ in days)
    assert adult["sl20"] == interval([ours.by_queue["adult"].pct for ours, _ in days])


def test_the_reference_is_run_even_when_it_is_not_named() -> None:
    policies = result()["policies"]
    assert list(policies) == ["careline", "rrmemory_w0", REFERENCE]
    assert policies[REFERENCE]["delta_sl20"] == {"mean": 0, "low": 0, "high": 0}
    assert policies[REFERENCE]["ratio_p99"] == 1


def test_a_policys_figures_do_not_depend_on_who_else_is_compared() -> None:
    alone = Comparison(SMALL, agents=15, seeds=ASKED.seeds, policies=("careline",))
    assert result(alone)["policies"]["careline"] == result()["policies"]["careline"]


def test_the_result_is_the_same_twice_and_over_any_number_of_processes() -> None:
    once = json.dumps(result())
    assert json.dumps(result()) == once
    assert json.dumps(result(processes=2)) == once


def test_a_seeds_day_depends_on_no_other_seed() -> None:
    one = Comparison(SMALL, agents=15, seeds=(3,), policies=("careline",))
    told = result(one)["policies"]["careline"]
    assert told["sl20"]["mean"] == pytest.approx(
        play(Task(SMALL, 3, 15, ("careline",)))[0].sl20, abs=1e-6
    )
    assert told["sl20"]["low"] is None
