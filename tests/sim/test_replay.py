"""A day that has been is played again: out of its journal the same day comes, and what is changed shows."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from sim_journal import MIDNIGHT, WINDOW, Row, events, lived
from sim_scenarios import plain, small

from careline_router.domain import commands as cmd
from careline_router.domain import events as ev
from careline_router.simulation.calls import Call, day_calls
from careline_router.simulation.drawing import NothingHandledError, Patience, complete
from careline_router.simulation.figures import day_figures
from careline_router.simulation.history import read_day
from careline_router.simulation.past import PastDay, Window
from careline_router.simulation.record import DayRecord, Fate
from careline_router.simulation.replay_figures import figures
from careline_router.simulation.replay_report import Question, answer
from careline_router.simulation.replaying import replay
from careline_router.simulation.roster import RosterAgent, make_roster
from careline_router.simulation.runner import Conduct
from careline_router.simulation.scenario import Scenario

pytestmark = pytest.mark.unit
PHONES = Conduct(ring_s=3, missed_pct=10)


def a_day(
    policy: str = "careline", conduct: Conduct | None = None, *, agents: int = 22, seed: int = 3
) -> tuple[Sequence[Call], Sequence[RosterAgent], DayRecord, list[Row]]:
    scenario = small(agents=agents)
    calls, roster = day_calls(scenario, seed), make_roster(scenario, agents)
    record, rows = lived(scenario, calls, roster, policy, conduct=conduct)
    return calls, roster, record, rows


def completed(day: PastDay) -> PastDay:
    return replace(day, calls=complete(day.calls, 1)[0])


def assert_same(one: DayRecord, other: DayRecord) -> None:
    assert one.fates == other.fates
    assert one.agents == other.agents
    assert one.waits == pytest.approx(other.waits, abs=1e-5)
    busy, same = sorted(one.busy), sorted(other.busy)
    assert [agent for agent, _, _ in busy] == [agent for agent, _, _ in same]
    assert [at for _, *span in busy for at in span] == pytest.approx(
        [at for _, *span in same for at in span], abs=1e-5
    )


@pytest.mark.parametrize("conduct", [Conduct(), PHONES], ids=["at once", "rings and misses"])
@pytest.mark.parametrize("policy", ["careline", "rrmemory_w0", "random", "careline_callback"])
def test_the_same_policy_decides_the_same_for_every_call(policy: str, conduct: Conduct) -> None:
    _, _, _, rows = a_day(policy, conduct)
    day, was = read_day(events(rows), WINDOW)
    assert Fate.ANSWERED in was.fates
    assert Fate.ABANDONED in was.fates
    assert_same(replay(completed(day)), was)


@pytest.mark.parametrize("conduct", [Conduct(), PHONES], ids=["at once", "rings and misses"])
def test_the_day_out_of_its_journal_is_the_day_that_was_simulated(conduct: Conduct) -> None:
    calls, roster, record, rows = a_day(conduct=conduct)
    day, was = read_day(events(rows), WINDOW)
    numbers = [int(call.id) for call in day.calls]
    assert numbers == list(range(len(calls)))
    assert was.fates == record.fates
    names = [agent.id for agent in day.agents]
    assert [names[n] if n >= 0 else None for n in was.agents] == [
        roster[n].id if n >= 0 else None for n in record.agents
    ]
    told, known = figures(day, was, day.queues), day_figures(small(), calls, roster, record)
    assert told["calls"] == sum(known.half_hours.calls)
    for name in ("lcr", "asa", "p95", "p99"):
        assert told[name] == pytest.approx(getattr(known, name), abs=1e-3)
    assert told["sl"] == pytest.approx(known.sl20, abs=1e-6)


def test_a_day_cut_out_of_a_longer_journal_begins_with_who_waits_and_who_is_there() -> None:
    """Only talks under way at its start, and what the policy had learned, are missing."""
    calls, _, record, rows = a_day(agents=19)
    waits = [one for one in zip(calls, record.waits, strict=True) if 36_000 < one[0][0] < 50_000]
    begins = next(MIDNIGHT + call[0] + wait / 2 for call, wait in waits if wait > 60)
    afternoon = Window(begins, MIDNIGHT + 18 * 3600)
    day, was = read_day(events(rows), afternoon)
    before = [call for call in day.calls if not day.counts(call) and call.at < afternoon.start]
    assert before
    assert all(call.at + call.waited_s >= afternoon.start for call in before)
    assert max(call.at for call in day.calls) > afternoon.end
    told = figures(day, was, day.queues)
    again = figures(day, replay(completed(day)), day.queues)
    assert told["calls"] == again["calls"] == sum(day.counts(c) and c.inbound for c in day.calls)
    assert again["sl"] == pytest.approx(told["sl"], abs=3)
    assert again["occupancy"] == pytest.approx(told["occupancy"], abs=2)


def test_fewer_agents_make_it_worse_and_a_better_policy_better() -> None:
    _, _, _, rows = a_day("rrmemory_w0", PHONES)
    day, was = read_day(events(rows), WINDOW)
    gone = tuple(agent.id for agent in day.agents[::3])
    worse = answer(day, was, Question(without_agents=gone)).report
    assert list(worse["policies"]) == ["rrmemory_w0"]
    assert worse["replayed"]["error"]["sl"] == 0
    assert worse["policies"]["rrmemory_w0"]["delta"]["sl"] < -5
    assert worse["policies"]["rrmemory_w0"]["delta"]["lcr"] > 2
    tried = answer(day, was, Question(policies=("careline", "rrmemory_w0", "pooled_careline")))
    deltas = {name: one["delta"]["sl"] for name, one in tried.report["policies"].items()}
    assert deltas["rrmemory_w0"] == 0
    assert 0 < deltas["careline"] < deltas["pooled_careline"]
    assert list(tried.half_hours)[:2] == ["as it was", "replayed as it was"]
    counted = {sum(hours.calls) for hours in tried.half_hours.values()}
    assert counted == {tried.report["calls"]}


def test_everything_that_was_drawn_is_counted_and_the_same_every_time() -> None:
    _, _, _, rows = a_day()
    day, was = read_day(events(rows), WINDOW)
    told = answer(day, was, Question()).report
    abandoned = sum(call.ending == "abandoned" for call in day.calls)
    assert told["drawn"]["handle_time"] == was.fates.count(Fate.ABANDONED)
    assert told["drawn"]["patience"] == sum(call.inbound for call in day.calls) - abandoned
    assert answer(*read_day(events(rows), WINDOW), Question()).report == told
    drawn = complete(day.calls, 1)[0]
    for seen, full in zip(day.calls, drawn, strict=True):
        assert full.patience_s is not None
        assert full.patience_s >= seen.waited_s or seen.ending == "abandoned"
        assert seen.talk_s in {None, full.talk_s}


def test_nobody_knows_how_long_a_call_takes_on_a_day_without_answers() -> None:
    scenario = Scenario.model_validate(
        plain(calls=100, agents_on_phone=1, shifts=[{"start": 23.9, "hours": 0.1, "share": 1}])
    )
    calls = [call for call in day_calls(scenario, 1) if call[0] < 20 * 3600]
    calls = [(*call[:3], 30.0, *call[4:]) for call in calls]
    _, rows = lived(scenario, calls, make_roster(scenario, 1), "careline")
    with pytest.raises(NothingHandledError):
        answer(*read_day(events(rows), WINDOW), Question())


def test_patience_beyond_what_was_seen_is_kaplan_meiers() -> None:
    curve = Patience([(10, True), (20, False), (30, True), (40, False)])
    assert curve.times == [10, 30]
    assert curve.survival == pytest.approx([0.75, 0.375])
    assert curve.rate == pytest.approx(2 / 100)
    assert curve.beyond(0, 0.9) == 10
    assert curve.beyond(0, 0.5) == 30
    assert curve.beyond(20, 0.6) == 30
    assert curve.beyond(35, 0.5) == pytest.approx(35 + 34.657, abs=1e-3)
    assert Patience([(10, False)]).beyond(5, 0.5) == float("inf")


def test_wrap_ups_supervisors_and_planned_rests_come_again_as_they_were() -> None:
    """One agent, one queue: a call is moved to him, he wraps up, and goes when he had wished to."""
    rows = _story()
    day, was = read_day(rows, WINDOW)
    call = day.calls[0]
    assert (call.talk_s, call.wrap_up_s, call.answer_s) == (100, 12, 5)
    assert [type(one[2]) for one in day.changes].count(cmd.Move) == 1
    assert_same(replay(completed(day)), was)
    assert was.busy == [(0, pytest.approx(day.window.start + 35), day.window.start + 147)]
    assert day.agents[0].presence == ((day.window.start + 1, day.window.start + 60),)


def _story() -> list[ev.Event]:
    """What a floor says to it, second for second."""
    from careline_router.domain.floor import Floor
    from careline_router.domain.specs import AgentSpec, FloorSpec, QueueSpec

    floor, told = Floor(), []

    def at(second: float, command: cmd.Command) -> None:
        told.extend(floor.handle(command, MIDNIGHT + second))

    at(0, cmd.ConfigureFloor(floor=FloorSpec(policy="leastrecent")))
    at(0, cmd.ConfigureQueues(queues=(QueueSpec(id="a"), QueueSpec(id="b"))))
    spec = AgentSpec(id="a1", skills={"b": 5}, endpoint="e", accept="auto")
    at(0, cmd.ConfigureAgents(agents=(spec,)))
    at(1, cmd.LogIn(agent_id="a1"))
    at(1, cmd.SetReady(agent_id="a1"))
    at(10, cmd.RegisterCall(call_id="c", pbx="p", pbx_call_id="c", line="1"))
    at(10, cmd.QueueCall(call_id="c", queue="a", skills={"a": 1}, priority="insured"))
    at(30, cmd.Move(call_id="c", queue="b", skills={"b": 1}))
    at(35, cmd.PhoneAnswered(offer_id="c.1"))
    at(60, cmd.SetNotReady(agent_id="a1", reason="lunch"))
    at(135, cmd.HangUp(call_id="c", by="caller"))
    at(147, cmd.CompleteWrapUp(agent_id="a1", call_id="c"))
    at(200, cmd.LogOut(agent_id="a1"))
    return told
