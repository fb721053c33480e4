"""Every policy by its name: which agent a call gets, and which call an agent."""

import pytest
from floor_scene import Scene, agent

from careline_router.domain import commands as cmd
from careline_router.domain.matching import why_waiting
from careline_router.domain.policies import POLICIES
from careline_router.domain.specs import FloorSpec, QueueSpec

pytestmark = pytest.mark.unit

QUICK = QueueSpec(id="q", wrap_up_s=0, max_wait_s=1000)
LEVELS = {"fs_longest_idle_tiers", "fs_tier_rules", "fs_round_robin", "skill_preference"} | {
    "linear_penalties", "leastrecent_penalties",
}  # fmt: skip


def scene_of(policy: str, **levels: int) -> Scene:
    agents = [agent(name, skills={"x": level}) for name, level in levels.items()]
    return Scene(*agents, queues=[QUICK], floor=FloorSpec(policy=policy))


def takers(scene: Scene, calls: int) -> list[str]:
    """Who gets call after call, each talked and ended before the next comes."""
    names = []
    for _ in range(calls):
        name = f"call {len(scene.floor.calls)}"
        scene.call(name)
        ((taker, _),) = scene.offered().items()
        names.append(taker)
        scene.answer(taker)
        scene.now += 1
        scene.hang_up(name)
        scene.now += 1
    return names


def offers_in_order(scene: Scene, name: str) -> list[str]:
    order = []
    while (call := scene.offered().get(name)) is not None:
        order.append(call)
        scene.hang_up(call)
    return order


def test_every_published_policy_is_there() -> None:
    assert set(POLICIES) == {
        "careline", "rrmemory_w0", "rrmemory", "random", "fewestcalls", "leastrecent",
        "linear_penalties", "leastrecent_penalties", "skill_preference", "fs_longest_idle_tiers",
        "fs_tier_rules", "fs_round_robin", "priority_oldest_relax",
    }  # fmt: skip


def test_an_unknown_policy_is_rejected_and_the_old_one_stays() -> None:
    scene = scene_of("rrmemory", a=5)
    refused = scene.refused(cmd.ConfigureFloor(floor=FloorSpec(policy="wisest")))
    assert refused.reason == "unknown-policy"
    assert "careline" in refused.detail
    assert scene.floor.policy.name == "rrmemory"


# -- agents ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", ["rrmemory_w0", "rrmemory", "fs_round_robin"])
def test_round_robin_goes_through_the_agents_as_they_are_configured(policy: str) -> None:
    scene = scene_of(policy, a=5, b=5, c=5)
    scene.ready("c", "a", "b")
    assert takers(scene, 5) == ["a", "b", "c", "a", "b"]


@pytest.mark.parametrize("policy", ["leastrecent", "leastrecent_penalties"])
def test_least_recent_is_whose_last_call_ended_first(policy: str) -> None:
    scene = scene_of(policy, a=5, b=5)
    scene.ready("a", "b")
    assert takers(scene, 2) == ["a", "b"]
    scene.do(cmd.SetNotReady(agent_id="a", reason="r"))
    scene.do(cmd.SetReady(agent_id="a"))  # idle for a shorter time, but his call was before
    assert takers(scene, 2) == ["a", "b"]


def test_fewest_calls_is_who_has_taken_fewest() -> None:
    scene = scene_of("fewestcalls", a=5, b=5)
    scene.ready("a")
    takers(scene, 2)
    scene.ready("b")
    assert takers(scene, 3) == ["b", "b", "a"]


def test_random_is_the_same_for_the_same_seed_and_not_always_the_same_agent() -> None:
    def drawn(seed: int) -> list[str]:
        spec = FloorSpec(policy="random", seed=seed)
        scene = Scene(*(agent(name) for name in "abc"), queues=[QUICK], floor=spec)
        scene.ready("a", "b", "c")
        return takers(scene, 12)

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)
    assert set(drawn(1)) == {"a", "b", "c"}


def test_linear_takes_the_first_as_configured_whoever_is_idle_longer() -> None:
    scene = scene_of("linear_penalties", a=5, b=5)
    scene.ready("b", "a")
    assert takers(scene, 3) == ["a", "a", "a"]


@pytest.mark.parametrize("policy", ["skill_preference", "fs_longest_idle_tiers", "careline"])
def test_longest_idle_is_who_became_ready_first(policy: str) -> None:
    scene = scene_of(policy, a=5, b=5)
    scene.ready("b", "a")
    assert takers(scene, 3) == ["b", "a", "b"]


@pytest.mark.parametrize("policy", sorted(LEVELS))
def test_the_best_level_goes_first_where_penalties_or_tiers_say_so(policy: str) -> None:
    scene = scene_of(policy, low=3, best=10)
    scene.ready("low", "best")
    assert takers(scene, 2) == ["best", "best"]


@pytest.mark.parametrize("policy", sorted({"rrmemory", "leastrecent", "fewestcalls"}))
def test_levels_count_nothing_where_they_do_not(policy: str) -> None:
    scene = scene_of(policy, low=3, best=10)
    scene.ready("low", "best")
    assert set(takers(scene, 4)) == {"low", "best"}


@pytest.mark.parametrize(
    ("policy", "level", "after"),
    [
        ("fs_tier_rules", 9, 30), ("fs_tier_rules", 5, 60), ("fs_tier_rules", 10, 0),
        ("priority_oldest_relax", 9, 15), ("priority_oldest_relax", 10, 0),
    ],
)  # fmt: skip
def test_lesser_agents_take_a_call_only_after_a_while(
    policy: str, level: int, after: float
) -> None:
    scene = scene_of(policy, a=level)
    scene.ready("a")
    scene.call("c1")
    if after:
        scene.after(after - 1)
        assert scene.offered() == {}
        assert why_waiting(scene.of("c1"), scene.floor.agents["a"], scene.floor) == "tier"
        scene.after(1)
    assert scene.offered() == {"a": "c1"}


def test_careline_prefers_who_is_quicker_and_fair_mode_the_best_level_then_the_longest_idle() -> (
    None
):
    for fair in (False, True):
        spec = FloorSpec(fair=fair)
        scene = Scene(
            agent("slow", skills={"x": 5}), agent("quick", skills={"x": 10}),
            agent("quick too", skills={"x": 10, "z": 1}), queues=[QUICK], floor=spec,
        )  # fmt: skip
        scene.ready("slow", "quick too", "quick")
        assert takers(scene, 3) == ["quick too", "quick", "quick too"]


def test_careline_spares_who_is_worth_more_to_others_and_fair_mode_does_not() -> None:
    for fair, taker in ((False, "plain"), (True, "rare")):
        agents = [agent("rare", skills={"x": 5, "y": 5}), agent("plain"), agent("more")]
        more = [agent(f"y{n}", skills={"y": 5}) for n in range(3)]
        scene = Scene(*agents, *more, queues=[QUICK], floor=FloorSpec(fair=fair))
        for name in ("c1", "c2", "c3"):
            scene.call(name, skills={"y": 1}, priority="cash")
            scene.hang_up(name)
        scene.ready("rare", "plain", "more", "y0", "y1", "y2")
        scene.call("c4", skills={"x": 1})
        assert list(scene.offered()) == [taker]


# -- calls -------------------------------------------------------------------------------------------


def waiting(policy: str) -> list[str]:
    """In which order one agent gets a cash call of 5 s, an insured one of 15 s and one of 40 s."""
    scene = scene_of(policy, a=10)
    scene.call("oldest", skills={"x": 1})
    scene.now += 25
    scene.call("old", skills={"x": 1})
    scene.now += 10
    scene.call("cash", priority="cash")
    scene.now += 5
    scene.ready("a")
    return offers_in_order(scene, "a")


@pytest.mark.parametrize("policy", ["rrmemory_w0"])
def test_calls_by_their_wait_alone(policy: str) -> None:
    assert waiting(policy) == ["oldest", "old", "cash"]


@pytest.mark.parametrize(
    "policy",
    ["rrmemory", "random", "fewestcalls", "leastrecent", "linear_penalties",
     "leastrecent_penalties", "priority_oldest_relax", "skill_preference"],
)  # fmt: skip
def test_calls_by_class_and_then_by_wait(policy: str) -> None:
    assert waiting(policy) == ["cash", "oldest", "old"]


@pytest.mark.parametrize("policy", ["fs_longest_idle_tiers", "fs_tier_rules", "fs_round_robin"])
def test_calls_by_wait_and_what_their_class_adds_to_it(policy: str) -> None:
    assert waiting(policy) == ["oldest", "cash", "old"]  # 30 + 40, 60 + 5, 30 + 15


def test_skill_preference_gives_an_agent_first_what_he_does_best() -> None:
    scene = Scene(
        agent("a", skills={"x": 10, "y": 4}), queues=[QUICK],
        floor=FloorSpec(policy="skill_preference"),
    )  # fmt: skip
    scene.call("cash", skills={"y": 1}, priority="cash")
    scene.call("best", skills={"x": 1}, priority="insured")
    scene.ready("a")
    assert offers_in_order(scene, "a") == ["best", "cash"]


def test_careline_takes_fresh_calls_by_how_near_their_target_is_and_late_ones_by_tokens() -> None:
    scene = scene_of("careline", a=10)
    scene.call("late")
    scene.now += 25
    for number in range(6):
        scene.call(f"fresh{number}")
    scene.ready("a")
    order = offers_in_order(scene, "a")
    assert order[:2] == ["fresh0", "fresh1"]
    assert "late" in order[2:4]  # 0.4 of a token a choice: the third has one


def test_a_policy_is_changed_while_calls_wait() -> None:
    scene = scene_of("fs_tier_rules", a=5)
    scene.ready("a")
    scene.call("c1")
    assert scene.offered() == {}
    scene.do(cmd.ConfigureFloor(floor=FloorSpec(policy="rrmemory")))
    assert scene.offered() == {"a": "c1"}
