"""Who goes first: classes, urgency, exclusion, the reserve, the occupancy cap, blending."""

from dataclasses import replace

import pytest
from floor_scene import QUEUE, Scene, agent, kinds, only

from careline_router.domain import commands as cmd
from careline_router.domain import events as ev
from careline_router.domain.matching import why_waiting
from careline_router.domain.policies import POLICIES
from careline_router.domain.policies.careline import RESERVE_S
from careline_router.domain.specs import FloorSpec, QueueSpec

pytestmark = pytest.mark.unit


def served(scene: Scene, name: str = "a") -> list[str]:
    """The calls in the order in which one agent gets them."""
    order = []
    while (call := scene.offered().get(name)) is not None:
        order.append(call)
        scene.hang_up(call)
    return order


@pytest.mark.parametrize("policy", POLICIES)
def test_emergencies_go_first_and_then_vips_under_every_policy(policy: str) -> None:
    scene = Scene(agent("a", skills={"x": 10}), floor=FloorSpec(policy=policy))
    for name in ("insured", "cash", "vip", "emergency", "deferrable"):
        scene.call(name, priority=name)
        scene.now += 10
    scene.ready("a")
    assert served(scene)[:2] == ["emergency", "vip"]


@pytest.mark.parametrize("policy", POLICIES)
def test_nobody_goes_before_a_call_past_its_longest_wait_under_any_policy(policy: str) -> None:
    scene = Scene(agent("a", skills={"x": 10}), floor=FloorSpec(policy=policy))
    scene.call("oldest", priority="deferrable")
    scene.now += 1
    scene.call("old", priority="insured")
    scene.now += 99
    scene.call("emergency", priority="emergency")
    scene.now += 1
    scene.ready("a")
    assert served(scene) == ["oldest", "old", "emergency"]
    assert scene.decision().match.rule == "class"


def test_a_class_may_have_a_longest_wait_of_its_own() -> None:
    queue = replace(QUEUE, max_wait_by_class={"vip": 10.0})
    scene = Scene(queues=[queue], a="app")
    scene.call("old", priority="insured")
    scene.now += 50
    scene.call("vip", priority="vip")
    scene.now += 10
    scene.call("emergency", priority="emergency")
    scene.ready("a")
    assert served(scene) == ["vip", "emergency", "old"]


def test_a_new_priority_takes_effect_at_once_and_keeps_the_place() -> None:
    scene = Scene(a="app")
    scene.call("first", priority="insured")
    scene.now += 1
    scene.call("second", priority="insured")
    event = only(
        scene.do(cmd.SetPriority(call_id="second", priority="emergency")), ev.PriorityChanged
    )
    assert event.priority == "emergency"
    assert scene.of("second").queued_at == 1
    assert scene.do(cmd.SetPriority(call_id="second", priority="emergency")) == []
    scene.ready("a")
    assert served(scene) == ["second", "first"]


def test_a_move_finds_an_agent_of_the_new_queue_at_once() -> None:
    scene = Scene(agent("z", skills={"z": 5}), queues=[QUEUE, QueueSpec(id="other")])
    scene.ready("z")
    scene.call("c1")
    assert scene.offered() == {}
    scene.do(cmd.Move(call_id="c1", queue="other", skills={"z": 1}))
    assert scene.offered() == {"z": "c1"}


def test_a_call_about_an_appeal_that_is_due_within_a_day_is_urgent() -> None:
    scene = Scene(a="app")
    scene.call("usual")
    scene.now += 1
    scene.call("later", due_at=scene.now + 90_000)
    scene.call("soon", due_at=scene.now + 80_000)
    scene.now += 10
    scene.ready("a")
    assert served(scene) == ["soon", "usual", "later"]


def test_who_has_missed_a_call_is_not_offered_it_though_he_is_alone() -> None:
    scene = Scene(a="app")
    scene.ready("a")
    scene.call("c1")
    scene.miss("a")
    assert scene.state("a") == ("ready", None)
    assert why_waiting(scene.of("c1"), scene.floor.agents["a"], scene.floor) == "excluded"
    scene.call("c2")
    assert scene.offered() == {"a": "c2"}


def test_a_call_that_somebody_missed_does_not_stand_in_the_way_of_those_behind_it() -> None:
    scene = Scene(a="app")
    scene.ready("a")
    scene.call("c1")
    scene.call("c2")
    scene.miss("a")
    assert scene.offered() == {"a": "c2"}


# -- the reserve -------------------------------------------------------------------------------------


def reserved() -> Scene:
    """Agent `both` is the last who can serve the scarce skill y; x is asked for as often."""
    agents = [agent("both", skills={"x": 5, "y": 5}), *(agent(f"x{n}") for n in range(4))]
    scene = Scene(*agents)
    for name in ("c1", "c2"):  # what is asked for is known by now
        scene.call(name, skills={"y": 1})
        scene.call(f"{name}x")
        scene.hang_up(name)
        scene.hang_up(f"{name}x")
    for n in range(4):
        scene.do(cmd.LogIn(agent_id=f"x{n}"))
    scene.ready("both")
    return scene


def test_the_last_agent_of_the_scarcest_skill_is_kept_for_it_for_twenty_seconds() -> None:
    scene = reserved()
    scene.call("plain")
    assert scene.offered() == {}
    assert why_waiting(scene.of("plain"), scene.floor.agents["both"], scene.floor) == "reserve"
    scene.after(RESERVE_S - 1)
    assert scene.offered() == {}
    scene.after(1)
    assert scene.offered() == {"both": "plain"}


def test_the_last_agent_is_kept_for_a_call_that_needs_him() -> None:
    scene = reserved()
    scene.call("plain")
    scene.call("scarce", skills={"y": 1})
    assert scene.offered() == {"both": "scarce"}


def test_nobody_is_kept_from_emergencies() -> None:
    scene = reserved()
    scene.call("urgent", priority="emergency")
    assert scene.offered() == {"both": "urgent"}


def test_a_kept_call_gets_its_agent_as_soon_as_he_is_not_the_last_any_more() -> None:
    scene = reserved()
    scene.do(cmd.ConfigureAgents(agents=(agent("more", skills={"y": 9}),)))
    scene.call("plain")
    assert scene.offered() == {}
    scene.ready("more")
    assert scene.offered() == {"both": "plain"}


# -- the occupancy cap -------------------------------------------------------------------------------


def test_an_agent_above_the_cap_is_offered_nothing_until_his_occupancy_has_fallen_to_it() -> None:
    scene = Scene(floor=FloorSpec(occupancy_cap_pct=20.0), a="app")
    scene.ready("a")
    scene.call("long")
    scene.connect("long", "a")
    scene.now += 600
    scene.hang_up("long")
    capped = only(scene.do(cmd.CompleteWrapUp(agent_id="a", call_id="long")), ev.OccupancyCapped)
    assert capped.occupancy_pct == pytest.approx(28.3, abs=0.1)
    scene.call("c1")
    assert scene.state("a") == ("ready", None)
    assert scene.offered() == {}
    assert why_waiting(scene.of("c1"), scene.floor.agents["a"], scene.floor) == "occupancy"
    scene.hang_up("c1")
    rest = capped.until - scene.now
    scene.after(rest - 80)
    scene.call("c2")
    assert scene.offered() == {}
    assert kinds(scene.after(80))[:1] == ["OccupancyFreed"]
    assert scene.offered() == {"a": "c2"}


def test_nobody_is_capped_below_the_cap_or_without_one() -> None:
    for spec in (FloorSpec(), FloorSpec(occupancy_cap_pct=90.0)):
        scene = Scene(floor=spec, a="app")
        scene.ready("a")
        scene.call("c1")
        scene.connect("c1", "a")
        scene.now += 600
        scene.hang_up("c1")
        scene.do(cmd.CompleteWrapUp(agent_id="a", call_id="c1"))
        assert scene.floor.agents["a"].rested_at is None


# -- blending ----------------------------------------------------------------------------------------


def test_deferrable_work_leaves_so_many_able_agents_idle() -> None:
    scene = Scene(queues=[replace(QUEUE, min_idle=1)], a="app", b="app")
    scene.ready("a")
    scene.call("outbound", kind="outbound", priority="deferrable")
    assert scene.offered() == {}
    assert why_waiting(scene.of("outbound"), scene.floor.agents["a"], scene.floor) == "blending"
    scene.call("live")
    assert scene.offered() == {"a": "live"}
    scene.miss("a")
    scene.hang_up("live")
    scene.ready("b")
    assert list(scene.offered().values()) == ["outbound"]


def test_deferrable_work_past_its_longest_wait_is_held_back_no_more() -> None:
    scene = Scene(queues=[replace(QUEUE, min_idle=1)], a="app")
    scene.ready("a")
    scene.call("outbound", kind="outbound", priority="deferrable")
    scene.after(99)
    assert scene.offered() == {}
    scene.after(1)
    assert scene.offered() == {"a": "outbound"}


def test_deferrable_work_interrupts_no_ticket_while_too_few_are_idle() -> None:
    scene = Scene(queues=[replace(QUEUE, min_idle=1)], a="app")
    scene.ready("a")
    scene.call("t1", kind="ticket")
    scene.connect("t1", "a")
    scene.call("outbound", kind="outbound", priority="deferrable")
    assert scene.offered() == {}
    scene.after(QUEUE.max_wait_s)
    assert scene.offered() == {"a": "outbound"}
