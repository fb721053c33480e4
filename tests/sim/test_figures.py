"""Figures against the same, computed from a record call by call and second by second."""

import math
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sim_scenarios import small

from careline_router.simulation.calls import Call, day_calls
from careline_router.simulation.figures import day_figures, occupancy_pct
from careline_router.simulation.policies import CONTENDERS
from careline_router.simulation.record import DayRecord, Fate
from careline_router.simulation.roster import RosterAgent, make_roster
from careline_router.simulation.runner import Conduct, play_day
from careline_router.simulation.scenario import Scenario

pytestmark = pytest.mark.unit
SCENARIO = small()
ROSTER = make_roster(SCENARIO, SCENARIO.agents_on_phone)


def percentile(values: list[float], share: float) -> float:
    """Between the two values about that place, by a straight line."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def by_hand(scenario: Scenario, calls: list[Call], record: DayRecord) -> dict[str, Any]:
    offered = in_time = lost = 0
    answered: list[float] = []
    waited: list[float] = []
    classes: dict[str, list[int]] = {one.name: [0, 0] for one in scenario.classes}
    for call, fate, wait in zip(calls, record.fates, record.waits, strict=True):
        one = scenario.classes[call[1]]
        if fate == Fate.BLOCKED:
            continue
        quick = fate == Fate.ANSWERED and wait <= (900 if one.queue.deferrable else 20)
        classes[one.name][0] += quick
        classes[one.name][1] += 1
        if one.queue.deferrable:
            continue
        offered += 1
        in_time += quick
        lost += fate in {Fate.ABANDONED, Fate.NOT_REACHED}
        if fate == Fate.ANSWERED:
            answered.append(wait)
        if fate in {Fate.ANSWERED, Fate.ABANDONED}:
            waited.append(wait)
    return {
        "sl20": 100 * in_time / offered,
        "lcr": 100 * lost / offered,
        "asa": sum(answered) / len(answered),
        "p95": percentile(waited, 0.95),
        "p99": percentile(waited, 0.99),
        "classes": classes,
    }


def busy_over_present(roster: tuple[RosterAgent, ...], record: DayRecord) -> float:
    """By cutting each agent's day at every bound and looking at each piece."""
    busy = present = 0.0
    for number, agent in enumerate(roster):
        talks = [(start, end) for who, start, end in record.busy if who == number]
        cuts = sorted({at for span in (*talks, *agent.intervals) for at in span})
        for left, right in pairwise(cuts):
            middle = (left + right) / 2
            talks_now = any(start < middle < end for start, end in talks)
            there = any(start < middle < end for start, end in agent.intervals)
            busy += (right - left) * talks_now
            present += (right - left) * (talks_now or there)
    return 100 * busy / present


@pytest.mark.parametrize(
    ("policy", "conduct"),
    [
        ("leastrecent_penalties", Conduct()),
        ("careline", Conduct(ring_s=3, lag_s=1)),
        ("careline_callback", Conduct()),
        ("reference_callback", Conduct(missed_pct=5)),
    ],
)
def test_a_played_days_figures_are_those_computed_by_hand(policy: str, conduct: Conduct) -> None:
    calls = day_calls(SCENARIO, 4)
    record = play_day(SCENARIO, calls, ROSTER, CONTENDERS[policy], conduct=conduct, seed=4)
    figures, hand = day_figures(SCENARIO, calls, ROSTER, record), by_hand(SCENARIO, calls, record)
    for name in ("sl20", "lcr", "asa", "p95", "p99"):
        assert getattr(figures, name) == pytest.approx(hand[name]), name
    assert figures.occupancy == pytest.approx(busy_over_present(ROSTER, record))
    for name, (in_time, n) in hand["classes"].items():
        assert (figures.by_class[name].in_time, figures.by_class[name].calls) == (in_time, n)


def calls_and_record(draw: st.DrawFn) -> tuple[list[Call], DayRecord]:
    calls, record = [], DayRecord([], [], [])
    for _ in range(draw(st.integers(1, 40))):
        index = draw(st.integers(0, len(SCENARIO.classes) - 1))
        calls.append((draw(st.floats(0, 86_399)), index, 100.0, math.inf, False, False))
        record.fates.append(draw(st.sampled_from(list(Fate))))
        record.waits.append(draw(st.floats(0, 2000)))
        record.agents.append(-1)
    return calls, record


@settings(max_examples=50)
@given(st.composite(calls_and_record)())
def test_so_are_the_figures_of_any_record(drawn: tuple[list[Call], DayRecord]) -> None:
    calls, record = drawn
    figures = day_figures(SCENARIO, calls, ROSTER, record)
    try:
        hand = by_hand(SCENARIO, calls, record)
    except (ZeroDivisionError, IndexError):
        return  # a figure of nothing; the next test is about these
    for name in ("sl20", "lcr", "asa", "p95", "p99"):
        assert getattr(figures, name) == pytest.approx(hand[name]), name


def one_call(fate: Fate, wait: float, queue: str = "adult") -> Any:
    index = next(i for i, one in enumerate(SCENARIO.classes) if one.queue.name == queue)
    record = DayRecord([fate], [wait], [-1])
    return day_figures(SCENARIO, [(3600.0, index, 60.0, math.inf, False, False)], ROSTER, record)


def test_an_answer_at_twenty_seconds_is_in_time_and_one_after_is_not() -> None:
    assert one_call(Fate.ANSWERED, 20.0).sl20 == 100
    assert one_call(Fate.ANSWERED, 20.001).sl20 == 0


def test_a_callback_is_offered_and_not_in_time_and_has_no_wait() -> None:
    reached, lost = one_call(Fate.CALLED_BACK, 5.0), one_call(Fate.NOT_REACHED, 5.0)
    assert (reached.sl20, reached.lcr, reached.callbacks) == (0, 0, 100)
    assert (lost.sl20, lost.lcr, lost.callbacks) == (0, 100, 100)
    assert all(math.isnan(value) for value in (reached.asa, reached.p95, lost.p99))


def test_a_day_without_calls_has_no_figures() -> None:
    figures = day_figures(SCENARIO, [], ROSTER, DayRecord([], [], []))
    assert all(math.isnan(one) for one in (figures.sl20, figures.lcr, figures.asa, figures.p99))
    assert figures.occupancy == 0


def test_a_blocked_call_was_never_offered() -> None:
    blocked = one_call(Fate.BLOCKED, 0.0)
    assert blocked.blocked == 100
    assert math.isnan(blocked.sl20)
    assert math.isnan(blocked.lcr)


def test_work_that_waits_counts_in_no_service_level_but_its_own() -> None:
    late, in_time = one_call(Fate.ANSWERED, 901.0, "tele"), one_call(Fate.ANSWERED, 900.0, "tele")
    assert math.isnan(late.sl20)
    assert math.isnan(late.p99)
    assert late.by_queue["tele"].pct == 0
    assert in_time.by_queue["tele"].pct == 100
    assert in_time.by_class["tele/any"].pct == 100


def test_a_queue_is_all_its_payers() -> None:
    calls = day_calls(SCENARIO, 4)
    record = play_day(SCENARIO, calls, ROSTER, CONTENDERS["careline"], seed=4)
    figures = day_figures(SCENARIO, calls, ROSTER, record)
    adult = [share for name, share in figures.by_class.items() if name.startswith("adult/")]
    assert figures.by_queue["adult"].calls == sum(one.calls for one in adult)
    assert figures.by_queue["adult"].in_time == sum(one.in_time for one in adult)
    assert sum(one.calls for one in figures.by_queue.values()) == len(calls)


def test_who_talks_beyond_his_shift_is_at_work_meanwhile() -> None:
    roster = (RosterAgent("00000", {"adult": 1}, 1.0, ((0.0, 100.0), (150.0, 200.0))),)
    record = DayRecord([], [], [], busy=[(0, 90.0, 160.0)])
    assert occupancy_pct(roster, record) == pytest.approx(100 * 70 / 200)
    assert occupancy_pct(roster, DayRecord([], [], [])) == 0


def test_half_hours_sum_to_the_day() -> None:
    calls = day_calls(SCENARIO, 4)
    record = play_day(SCENARIO, calls, ROSTER, CONTENDERS["careline_callback"], seed=4)
    figures = day_figures(SCENARIO, calls, ROSTER, record)
    hours = figures.half_hours
    assert len(hours.calls) == 48
    assert 100 * sum(hours.in_time) / sum(hours.calls) == pytest.approx(figures.sl20)
    assert sum(hours.waits) == sum(
        fate in {Fate.ANSWERED, Fate.ABANDONED} and not SCENARIO.classes[call[1]].queue.deferrable
        for call, fate in zip(calls, record.fates, strict=True)
    )
