"""What a flow says of its calls in place of their queue: clocks, recipe, recording, ways out of the wait."""

from typing import Any

import pytest
from floor_scene import QUEUE, Scene, agent, kinds, only

from careline_router.domain import commands as cmd
from careline_router.domain import events as ev
from careline_router.domain.effects import overtaken_by, pbx_steps
from careline_router.domain.leaving import may_refuse_recording, way_out_by
from careline_router.domain.specs import QueueSpec, RelaxStep
from careline_router.domain.terms import NO_TERMS, Terms, WayOut

pytestmark = pytest.mark.unit

OUT = WayOut(to="overflow", after_s=10, key="2", endpoint="P/out", media={"ru": "out-ru"})
AWAY = WayOut(to="voicemail")


def commands_of(
    scene: Scene, event: ev.Event, call: str = "c1"
) -> list[tuple[str, dict[str, Any]]]:
    return [(step.type, dict(step.body)) for step in pbx_steps(event, scene.of(call))]


# -- clocks and recipe -----------------------------------------------------------------------------


def test_a_call_is_in_time_by_its_own_target_and_its_neighbour_by_the_queues() -> None:
    scene = Scene(agent("a"), agent("b"))
    scene.call("hasty", terms=Terms(target_s=5))
    scene.call("usual")
    scene.after(10)
    scene.ready("a", "b")
    for name in ("a", "b"):
        scene.answer(name)
    assert scene.floor.demand.service_level_pct("q") == 50


def test_calls_of_one_queue_with_other_targets_are_weighed_by_their_own() -> None:
    scene = Scene(agent("a"), queues=[QUEUE, QueueSpec(id="other")])
    scene.call("patient", terms=Terms(target_s=600))
    scene.after(1)
    scene.call("hasty", terms=Terms(target_s=30))
    scene.after(15)
    scene.ready("a")
    assert scene.offered() == {"a": "hasty"}


def test_its_own_recipe_holds_and_goes_on_in_the_queue_that_it_flows_over_to() -> None:
    recipe = (RelaxStep(after_s=5, queue="other"), RelaxStep(after_s=9, drop_skills=("x",)))
    scene = Scene(queues=[QUEUE, QueueSpec(id="other")])
    scene.call("c1", skills={"x": 9}, terms=Terms(recipe=recipe))
    scene.after(5)
    assert (scene.of("c1").queue, dict(scene.of("c1").needs)) == ("other", {"x": 9})
    scene.after(4)
    assert dict(scene.of("c1").needs) == {}


def test_an_empty_recipe_is_none_whatever_the_queue_has() -> None:
    step = RelaxStep(after_s=5, drop_skills=("x",))
    scene = Scene(queues=[QueueSpec(id="q", recipe=(step,))])
    scene.call("strict", terms=Terms(recipe=()))
    scene.call("usual")
    scene.after(60)
    assert dict(scene.of("strict").needs) == {"x": 1}
    assert dict(scene.of("usual").needs) == {}


@pytest.mark.parametrize(
    ("wrap_up_s", "state"), [(0.0, "ready"), (7.0, "wrap_up"), (None, "wrap_up")]
)
def test_its_agent_wraps_up_for_as_long_as_the_flow_says(
    wrap_up_s: float | None, state: str
) -> None:
    scene = Scene(a="app")
    scene.ready("a")
    scene.call("c1", terms=Terms(wrap_up_s=wrap_up_s))
    scene.connect("c1", "a")
    scene.hang_up("c1")
    assert scene.state("a")[0] == state
    if state == "wrap_up":
        lasts = 30.0 if wrap_up_s is None else wrap_up_s
        assert scene.floor.agents["a"].wrap_up_until == scene.now + lasts


def test_in_another_queue_the_clocks_are_that_queues_and_the_rest_stays() -> None:
    scene = Scene(queues=[QUEUE, QueueSpec(id="other")])
    own = Terms(target_s=5, wrap_up_s=0, recipe=(), survey="s", records=True, ways_out=(OUT,))
    scene.call("c1", terms=own)
    scene.do(cmd.Move(call_id="c1", queue="other", skills={}))
    assert scene.of("c1").terms == Terms(survey="s", records=True, ways_out=(OUT,))
    scene.do(cmd.Move(call_id="c1", queue="q", skills={}, terms=NO_TERMS))
    assert scene.of("c1").terms == NO_TERMS


# -- ways out --------------------------------------------------------------------------------------


def test_a_caller_is_told_once_of_a_way_out_and_may_take_it_from_then_on() -> None:
    scene = Scene()
    scene.call("c1", language="ru-RU", terms=Terms(ways_out=(OUT,)))
    take = cmd.TakeWayOut(call_id="c1", key="2")
    assert scene.refused(take).reason == "no-way-out-offered"
    assert way_out_by(scene.of("c1"), "2") is None
    told = only(scene.after(10), ev.WayOutOffered)
    assert commands_of(scene, told) == [("announce", {"media": "out-ru"})]
    assert scene.after(30) == []
    assert way_out_by(scene.of("c1"), "12") == "2"
    assert scene.refused(cmd.TakeWayOut(call_id="c1", key="7")).reason == "no-way-out-offered"
    ended = only(scene.do(take), ev.CallEnded)
    assert (ended.outcome, ended.endpoint) == ("overflow", "P/out")
    assert commands_of(scene, ended) == [
        ("answer", {}),
        ("transfer", {"endpoint": "P/out", "leaves": True}),
    ]
    assert scene.refused(take).reason == "call-not-waiting"
    assert way_out_by(scene.of("c1"), "2") is None


def test_one_without_a_key_is_taken_after_the_longest_wait_of_the_class() -> None:
    scene = Scene(queues=[QueueSpec(id="q", max_wait_s=100, max_wait_by_class={"vip": 40})])
    scene.call("c1", terms=Terms(ways_out=(AWAY,)))
    scene.call("vip", priority="vip", terms=Terms(ways_out=(AWAY,)))
    assert only(scene.after(40), ev.CallEnded).call_id == "vip"
    ended = only(scene.after(60), ev.CallEnded)
    assert (ended.call_id, ended.outcome) == ("c1", "voicemail")
    assert commands_of(scene, ended) == [("answer", {}), ("voicemail", {})]


def test_a_caller_who_is_being_offered_is_left_to_his_agent_and_goes_when_that_fails() -> None:
    scene = Scene(a="app")
    scene.call("c1", terms=Terms(ways_out=(WayOut(to="voicemail", after_s=20),)))
    scene.after(10)
    scene.ready("a")
    assert "CallEnded" not in kinds(scene.after(12))
    scene.miss("a")
    assert only(scene.after(0), ev.CallEnded).outcome == "voicemail"


def test_a_way_out_taken_while_a_phone_rings_stops_it_and_frees_the_agent() -> None:
    scene = Scene(a="ring")
    scene.call("c1", terms=Terms(ways_out=(OUT,)))
    scene.after(11)
    scene.ready("a")
    events = scene.do(cmd.TakeWayOut(call_id="c1", key="2"))
    assert only(events, ev.OfferClosed).rings
    assert scene.state("a")[0] == "ready"


# -- recording -------------------------------------------------------------------------------------


def connected(terms: Terms) -> tuple[Scene, ev.CallConnected]:
    scene = Scene(a="app")
    scene.ready("a")
    scene.call("c1", terms=terms)
    return scene, only(scene.connect("c1", "a"), ev.CallConnected)


def test_a_talk_is_recorded_when_the_flow_says_so_and_else_nobody_is_told_to() -> None:
    scene, told = connected(Terms(records=True))
    assert commands_of(scene, told)[1:] == [("record", {"action": "start"})]
    scene, told = connected(NO_TERMS)
    assert [kind for kind, _ in commands_of(scene, told)] == ["bridge"]
    assert scene.do(cmd.RefuseRecording(call_id="c1")) == []


def test_who_refuses_while_he_waits_is_never_recorded() -> None:
    scene = Scene(a="app")
    scene.call("c1", terms=Terms(records=True, refuse_key="9"))
    refused = only(scene.do(cmd.RefuseRecording(call_id="c1")), ev.RecordingRefused)
    assert commands_of(scene, refused) == []
    assert scene.do(cmd.RefuseRecording(call_id="c1")) == []
    scene.ready("a")
    told = only(scene.connect("c1", "a"), ev.CallConnected)
    assert [kind for kind, _ in commands_of(scene, told)] == ["bridge"]
    assert scene.of("c1").recording_refused_at == refused.at


def test_a_recording_is_paused_and_goes_on_but_for_who_is_not_recorded() -> None:
    scene, _ = connected(Terms(records=True, refuse_key="9"))
    for action in ("pause", "resume"):
        order = cmd.ControlTalk(call_id="c1", kind="record", agent_id="a", body={"action": action})
        told = only(scene.do(order), ev.ControlRequested)
        assert commands_of(scene, told) == [("record", {"action": action})]
    scene.do(cmd.RefuseRecording(call_id="c1"))
    assert scene.refused(order).reason == "not-recorded"
    unasked, _ = connected(Terms())
    assert unasked.refused(order).reason == "not-recorded"


def test_who_refuses_in_the_talk_is_recorded_no_more_not_even_by_a_command_sent_again() -> None:
    scene, _ = connected(Terms(records=True, refuse_key="9"))
    refused = only(scene.do(cmd.RefuseRecording(call_id="c1")), ev.RecordingRefused)
    assert commands_of(scene, refused) == [("record", {"action": "stop"})]
    overtaken = overtaken_by(refused)
    assert overtaken is not None
    assert overtaken.types == ("record",)
    scene.hang_up("c1", by="agent", cause="dropped")
    scene.do(cmd.SetReady(agent_id="a"))
    told = only(scene.connect("c1", "a"), ev.CallConnected)
    assert [kind for kind, _ in commands_of(scene, told)] == ["bridge"]
    scene.hang_up("c1")
    assert not may_refuse_recording(scene.of("c1"))
