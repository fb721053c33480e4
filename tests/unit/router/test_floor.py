"""What the floor does, case by case."""

from typing import Any

import pytest
from floor_scene import Scene

from careline_router.domain import commands as cmd
from careline_router.domain import events as ev
from careline_router.domain.effects import overtaken_by, pbx_steps
from careline_router.domain.filing import FORGET_EVERY_S, LINGER_S, WRAPPED_LINGER_S
from careline_router.domain.floor import Floor
from careline_router.domain.specs import AgentSpec, QueueSpec

pytestmark = pytest.mark.unit


def test_the_agent_who_has_been_idle_longest_is_offered_the_call() -> None:
    scene = Scene(a="app", b="app")
    scene.ready("b", "a")
    scene.call("c1")
    assert scene.offered() == {"b": "c1"}


def test_levels_count_not_only_skills() -> None:
    scene = Scene(a="app")
    scene.ready("a")
    scene.call("hard", skills={"x": 6})
    assert scene.offered() == {}
    scene.call("easy", skills={"x": 5})
    assert scene.offered() == {"a": "easy"}


def test_the_first_class_goes_first_then_who_has_waited_longest() -> None:
    scene = Scene(a="app")
    order = ("insured", "cash", "deferrable", "cash", "emergency", "vip")
    for number, priority in enumerate(order):
        scene.now += 1
        scene.call(f"c{number}", priority=priority)
    served = []
    scene.ready("a")
    for _ in order:
        call = scene.offered()["a"]
        served.append(call)
        scene.do(cmd.HangUp(call_id=call, by="caller"))
    assert served == ["c4", "c5", "c1", "c3", "c0", "c2"]


def test_a_call_past_its_longest_wait_goes_before_everybody() -> None:
    scene = Scene(a="app")
    scene.call("old", priority="deferrable")
    scene.now += 100
    scene.call("new", priority="emergency")
    scene.ready("a")
    assert scene.offered() == {"a": "old"}


def test_an_offer_nobody_accepts_makes_the_agent_not_ready_and_keeps_the_callers_place() -> None:
    scene = Scene(a="app", b="app")
    scene.call("c1")
    scene.ready("a", "b")
    scene.after(20)
    assert scene.state("a") == ("not_ready", "rona")
    assert scene.offered() == {"b": "c1"}
    assert scene.floor.calls["c1"].queued_at == 0


def test_a_phone_that_is_not_answered_is_a_ring_no_answer_too() -> None:
    scene = Scene(a="app")
    scene.ready("a")
    scene.call("c1")
    scene.do(cmd.AcceptOffer(agent_id="a", offer_id="c1.1"))
    assert scene.after(19) == []
    closed = scene.after(1)[0]
    assert isinstance(closed, ev.OfferClosed)
    assert (closed.end, closed.rings) == ("no_answer", True)
    assert scene.state("a") == ("not_ready", "rona")


def test_who_missed_a_call_gets_it_again_only_when_nobody_else_is_at_work() -> None:
    scene = Scene(a="app", b="app")
    scene.ready("a")
    scene.call("c1")
    scene.after(15)
    scene.do(cmd.SetReady(agent_id="a"))
    assert scene.offered() == {"a": "c1"}
    scene.ready("b")
    scene.after(15)
    assert scene.offered() == {"b": "c1"}
    scene.do(cmd.SetReady(agent_id="a"))
    scene.do(cmd.RejectOffer(agent_id="b", offer_id="c1.3"))
    assert scene.offered() == {}


def test_an_agent_who_rejects_stays_ready_and_goes_last() -> None:
    scene = Scene(a="app", b="app")
    scene.ready("a", "b")
    scene.call("c1")
    scene.do(cmd.RejectOffer(agent_id="a", offer_id="c1.1"))
    assert scene.state("a") == ("ready", None)
    assert scene.offered() == {"b": "c1"}
    scene.call("c2")
    assert scene.offered() == {"b": "c1", "a": "c2"}


@pytest.mark.parametrize(("cause", "state"), [("busy", "busy"), ("unreachable", "unreachable")])
def test_a_phone_that_cannot_be_reached_makes_its_agent_not_ready(cause: Any, state: str) -> None:
    scene = Scene(a="auto")
    scene.ready("a")
    scene.call("c1")
    events = scene.do(cmd.OfferFailed(offer_id="c1.1", cause=cause))
    assert scene.state("a") == ("not_ready", state)
    assert isinstance(events[0], ev.OfferClosed)
    assert not events[0].rings


def test_who_has_lost_his_leg_may_have_the_call_again_at_once_and_is_not_blamed() -> None:
    """Fails when he is excluded, made not ready, or comes last among the idle."""
    scene = Scene(a="ring", b="ring")
    scene.ready("a", "b")
    scene.call("c1")
    queued_at = scene.floor.calls["c1"].queued_at
    assert scene.offered() == {"a": "c1"}
    scene.after(5)
    closed, idle, again = scene.do(cmd.OfferFailed(offer_id="c1.1", cause="lost"))
    assert isinstance(closed, ev.OfferClosed)
    assert (closed.end, closed.excluded, closed.rings) == ("lost", False, False)
    assert isinstance(idle, ev.AgentStateChanged)
    assert isinstance(again, ev.OfferMade)
    assert (idle.state, idle.keeps_idle, again.offer_id) == ("ready", True, "c1.2")
    assert scene.offered() == {"a": "c1"}
    assert scene.floor.calls["c1"].queued_at == queued_at


def test_who_has_lost_his_leg_and_wishes_to_rest_leaves_the_call_to_others() -> None:
    scene = Scene(a="ring", b="ring")
    scene.ready("a", "b")
    scene.call("c1")
    scene.do(cmd.SetNotReady(agent_id="a", reason="lunch"))
    scene.do(cmd.OfferFailed(offer_id="c1.1", cause="lost"))
    assert scene.state("a") == ("not_ready", "lunch")
    assert scene.offered() == {"b": "c1"}
    assert scene.floor.calls["c1"].excluded == set()


def test_a_caller_who_goes_frees_the_agent_in_his_old_place() -> None:
    scene = Scene(a="app", b="app")
    scene.ready("a", "b")
    scene.call("c1")
    scene.do(cmd.HangUp(call_id="c1", by="caller"))
    assert scene.floor.calls["c1"].outcome == "abandoned"
    scene.call("c2")
    assert scene.offered() == {"a": "c2"}


@pytest.mark.parametrize(
    ("accept", "first", "then"),
    [("app", [], ["ring"]), ("ring", ["ring"], []), ("auto", ["ring"], [])],
)
def test_the_phone_rings_when_the_way_of_accepting_says_so(
    accept: str, first: list[str], then: list[str]
) -> None:
    scene = Scene(a=accept)
    scene.ready("a")
    events = scene.call("c1")
    steps = [step.type for event in events for step in pbx_steps(event, scene.of("c1"))]
    assert steps == ["answer", "hold", *first]
    events = scene.do(cmd.AcceptOffer(agent_id="a", offer_id="c1.1"))
    assert [step.type for event in events for step in pbx_steps(event, scene.of("c1"))] == then
    events = scene.do(cmd.PhoneAnswered(offer_id="c1.1"))
    assert [step.type for event in events for step in pbx_steps(event, scene.of("c1"))] == [
        "bridge"
    ]
    assert scene.floor.calls["c1"].state == "connected"


def test_a_talk_ends_in_a_wrap_up_that_ends_by_itself() -> None:
    scene = Scene(a="app")
    scene.ready("a")
    scene.call("c1")
    scene.connect("c1", "a")
    scene.do(cmd.HangUp(call_id="c1", by="agent"))
    assert scene.floor.calls["c1"].outcome == "handled"
    assert scene.state("a") == ("wrap_up", None)
    scene.after(29)
    assert scene.state("a") == ("wrap_up", None)
    scene.after(1)
    assert scene.state("a") == ("ready", None)


def test_not_ready_while_talking_holds_after_this_call() -> None:
    scene = Scene(a="app")
    scene.ready("a")
    scene.call("c1")
    scene.connect("c1", "a")
    scene.do(cmd.SetNotReady(agent_id="a", reason="lunch"))
    assert scene.state("a") == ("talking", None)
    scene.do(cmd.HangUp(call_id="c1", by="caller"))
    scene.do(cmd.CompleteWrapUp(agent_id="a", call_id="c1"))
    assert scene.state("a") == ("not_ready", "lunch")


def test_a_wrap_up_can_be_told_late_but_not_twice_and_not_by_another() -> None:
    scene = Scene(a="app", b="app")
    scene.ready("a")
    scene.call("c1")
    scene.connect("c1", "a")
    assert scene.refused(cmd.CompleteWrapUp(agent_id="a", call_id="c1")).reason == "call-not-ended"
    scene.do(cmd.HangUp(call_id="c1", by="caller"))
    scene.after(30)
    assert scene.refused(cmd.CompleteWrapUp(agent_id="b", call_id="c1")).reason == "not-your-call"
    assert len(scene.do(cmd.CompleteWrapUp(agent_id="a", call_id="c1"))) == 1
    again = scene.refused(cmd.CompleteWrapUp(agent_id="a", call_id="c1"))
    assert again.reason == "already-wrapped-up"


def test_an_ended_call_is_forgotten_after_an_hour() -> None:
    scene = Scene()
    scene.call("c1")
    scene.do(cmd.HangUp(call_id="c1", by="caller"))
    scene.after(LINGER_S)
    assert scene.floor.calls == {}
    assert scene.floor.by_pbx == {}


def test_a_call_that_has_been_wrapped_up_is_forgotten_soon_and_no_other_with_it() -> None:
    scene = Scene(a="app", b="app")
    for agent, call in (("a", "c1"), ("b", "c2")):
        scene.ready(agent)
        scene.call(call)
        scene.connect(call, agent)
        scene.do(cmd.HangUp(call_id=call, by="caller"))
    scene.do(cmd.CompleteWrapUp(agent_id="a", call_id="c1"))
    scene.after(WRAPPED_LINGER_S + FORGET_EVERY_S)
    assert set(scene.floor.calls) == {"c2"}
    back = Floor.restore(scene.floor.snapshot())
    assert back.next_timer() == scene.floor.next_timer()
    scene.do(cmd.CompleteWrapUp(agent_id="b", call_id="c2"))
    scene.after(WRAPPED_LINGER_S + FORGET_EVERY_S)
    assert scene.floor.calls == scene.floor.by_pbx == {}
    assert scene.floor.next_timer() is None


def test_a_call_is_forgotten_once_though_another_of_its_minute_was_wrapped_up_before() -> None:
    scene = Scene(a="app")
    scene.ready("a")
    scene.call("c1")
    scene.connect("c1", "a")
    scene.do(cmd.HangUp(call_id="c1", by="caller"))
    scene.do(cmd.CompleteWrapUp(agent_id="a", call_id="c1"))
    scene.call("c2")
    scene.do(cmd.HangUp(call_id="c2", by="caller"))
    scene.after(LINGER_S + FORGET_EVERY_S)
    assert scene.floor.calls == {}


def test_facts_that_come_too_late_have_no_effect() -> None:
    scene = Scene(a="app")
    scene.ready("a")
    scene.call("c1")
    scene.do(cmd.HangUp(call_id="c1", by="caller"))
    for late in (
        cmd.PhoneAnswered(offer_id="c1.1"),
        cmd.OfferFailed(offer_id="c1.1", cause="busy"),
        cmd.OfferFailed(offer_id="c1.1", cause="lost"),
        cmd.HangUp(call_id="c1", by="agent"),
        cmd.Digits(call_id="c1", digits="1"),
    ):
        assert scene.do(late) == []


def test_a_withdrawn_offer_cannot_be_accepted_and_says_what_can_be_done() -> None:
    scene = Scene(a="app", b="app")
    scene.ready("a")
    scene.call("c1")
    stolen = scene.refused(cmd.AcceptOffer(agent_id="b", offer_id="c1.1"))
    assert stolen.reason == "not-your-offer"
    scene.do(cmd.HangUp(call_id="c1", by="caller"))
    refused = scene.refused(cmd.AcceptOffer(agent_id="a", offer_id="c1.1"))
    assert refused.reason == "offer-closed"
    assert "set_not_ready" in refused.allowed


def test_who_talks_cannot_log_out_and_who_is_offered_a_call_gives_it_back() -> None:
    scene = Scene(a="app", b="app")
    scene.ready("a")
    scene.call("c1")
    scene.do(cmd.LogOut(agent_id="a"))
    assert scene.floor.calls["c1"].state == "queued"
    scene.ready("b")
    scene.connect("c1", "b")
    assert scene.refused(cmd.LogOut(agent_id="b")).reason == "agent-talking"


def test_nothing_can_be_asked_of_who_is_logged_out_or_unknown() -> None:
    scene = Scene(a="app")
    assert scene.refused(cmd.SetReady(agent_id="a")).allowed == ("log_in",)
    assert scene.refused(cmd.LogIn(agent_id="x")).reason == "unknown-agent"
    scene.do(cmd.ConfigureAgents(agents=(AgentSpec(id="bare"),)))
    assert scene.refused(cmd.LogIn(agent_id="bare")).reason == "no-endpoint"


def test_a_moved_call_keeps_its_place_and_leaves_its_agent() -> None:
    scene = Scene(a="app", b="app")
    scene.do(cmd.ConfigureQueues(queues=(QueueSpec(id="other"),)))
    scene.ready("a")
    scene.call("c1")
    scene.now += 5
    scene.do(cmd.Move(call_id="c1", queue="other", skills={"z": 1}))
    call = scene.floor.calls["c1"]
    assert (call.queue, call.state, call.queued_at) == ("other", "queued", 1.0)
    assert scene.state("a") == ("ready", None)
    unknown = scene.refused(cmd.Move(call_id="c1", queue="none", skills={}))
    assert unknown.reason == "unknown-queue"


def test_a_clock_that_goes_back_is_taken_to_stand_still() -> None:
    scene = Scene()
    scene.now = 50
    scene.call("c1")
    scene.now = 10
    scene.call("c2")
    assert scene.floor.calls["c2"].queued_at == 50


def test_the_end_of_a_call_takes_back_the_commands_that_are_still_open() -> None:
    scene = Scene()
    scene.call("c1")
    call = scene.of("c1")
    ended = ev.CallEnded(at=1, call_id="c1", outcome="handled", by="agent", agent_id="a")
    overtaken = overtaken_by(ended)
    assert overtaken is not None
    assert {"answer", "hold", "ring", "bridge"} <= set(overtaken.types)
    assert "cancel_ring" not in overtaken.types
    assert [step.type for step in pbx_steps(ended, call)] == ["hangup"]


def test_a_decision_says_why_each_group_was_passed_over() -> None:
    scene = Scene(a="app", b="app")
    other = AgentSpec(id="z", skills={"z": 9}, endpoint="P/z")
    scene.do(cmd.ConfigureAgents(agents=(other,)))
    scene.ready("z", "a", "b")
    scene.call("c1", flow_version=3, crm={"payer": "cash"})
    (decision,) = scene.floor.take_decisions()
    groups = {group.signature: group for group in decision.groups}
    assert groups["z:9"].removed_by == "skill:x"
    assert (groups["x:5"].idle, groups["x:5"].removed_by) == (2, None)
    assert decision.agents == ("a", "b")
    assert (decision.match.agent_id, decision.policy, decision.flow_version) == ("a", "careline", 3)
    assert scene.floor.take_decisions() == []
