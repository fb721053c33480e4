"""What holds of every played day, whatever the policy: the day is the scenario's."""

import math
from collections import defaultdict
from itertools import pairwise
from statistics import fmean

import pytest
from sim_scenarios import PUBLISHED, plain, small

from careline_router.simulation.calls import Call, day_calls
from careline_router.simulation.policies import CONTENDERS
from careline_router.simulation.record import DayRecord, Fate
from careline_router.simulation.roster import RosterAgent, make_roster, pooled
from careline_router.simulation.runner import DIAL_FAILS_S, DIAL_S, Conduct, play_day
from careline_router.simulation.scenario import Scenario

pytestmark = pytest.mark.unit
ROUNDING_S = 1e-6


def play(
    scenario: Scenario, policy: str = "careline", seed: int = 3, conduct: Conduct | None = None
) -> tuple[list[Call], tuple[RosterAgent, ...], DayRecord]:
    calls, roster = day_calls(scenario, seed), make_roster(scenario, scenario.agents_on_phone)
    if CONTENDERS[policy].pooled:
        roster = pooled(roster, [queue.name for queue in scenario.queues])
    record = play_day(
        scenario, calls, roster, CONTENDERS[policy], conduct=conduct or Conduct(), seed=seed
    )
    return calls, roster, record


@pytest.mark.parametrize("name", PUBLISHED)
@pytest.mark.parametrize("policy", CONTENDERS)
def test_a_day_is_the_scenarios_under_every_policy(policy: str, name: str) -> None:
    scenario = small(name, calls=600, agents=11)
    calls, roster, record = play(scenario, policy)
    talks = defaultdict(list)
    for agent, start, end in record.busy:
        talks[agent].append((start, end))
    for number, agent in enumerate(roster):
        assert all(a[1] <= b[0] + ROUNDING_S for a, b in pairwise(sorted(talks[number])))
        for start, _ in talks[number]:
            # After dialling (which begins within an interval) a talk may begin beyond it.
            assert any(a <= start < b + DIAL_S + ROUNDING_S for a, b in agent.intervals)
    for call, fate, wait, agent in zip(
        calls, record.fates, record.waits, record.agents, strict=True
    ):
        queue = scenario.classes[call[1]].queue.name
        assert 0 <= wait <= min(call[3], 86_400 - call[0]) + ROUNDING_S
        assert (agent >= 0) == (fate in {Fate.ANSWERED, Fate.CALLED_BACK})
        assert agent < 0 or queue in roster[agent].ranks
        if fate == Fate.ABANDONED:
            assert wait == pytest.approx(min(call[3], 86_400 - call[0]))


@pytest.mark.parametrize("policy", ["leastrecent_penalties", "careline"])
def test_a_talk_lasts_as_long_as_level_and_speed_make_it(policy: str) -> None:
    scenario = small()
    calls, roster, record = play(scenario, policy)
    lasts = sorted(end - start for _, start, end in record.busy)
    expected = sorted(
        call[2]
        * scenario.level_factor[roster[agent].ranks[scenario.classes[call[1]].queue.name]]
        * roster[agent].speed
        for call, agent in zip(calls, record.agents, strict=True)
        if agent >= 0
    )
    assert lasts == pytest.approx(expected)


def test_the_same_seed_is_played_in_the_same_way_and_chance_is_the_seeds() -> None:
    conduct = Conduct(ring_s=2, missed_pct=10)
    assert play(small(), "random", 4, conduct)[2] == play(small(), "random", 4, conduct)[2]
    assert play(small(), "random", 4)[2] != play(small(), "rrmemory", 4)[2]


def test_who_has_nobody_at_work_waits_until_he_gives_up_or_the_day_ends() -> None:
    scenario = Scenario.model_validate(
        plain(calls=200, shifts=[{"start": 23, "hours": 1, "share": 1}])
    )
    calls, _, record = play(scenario)
    before = [n for n, call in enumerate(calls) if call[0] < 23 * 3600]
    answered = [n for n in before if record.fates[n] == Fate.ANSWERED]
    assert answered
    assert all(calls[n][0] + record.waits[n] >= 23 * 3600 for n in answered)


def test_who_waits_when_the_day_ends_has_abandoned() -> None:
    scenario = Scenario.model_validate(
        plain(calls=200, shifts=[{"start": 0, "hours": 1, "share": 1}])
    )
    calls, _, record = play(scenario)
    late = [n for n, call in enumerate(calls) if call[0] > 2 * 3600]
    assert {record.fates[n] for n in late} == {Fate.ABANDONED}
    assert [record.waits[n] for n in late] == pytest.approx([86_400 - calls[n][0] for n in late])


def test_who_talks_when_his_shift_ends_finishes_and_takes_no_other_call() -> None:
    scenario = Scenario.model_validate(
        plain(calls=2400, agents_on_phone=3, shifts=[{"start": 0, "hours": 5, "share": 1}])
    )
    _, _, record = play(scenario)
    last = max(start for _, start, _ in record.busy)
    assert last < 5 * 3600
    assert sum(end > 5 * 3600 for _, _, end in record.busy) == 3


def test_a_pool_answers_more_in_time() -> None:
    def in_time(policy: str) -> int:
        _, _, record = play(small(agents=28), policy)
        return sum(
            fate == Fate.ANSWERED and wait <= 20
            for fate, wait in zip(record.fates, record.waits, strict=True)
        )

    assert in_time("pooled_careline") > in_time("careline") + 20


@pytest.mark.parametrize("ring_s", [1.0, 5.0])
def test_a_ringing_phone_adds_to_every_wait(ring_s: float) -> None:
    _, _, record = play(small(agents=40), conduct=Conduct(ring_s=ring_s))
    waits = [w for w, fate in zip(record.waits, record.fates, strict=True) if fate == Fate.ANSWERED]
    assert min(waits) == pytest.approx(ring_s)


def test_a_lag_adds_to_the_waits_of_those_who_had_to_wait() -> None:
    _, _, record = play(small(), conduct=Conduct(lag_s=4))
    waits = [w for w, fate in zip(record.waits, record.fates, strict=True) if fate == Fate.ANSWERED]
    assert min(waits) == 0
    assert not [wait for wait in waits if 0 < wait < 4 - ROUNDING_S]


def test_missed_offers_cost_waiting_time_and_no_agent_for_good() -> None:
    scenario = small(agents=30)
    (_, _, answered), (_, _, missed) = (
        play(scenario),
        play(scenario, conduct=Conduct(missed_pct=20)),
    )
    assert fmean(missed.waits) > fmean(answered.waits)
    afternoon = {agent for agent, start, _ in missed.busy if start > 13 * 3600}
    assert len(afternoon) > 0.7 * len({a for a, start, _ in answered.busy if start > 13 * 3600})


def test_lines_bound_the_calls_in_the_system() -> None:
    scenario = Scenario.model_validate(plain(calls=6000, agents_on_phone=10, lines=12))
    calls, _, record = play(scenario)
    moments = []
    ends = {(agent, start): end for agent, start, end in record.busy}
    for n, call in enumerate(calls):
        if record.fates[n] == Fate.BLOCKED:
            continue
        start = call[0] + record.waits[n]
        end = start
        if record.fates[n] == Fate.ANSWERED:
            end = ends[record.agents[n], start]
        moments += [(call[0], 1), (end, -1)]
    inside = most = 0
    for _, change in sorted(moments):
        inside += change
        most = max(most, inside)
    assert most == 12
    assert Fate.BLOCKED in record.fates


def test_callbacks_are_taken_dialled_and_lost_as_drawn() -> None:
    calls, _, record = play(small(agents=22), "careline_callback")
    took = [n for n, f in enumerate(record.fates) if f in {Fate.CALLED_BACK, Fate.NOT_REACHED}]
    assert took
    assert all(calls[n][4] for n in took)
    assert all(calls[n][5] for n in took if record.fates[n] == Fate.CALLED_BACK)
    dialled = [end - start for _, start, end in record.busy if end - start == pytest.approx(DIAL_S)]
    failed = [e - s for _, s, e in record.busy if e - s == pytest.approx(DIAL_FAILS_S)]
    assert len(dialled) >= sum(f == Fate.CALLED_BACK for f in record.fates)
    assert len(failed) <= sum(f == Fate.NOT_REACHED for f in record.fates)
    assert not [n for n in took if calls[n][3] < record.waits[n] or math.isnan(record.waits[n])]
