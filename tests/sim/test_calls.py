import math
from statistics import fmean, pstdev
from typing import Any

import pytest
from sim_scenarios import PUBLISHED, plain, published

from careline_router.simulation.calls import Call, day_calls
from careline_router.simulation.scenario import Scenario

pytestmark = pytest.mark.unit

FIRST_OF_400 = (11.476553749111845, 0, 558.805864933364, 570.2950710687561, False, True)


def calls_of(seed: int = 1, **fields: Any) -> list[Call]:
    return day_calls(Scenario.model_validate(plain(**fields)), seed)


def queue(**fields: Any) -> list[dict[str, Any]]:
    payer = {"payer": "any", "share": 1, "patience": fields.pop("patience", None)}
    return [{"name": "q", "share": 1, "aht": 180, "cv": 0.9, "payers": [payer]} | fields]


def two_queues() -> dict[str, Any]:
    one = queue(share=0.5)[0]
    return {
        "queues": [one | {"name": "a"}, one | {"name": "b"}],
        "groups": [{"share": 1, "skills": {"a": 1, "b": 1}}],
    }


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_days_calls_are_in_order_and_within_the_day(name: str) -> None:
    calls = day_calls(published(name), 400)
    arrivals = [call[0] for call in calls]
    assert arrivals == sorted(arrivals)
    assert 0 <= arrivals[0] <= arrivals[-1] < 86_400
    assert {call[1] for call in calls} == set(range(len(published(name).classes)))


def test_the_same_seed_is_the_same_day_and_another_seed_another() -> None:
    scenario = published("medsi-15k")
    assert day_calls(scenario, 7) == day_calls(scenario, 7)
    assert day_calls(scenario, 7) != day_calls(scenario, 8)


def test_a_day_depends_on_nobody_who_answers() -> None:
    scenario = published("medsi-15k")
    staffed = scenario.model_copy(
        update={"agents_on_phone": 90, "speed_sd": 0.3, "shifts": scenario.shifts[:1], "name": "x"}
    )
    assert day_calls(staffed, 3) == day_calls(scenario, 3)


def test_a_seeds_day_never_changes() -> None:
    """Published figures name seeds: these have to stay the days they were."""
    first = day_calls(published("medsi-15k"), 400)[0]
    assert first == pytest.approx(FIRST_OF_400)


def test_the_number_of_calls_is_poisson() -> None:
    counts = [len(calls_of(seed, calls=600)) for seed in range(400)]
    assert fmean(counts) == pytest.approx(600, abs=3 * math.sqrt(600 / 400))
    assert pstdev(counts) ** 2 == pytest.approx(600, rel=3 * math.sqrt(2 / 400))


def test_calls_come_by_the_profile() -> None:
    profile = [0.0] * 48
    profile[20], profile[21] = 1.0, 3.0
    slots = [int(call[0] // 1800) for seed in range(20) for call in calls_of(seed, profile=profile)]
    assert set(slots) == {20, 21}
    assert slots.count(21) / len(slots) == pytest.approx(0.75, abs=0.01)


def test_moments_are_uniform_within_a_half_hour() -> None:
    within = [call[0] % 1800 / 1800 for seed in range(20) for call in calls_of(seed)]
    for quarter in range(4):
        share = sum(quarter <= 4 * at < quarter + 1 for at in within) / len(within)
        assert share == pytest.approx(0.25, abs=0.01)


def test_days_and_half_hours_vary_as_they_are_told_to() -> None:
    days = [len(calls_of(seed, calls=5_000, day_cv=0.1)) for seed in range(200)]
    assert pstdev(days) / fmean(days) == pytest.approx(0.1, rel=0.2)
    slots = [0] * 48
    for call in calls_of(1, calls=100_000, slot_cv=0.1):
        slots[int(call[0] // 1800)] += 1
    assert pstdev(slots) / fmean(slots) == pytest.approx(0.1, rel=0.3)


def test_load_multiplies_all_calls() -> None:
    assert len(calls_of(load=2.0, calls=20_000)) == pytest.approx(40_000, rel=0.02)


def test_a_surge_multiplies_one_queue_between_two_hours() -> None:
    surge = {"queue": "a", "from_h": 9.75, "to_h": 11.25, "factor": 3}
    quiet = calls_of(calls=24_000, **two_queues())
    surged = calls_of(calls=24_000, surges=[surge], **two_queues())

    def count(calls: list[Call], index: int, from_h: float, to_h: float) -> int:
        return sum(c[1] == index and from_h * 3600 <= c[0] < to_h * 3600 for c in calls)

    assert count(surged, 0, 9.75, 11.25) == pytest.approx(3 * 750, rel=0.1)
    assert count(surged, 0, 0, 9.75) == pytest.approx(500 * 9.75, rel=0.06)
    assert [c for c in surged if c[1] == 1] == [c for c in quiet if c[1] == 1]


def test_handle_times_have_the_mean_and_spread_of_their_queue() -> None:
    handle = [call[2] for call in calls_of(calls=40_000)]
    assert fmean(handle) == pytest.approx(180, rel=0.02)
    handle = [call[2] for call in calls_of(calls=40_000, queues=queue(cv=0.9))]
    assert pstdev(handle) / fmean(handle) == pytest.approx(0.9, rel=0.05)


def test_handle_times_are_exponential_when_asked_for() -> None:
    handle = [call[2] for call in calls_of(calls=40_000, service="exp", queues=queue(cv=0.1))]
    assert fmean(handle) == pytest.approx(180, rel=0.02)
    assert sum(one > 180 for one in handle) / len(handle) == pytest.approx(math.exp(-1), abs=0.01)


@pytest.mark.parametrize("patience", [None, 0])
def test_without_patience_nobody_gives_up(patience: float | None) -> None:
    assert {call[3] for call in calls_of(queues=queue(patience=patience))} == {math.inf}


def test_patience_is_exponential_or_heavy_tailed_with_the_same_mean() -> None:
    some = [call[3] for call in calls_of(calls=40_000, queues=queue(patience=400))]
    heavy = [
        call[3] for call in calls_of(calls=40_000, queues=queue(patience=400), patience_dist="ln")
    ]
    assert fmean(some) == pytest.approx(400, rel=0.03)
    assert sum(one > 400 for one in some) / len(some) == pytest.approx(math.exp(-1), abs=0.01)
    assert fmean(heavy) == pytest.approx(400, rel=0.05)
    assert pstdev(heavy) / fmean(heavy) == pytest.approx(1.3, rel=0.15)


def test_callers_take_callbacks_and_answer_them_as_the_study_found() -> None:
    calls = calls_of(calls=40_000)
    assert fmean(call[4] for call in calls) == pytest.approx(0.37, abs=0.01)
    assert fmean(call[5] for call in calls) == pytest.approx(0.93, abs=0.01)


def test_a_longer_horizon_is_more_days_and_the_first_is_the_same() -> None:
    one, three = calls_of(), calls_of(horizon=3 * 86_400)
    assert len(three) == pytest.approx(3 * 2400, rel=0.1)
    assert [c[0] for c in three if c[0] < 86_400] == [c[0] for c in one]
