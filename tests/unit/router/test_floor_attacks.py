"""What a floor once got wrong, so that it does not again."""

from dataclasses import replace

import pytest
from floor_scene import QUEUE, Scene, agent

from careline_router.domain import commands as cmd
from careline_router.domain.floor import Floor
from careline_router.domain.specs import CallbackRules, FloorSpec, QueueSpec, RelaxStep
from careline_router.domain.states import Rejected


@pytest.mark.parametrize("policy", ["careline", "leastrecent_penalties", "skill_preference"])
def test_a_caller_whose_agent_drops_out_is_the_next_one(policy: str) -> None:
    """He is late by then, and under `careline` late calls stand aside."""
    queue = QueueSpec(id="q", wrap_up_s=0)
    scene = Scene(
        agent("a", accept="auto"), agent("b", accept="auto"), queues=(queue,),
        floor=FloorSpec(policy=policy),
    )  # fmt: skip
    scene.ready("a", "b")
    scene.call("x")
    scene.call("other")
    scene.answer("a")
    scene.answer("b")
    scene.after(50)
    scene.call("first", priority="vip")
    scene.after(6)
    scene.hang_up("x", by="agent", cause="dropped")
    scene.after(8)
    scene.call("last", priority="emergency")
    scene.hang_up("other")
    assert scene.offered() == {"b": "x"}


def test_a_wrap_up_that_has_outlived_its_call_is_not_extended() -> None:
    """The floor forgets a call after an hour, and with it how long its wrap-up may be."""
    queue = QueueSpec(id="q", wrap_up_s=7200, wrap_up_max_s=7300)
    scene = Scene(queues=(queue,), a="app")
    scene.ready("a")
    scene.call("c")
    scene.connect("c", "a")
    scene.hang_up("c")
    scene.do(cmd.ExtendWrapUp(agent_id="a", seconds=60))
    scene.after(3700)
    assert "c" not in scene.floor.calls
    with pytest.raises(Rejected) as refused:
        scene.do(cmd.ExtendWrapUp(agent_id="a", seconds=30))
    assert refused.value.reason == "wrap-up-limit"


def test_a_wrap_up_is_not_extended_by_what_is_no_number() -> None:
    scene = Scene(a="app")
    scene.ready("a")
    scene.call("c")
    scene.connect("c", "a")
    scene.hang_up("c")
    for seconds in (float("nan"), float("inf"), 0.0, -1.0):
        with pytest.raises(Rejected):
            scene.do(cmd.ExtendWrapUp(agent_id="a", seconds=seconds))


def test_a_step_that_the_load_keeps_back_is_looked_at_once_in_a_while_however_often_a_call_comes_back() -> (
    None
):
    queue = replace(
        QUEUE, max_wait_s=9999, recipe=(RelaxStep(after_s=10, queued_above=5, drop_skills=("x",)),)
    )
    scene = Scene(*(agent(f"a{n}", accept="auto") for n in range(12)), queues=(queue,))
    scene.call("c")
    scene.after(60)
    for n in range(12):
        scene.ready(f"a{n}")
        scene.do(cmd.RejectOffer(agent_id=f"a{n}", offer_id=f"c.{n + 1}"))
        scene.do(cmd.SetNotReady(agent_id=f"a{n}", reason="tea"))
        scene.after(1)
    looks = 0
    until = scene.now + 60
    while (due := scene.floor.next_timer(until)) is not None:
        scene.floor.handle(cmd.Tick(), due)
        looks += 1
    assert looks <= 13


def test_a_floor_out_of_a_snapshot_counts_the_offers_of_callbacks_as_before() -> None:
    """They are kept by call, and count by time."""
    rules = CallbackRules(after_s=45, wait_s=30, outstanding_per_busy=2)
    scene = Scene(
        agent("a", accept="auto"), agent("b", accept="auto", skills={"y": 5}),
        floor=FloorSpec(callbacks=rules),
    )  # fmt: skip
    scene.ready("a", "b")
    scene.call("t")
    scene.answer("a")
    scene.at(10)
    scene.call("c1", priority="cash", person="p1")
    scene.at(12)
    scene.call("d1", person="p2")
    scene.at(47)
    scene.call("d2", person="p3")
    scene.at(60)
    again = Floor.restore(scene.floor.snapshot())
    for now in range(60, 100, 2):
        assert again.promises.to_expect(now) == scene.floor.promises.to_expect(now), now


def test_a_second_try_of_a_promise_that_was_kept_goes_before_nobody() -> None:
    rules = CallbackRules(promise_s=1800, idle_min=1, retry_after_s=(600.0, 3600.0))
    queue = QueueSpec(id="q", max_wait_s=600, wrap_up_s=0)
    scene = Scene(agent("a", accept="auto"), queues=(queue,), floor=FloorSpec(callbacks=rules))
    scene.ready("a")
    scene.callback("back")
    scene.answer("a")
    scene.do(cmd.DialFailed(call_id="back", cause="no_answer"))
    scene.at(590)
    scene.call("live")
    scene.answer("a")
    scene.at(1900)
    scene.call("emergency", priority="emergency")
    scene.hang_up("live")
    assert scene.offered() == {"a": "emergency"}


@pytest.mark.parametrize("policy", ["rrmemory", "random", "fs_round_robin", "careline"])
def test_a_ticket_is_given_to_who_has_nothing_else_in_hand_under_any_policy(policy: str) -> None:
    scene = Scene(
        agent("bot", accept="auto", capacity=3), agent("free", accept="auto"),
        floor=FloorSpec(policy=policy),
    )  # fmt: skip
    scene.ready("bot")
    scene.call("c")
    scene.answer("bot")
    scene.ready("free")
    scene.call("t", kind="ticket")
    assert scene.offered() == {"free": "t"}


def test_a_call_about_an_appeal_becomes_urgent_while_it_waits() -> None:
    scene = Scene(a="app")
    scene.call("plain", priority="cash")
    scene.call("appeal", priority="cash", due_at=86_400.0 + 5)
    scene.after(10)
    waiting = scene.floor.waiting.class_of("appeal")
    assert waiting is not None
    assert waiting.urgent
    assert Floor.restore(scene.floor.snapshot()).waiting.class_of("appeal").key == waiting.key


def test_who_waits_for_an_agent_at_a_ticket_calls_him_away() -> None:
    scene = Scene(a="auto", b="auto")
    scene.ready("a")
    scene.call("t", kind="ticket")
    scene.answer("a")
    scene.ready("b")
    scene.call("c", preferred="a", preferred_for_s=40)
    assert scene.offered() == {"a": "c"}


def test_an_emergency_waits_for_nobody_in_particular() -> None:
    scene = Scene(a="auto", b="auto")
    scene.ready("a")
    scene.call("x")
    scene.answer("a")
    scene.call("later", preferred="a", preferred_for_s=40)
    scene.ready("b")
    scene.call("emergency", priority="emergency", preferred="a", preferred_for_s=40)
    assert scene.offered() == {"b": "emergency"}
    scene.do(cmd.SetPriority(call_id="later", priority="vip"))
    assert "later" not in scene.floor.held


def test_an_agent_whose_capacity_is_raised_gets_more_at_once() -> None:
    one = agent("bot", accept="auto")
    scene = Scene(one)
    scene.ready("bot")
    scene.call("c1")
    scene.answer("bot")
    scene.call("c2")
    scene.do(cmd.ConfigureAgents(agents=(replace(one, capacity=3),)))
    assert scene.offered() == {"bot": "c2"}


def test_the_service_level_is_of_calls_and_counts_each_once() -> None:
    scene = Scene(a="auto", b="auto")
    scene.ready("a")
    scene.call("m", kind="message")
    scene.answer("a")
    scene.ready("b")
    scene.call("c")
    scene.answer("b")
    scene.hang_up("c", by="agent", cause="dropped")
    scene.ready("b")
    scene.answer("b")
    assert scene.floor.demand.service_level_pct("q") == 100.0
