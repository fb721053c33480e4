"""Recipes: what a call that waits needs less of, when, and in which order."""

from dataclasses import replace
from typing import Any

import pytest
from floor_scene import QUEUE, Scene, agent, only

from careline_router.domain import commands as cmd
from careline_router.domain import events as ev
from careline_router.domain.specs import QueueSpec, RelaxStep

pytestmark = pytest.mark.unit


def scene_with(*steps: RelaxStep, agents: Any = (), more: Any = ()) -> Scene:
    return Scene(*agents, queues=[replace(QUEUE, recipe=steps), *more])


def test_a_call_needs_lower_levels_after_its_wait_but_never_less_than_one() -> None:
    scene = scene_with(RelaxStep(after_s=10, lower_levels_by=3), agents=[agent("a")])
    scene.ready("a")
    scene.call("c1", skills={"x": 8})
    assert scene.after(9) == []
    scene.after(1)
    assert scene.of("c1").needs == {"x": 5}
    assert scene.offered() == {"a": "c1"}
    scene.call("c2", skills={"x": 2})
    scene.after(10)
    assert scene.of("c2").needs == {"x": 1}


def test_what_it_came_with_is_kept_beside_what_it_needs_now() -> None:
    scene = scene_with(RelaxStep(after_s=5, drop_skills=("y",), add_skills={"z": 2}))
    scene.call("c1", skills={"x": 1, "y": 4})
    scene.after(5)
    assert scene.of("c1").needs == {"x": 1, "z": 2}
    assert scene.of("c1").skills == {"x": 1, "y": 4}


def test_a_site_can_be_asked_for_and_given_up() -> None:
    scene = scene_with(
        RelaxStep(after_s=10, drop_skills=("@msk",)),
        agents=[agent("far", site="spb"), agent("near", site="msk")],
    )
    scene.ready("far")
    scene.call("c1", skills={"x": 1, "@msk": 1})
    assert scene.offered() == {}
    scene.ready("near")
    assert scene.offered() == {"near": "c1"}
    scene.call("c2", skills={"x": 1, "@msk": 1})
    scene.after(10)
    assert scene.offered()["far"] == "c2"


def test_the_site_of_a_log_in_goes_before_the_configured_one() -> None:
    scene = scene_with(agents=[agent("far", site="spb")])
    scene.do(cmd.LogIn(agent_id="far", site="msk"))
    scene.do(cmd.SetReady(agent_id="far"))
    scene.call("c1", skills={"x": 1, "@msk": 1})
    assert scene.offered() == {"far": "c1"}


def test_steps_are_taken_in_order_each_once() -> None:
    scene = scene_with(
        RelaxStep(after_s=5, lower_levels_by=1), RelaxStep(after_s=5, drop_skills=("y",))
    )
    scene.call("c1", skills={"x": 9, "y": 1})
    taken = [event for event in scene.after(60) if isinstance(event, ev.RequirementRelaxed)]
    assert [event.step for event in taken] == [1, 2]
    assert [dict(event.needs) for event in taken] == [{"x": 8, "y": 1}, {"x": 8}]


def test_a_step_that_the_load_keeps_back_keeps_back_those_after_it() -> None:
    scene = scene_with(
        RelaxStep(after_s=5, queued_above=1, drop_skills=("y",)),
        RelaxStep(after_s=6, drop_skills=("z",)),
    )
    scene.call("c1", skills={"y": 1, "z": 1})
    scene.after(20)
    assert scene.of("c1").needs == {"y": 1, "z": 1}
    scene.call("c2", skills={"w": 1})
    scene.after(5)
    assert scene.of("c1").needs == {}


def test_a_call_needs_less_while_too_few_agents_could_serve_it() -> None:
    step = RelaxStep(eligible_below=2, lower_levels_by=4)
    scene = scene_with(step, agents=[agent("expert", skills={"x": 9}), agent("other")])
    scene.do(cmd.LogIn(agent_id="other"))
    scene.do(cmd.LogIn(agent_id="expert"))
    scene.call("c1", skills={"x": 9})
    assert scene.of("c1").needs == {"x": 5}
    scene.call("c2", skills={"x": 5})
    assert scene.of("c2").needs == {"x": 5}


def test_a_call_needs_less_while_too_few_who_could_serve_it_are_idle() -> None:
    step = RelaxStep(idle_below=1, lower_levels_by=4)
    scene = scene_with(step, agents=[agent("expert", skills={"x": 9}), agent("other")])
    scene.ready("expert", "other")
    scene.call("c1", skills={"x": 9})
    assert scene.offered() == {"expert": "c1"}
    scene.call("c2", skills={"x": 9})
    assert scene.offered() == {"expert": "c1", "other": "c2"}


def test_a_call_needs_less_while_the_service_level_is_low() -> None:
    step = RelaxStep(sl_below_pct=80, lower_levels_by=4)
    scene = scene_with(step, agents=[agent("a"), agent("b")])
    scene.ready("a", "b")
    scene.call("met", skills={"x": 1})
    scene.connect("met", "a")
    assert scene.floor.demand.service_level_pct("q") == 100
    scene.do(cmd.SetNotReady(agent_id="b", reason="r"))
    scene.call("c1", skills={"x": 9})
    assert scene.of("c1").needs == {"x": 5}  # one of two was answered: 50 %


def test_overflow_keeps_the_place_in_time_and_the_clocks_are_those_of_the_new_queue() -> None:
    scene = scene_with(
        RelaxStep(after_s=20, queue="second", priority="vip"),
        agents=[agent("a")],
        more=[QueueSpec(id="second", max_wait_s=50)],
    )
    scene.call("c1", skills={"x": 9})
    arrived = scene.now
    scene.call("c2", skills={"x": 1}, queue="second", priority="vip")
    relaxed = only(scene.after(20), ev.RequirementRelaxed)
    call = scene.of("c1")
    assert (relaxed.queue, call.queue, call.priority) == ("second", "second", "vip")
    assert call.queued_at == arrived
    assert scene.floor.waiting.in_queue == {"q": 0, "second": 2}


def test_a_call_that_flowed_over_does_not_begin_the_recipe_of_its_new_queue() -> None:
    scene = scene_with(
        RelaxStep(after_s=5, queue="second"),
        more=[QueueSpec(id="second", recipe=(RelaxStep(after_s=6, drop_skills=("x",)),))],
    )
    scene.call("c1")
    scene.after(60)
    assert scene.of("c1").needs == {"x": 1}


def test_an_unknown_queue_to_flow_over_to_leaves_the_call_where_it_is() -> None:
    scene = scene_with(RelaxStep(after_s=5, queue="gone", drop_skills=("x",)))
    scene.call("c1")
    scene.after(5)
    assert (scene.of("c1").queue, scene.of("c1").needs) == ("q", {})


def test_a_moved_call_begins_the_recipe_of_its_new_queue_from_its_arrival_on() -> None:
    more = QueueSpec(id="second", recipe=(RelaxStep(after_s=15, drop_skills=("x",)),))
    scene = scene_with(RelaxStep(after_s=5, lower_levels_by=1), more=[more])
    scene.call("c1", skills={"x": 9})
    scene.after(10)
    scene.do(cmd.Move(call_id="c1", queue="second", skills={"x": 9}))
    assert scene.of("c1").relaxed == 0
    scene.after(5)
    assert scene.of("c1").needs == {}


def test_a_recipe_that_is_configured_later_holds_for_calls_that_wait() -> None:
    scene = scene_with()
    scene.call("c1")
    scene.after(20)
    step = RelaxStep(after_s=10, drop_skills=("x",))
    scene.do(cmd.ConfigureQueues(queues=(replace(QUEUE, recipe=(step,)),)))
    scene.after(0)
    assert scene.of("c1").needs == {}
