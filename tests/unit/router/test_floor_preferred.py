"""A call that waits for one agent: how long, and when it stops to."""

import pytest
from floor_scene import QUEUE, Scene, agent

from careline_router.domain import commands as cmd
from careline_router.domain.specs import QueueSpec

pytestmark = pytest.mark.unit


def waiting_for_a(**fields: object) -> Scene:
    """Agent a talks to somebody, b is idle, and c1 waits for a."""
    scene = Scene(a="app", b="app")
    scene.ready("a")
    scene.call("before")
    scene.connect("before", "a")
    scene.ready("b")
    scene.call("c1", **{"preferred": "a", "preferred_for_s": 30.0, **fields})
    return scene


def test_a_call_waits_for_its_agent_though_another_is_idle() -> None:
    scene = waiting_for_a()
    scene.after(29)
    assert scene.offered() == {}


def test_its_agent_gets_it_when_he_is_free_before_calls_that_wait_for_anybody() -> None:
    scene = waiting_for_a()
    scene.call("busy")
    scene.call("other")
    scene.hang_up("before")
    scene.do(cmd.CompleteWrapUp(agent_id="a", call_id="before"))
    assert scene.offered() == {"b": "busy", "a": "c1"}
    assert scene.decision().match.rule == "preferred"


def test_an_idle_agent_is_offered_the_call_that_prefers_him_at_once() -> None:
    scene = Scene(a="app", b="app")
    scene.ready("a", "b")
    scene.call("c1", preferred="b", preferred_for_s=30)
    assert scene.offered() == {"b": "c1"}


def test_at_the_limit_the_call_is_for_everybody_at_its_place() -> None:
    scene = waiting_for_a()
    arrived = scene.now
    scene.after(30)
    assert scene.offered() == {"b": "c1"}
    assert scene.of("c1").queued_at == arrived


def test_nobody_waits_for_one_agent_longer_than_the_longest_wait_of_his_class() -> None:
    queue = QueueSpec(id="q", max_wait_s=100, max_wait_by_class={"insured": 12})
    scene = Scene(queues=[queue], a="app", b="app")
    scene.ready("a")
    scene.call("before")
    scene.connect("before", "a")
    scene.ready("b")
    scene.call("c1", preferred="a", preferred_for_s=90)
    scene.after(12)
    assert scene.offered() == {"b": "c1"}


@pytest.mark.parametrize("way", ["rests", "leaves"])
def test_when_its_agent_goes_the_call_is_for_everybody(way: str) -> None:
    scene = waiting_for_a()
    scene.hang_up("before")
    scene.call("next")  # b is busy with it
    assert scene.offered() == {"b": "next"}
    gone = (
        cmd.LogOut(agent_id="a") if way == "leaves" else cmd.SetNotReady(agent_id="a", reason="r")
    )
    scene.do(gone)
    scene.miss("b")
    assert scene.offered() == {"b": "c1"}


def test_when_its_agent_rejects_it_the_call_is_for_everybody() -> None:
    scene = Scene(a="app", b="app")
    scene.ready("a", "b")
    scene.call("c1", preferred="a", preferred_for_s=30)
    scene.miss("a")
    assert scene.offered() == {"b": "c1"}


def test_all_calls_that_wait_for_an_agent_are_for_everybody_when_he_misses_one() -> None:
    scene = Scene(a="app", b="app")
    scene.ready("a")
    scene.call("c1", preferred="a", preferred_for_s=60)
    scene.call("c2", preferred="a", preferred_for_s=60)
    scene.ready("b")
    assert scene.offered() == {"a": "c1"}
    scene.after(15)
    assert scene.state("a") == ("not_ready", "rona")
    assert set(scene.offered()) == {"b"}
    assert not scene.floor.held


def test_an_agent_who_is_not_at_work_or_cannot_serve_is_not_waited_for() -> None:
    scene = Scene(agent("c", skills={"y": 9}), a="app", b="app")
    scene.ready("b", "c")
    scene.call("c1", preferred="a", preferred_for_s=30)
    assert scene.offered() == {"b": "c1"}
    scene.call("c2", preferred="c", preferred_for_s=30)
    scene.call("c3", preferred="nobody", preferred_for_s=30)
    scene.call("c4", preferred="a", preferred_for_s=0)
    assert not scene.floor.held


def test_an_agent_who_loses_the_skill_is_waited_for_no_more() -> None:
    scene = waiting_for_a()
    scene.do(cmd.ConfigureAgents(agents=(agent("a", skills={"y": 1}),)))
    assert scene.offered() == {"b": "c1"}


def test_a_moved_call_waits_for_everybody_of_its_new_queue() -> None:
    scene = waiting_for_a()
    scene.do(cmd.ConfigureQueues(queues=(QueueSpec(id="other"),)))
    scene.do(cmd.Move(call_id="c1", queue="other", skills={"x": 1}))
    assert scene.offered() == {"b": "c1"}


def test_a_call_past_its_longest_wait_goes_before_one_that_waits_for_its_agent() -> None:
    scene = Scene(a="app")
    scene.ready("a")
    scene.call("before")
    scene.connect("before", "a")
    scene.call("old")
    scene.after(QUEUE.max_wait_s)
    scene.call("c1", preferred="a", preferred_for_s=30)
    scene.hang_up("before")
    scene.do(cmd.CompleteWrapUp(agent_id="a", call_id="before"))
    assert scene.offered() == {"a": "old"}
    assert scene.decision().match.rule == "overdue"


def test_what_an_agent_gives_back_and_what_waited_for_him_go_to_others_in_their_turn() -> None:
    scene = Scene(a="app", b="app")
    scene.ready("a")
    scene.call("first")
    scene.connect("first", "a")
    scene.after(QUEUE.max_wait_s)
    scene.call("cash", priority="cash", preferred="a", preferred_for_s=30)
    scene.ready("b")
    scene.hang_up("first", by="agent", cause="dropped")
    assert scene.offered() == {"b": "first"}
