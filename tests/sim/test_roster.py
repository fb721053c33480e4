from itertools import pairwise
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sim_scenarios import PUBLISHED, plain, published

from careline_router.simulation.roster import (
    GOLDEN,
    day_intervals,
    largest_remainder,
    make_roster,
    pooled,
    spread,
    without,
)
from careline_router.simulation.scenario import Scenario, Shift

pytestmark = pytest.mark.unit
HOUR = 3600.0
shares = st.lists(st.floats(0.01, 50), min_size=1, max_size=12)


def shift(start: float, hours: float) -> Shift:
    return Shift(start=start, hours=hours, share=1)


def present(intervals: list[tuple[float, float]]) -> float:
    return sum(end - start for start, end in intervals)


def test_largest_remainder_gives_the_rest_to_the_largest_remainders() -> None:
    assert largest_remainder(10, [1, 1, 1]) == [4, 3, 3]
    assert largest_remainder(7, [0.5, 0.3, 0.2]) == [4, 2, 1]
    assert largest_remainder(3, [0, 5]) == [0, 3]


@given(st.integers(1, 400), shares, shares)
def test_a_spread_keeps_both_margins(agents: int, groups: list[float], shifts: list[float]) -> None:
    table = spread(agents, groups, shifts)
    assert [sum(row) for row in table] == largest_remainder(agents, groups)
    assert [sum(column) for column in zip(*table, strict=True)] == largest_remainder(agents, shifts)
    assert min(min(row) for row in table) >= 0


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_group_is_spread_over_the_shifts_as_all_are(name: str) -> None:
    scenario = published(name)
    groups = [group.share for group in scenario.groups]
    shifts = [shift.share for shift in scenario.shifts]
    for row in spread(114, groups, shifts):
        for count, share in zip(row, shifts, strict=True):
            assert abs(count - sum(row) * share / sum(shifts)) < 1.5


@pytest.mark.parametrize("name", PUBLISHED)
@pytest.mark.parametrize("agents", [1, 60, 114, 300])
def test_a_roster_has_its_agents_of_each_group(name: str, agents: int) -> None:
    scenario = published(name)
    roster = make_roster(scenario, agents)
    assert len(roster) == agents
    wanted = largest_remainder(agents, [group.share for group in scenario.groups])
    for group, count in zip(scenario.groups, wanted, strict=True):
        assert sum(agent.ranks == group.skills for agent in roster) == count


def test_ids_sort_as_the_roster_does() -> None:
    ids = [agent.id for agent in make_roster(published("medsi-15k"), 114)]
    assert ids == sorted(ids)
    assert [int(one) for one in ids] == list(range(114))


def test_a_long_shift_has_two_breaks_and_lunch() -> None:
    day = day_intervals(shift(8, 12), 0, breaks=True)
    assert day == [
        (8 * HOUR, 9.25 * HOUR),
        (9.5 * HOUR, 11.25 * HOUR),
        (11.75 * HOUR, 13.9 * HOUR),
        (14.15 * HOUR, 20 * HOUR),
    ]


@pytest.mark.parametrize("index", [1, 2, 7])
def test_breaks_are_staggered_by_the_golden_ratio(index: int) -> None:
    phase = index * GOLDEN % 1
    gaps = [(a[1], b[0]) for a, b in pairwise(day_intervals(shift(8, 12), index, breaks=True))]
    assert [begin / HOUR - 8 for begin, _ in gaps] == pytest.approx(
        [1.25 + 1.25 * phase, 3.25 + 1.75 * phase, 5.9 + 1.5 * phase]
    )
    assert [(end - begin) / HOUR for begin, end in gaps] == pytest.approx([0.25, 0.5, 0.25])


def test_a_short_shift_or_one_without_breaks_is_one_stretch() -> None:
    assert day_intervals(shift(8, 5.5), 3, breaks=True) == [(8 * HOUR, 13.5 * HOUR)]
    assert day_intervals(shift(8, 12), 3, breaks=False) == [(8 * HOUR, 20 * HOUR)]


def test_a_break_ends_with_its_shift() -> None:
    day = day_intervals(shift(8, 6), 1, breaks=True)
    assert day[-1][1] == min(14 * HOUR, (8 + 5.9 + 1.5 * GOLDEN) * HOUR)
    assert all(end <= 14 * HOUR for _, end in day)


def test_what_goes_past_midnight_stands_at_the_start_of_the_day() -> None:
    assert day_intervals(shift(20, 12), 0, breaks=False) == [
        (0, 8 * HOUR),
        (20 * HOUR, 24 * HOUR),
    ]
    assert day_intervals(shift(0, 24), 0, breaks=False) == [(0, 24 * HOUR)]
    assert day_intervals(shift(12, 24), 0, breaks=False) == [(0, 24 * HOUR)]


@given(st.floats(0, 23.9), st.floats(6, 24), st.integers(0, 500))
def test_a_shift_is_its_hours_less_its_breaks_wherever_it_stands(
    start: float, hours: float, index: int
) -> None:
    day = day_intervals(shift(start, hours), index, breaks=True)
    assert all(0 <= a < b <= 24 * HOUR for a, b in day)
    assert all(a[1] < b[0] for a, b in pairwise(day))
    lost = hours * HOUR - present(day)
    assert lost == pytest.approx(HOUR) or (hours < 7.65 and 0.7499 * HOUR <= lost <= HOUR)


def test_a_hole_cuts_what_it_meets() -> None:
    assert without([(0, 10), (20, 30)], (5, 22)) == [(0, 5), (22, 30)]
    assert without([(0, 10)], (3, 4)) == [(0, 3), (4, 10)]
    assert without([(5, 6)], (0, 10)) == []


def test_an_outage_takes_its_share_of_agents_and_no_break_brings_them_back() -> None:
    scenario = published("medsi-15k")
    outage = {"from_h": 10, "to_h": 13, "share": 0.25}
    hit = Scenario.model_validate(scenario.model_dump() | {"outages": [outage]})
    before, after = make_roster(scenario, 120), make_roster(hit, 120)
    down = [(a, b) for a, b in zip(before, after, strict=True) if a != b]
    there = sum(any(a < 13 * HOUR and b > 10 * HOUR for a, b in one.intervals) for one in before)
    assert len(down) == pytest.approx(0.25 * there, abs=3)
    for was, now in down:
        assert list(now.intervals) == without(was.intervals, (10 * HOUR, 13 * HOUR))


def test_speeds_have_mean_one_and_their_spread() -> None:
    speeds = [agent.speed for agent in make_roster(published("medsi-15k"), 114)]
    assert fmean(speeds) == pytest.approx(1)
    assert fmean((one - 1) ** 2 for one in speeds) ** 0.5 == pytest.approx(0.08, rel=0.3)
    plain_roster = make_roster(Scenario.model_validate(plain()), 5)
    assert [agent.speed for agent in plain_roster] == [1] * 5


def test_a_pool_can_do_everything_at_the_same_times() -> None:
    scenario = published("1420-13k")
    queues = [queue.name for queue in scenario.queues]
    roster = make_roster(scenario, 50)
    for one, all_rounder in zip(roster, pooled(roster, queues), strict=True):
        assert all_rounder.ranks == dict.fromkeys(queues, 1)
        assert (all_rounder.id, all_rounder.speed) == (one.id, one.speed)
        assert all_rounder.intervals == one.intervals


def test_a_longer_horizon_repeats_the_day() -> None:
    scenario = Scenario.model_validate(
        plain(horizon=2.5 * 86_400, shifts=[{"start": 20, "hours": 12, "share": 1}])
    )
    (agent,) = make_roster(scenario, 1)
    assert agent.intervals == (
        (0, 8 * HOUR),
        (20 * HOUR, 32 * HOUR),
        (44 * HOUR, 56 * HOUR),
    )
