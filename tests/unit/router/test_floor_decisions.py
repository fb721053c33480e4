"""Decision records: every group with its idle agents, and its score or what removed it."""

import pytest
from floor_scene import Scene, agent

from careline_router.domain import commands as cmd
from careline_router.domain.decisions import SHOWN_AGENTS, Decision
from careline_router.domain.specs import FloorSpec

pytestmark = pytest.mark.unit


def groups(decision: Decision) -> dict[str, tuple[int, str | None]]:
    return {group.signature: (group.idle, group.removed_by) for group in decision.groups}


def test_each_group_has_its_idle_agents_and_what_it_lacks() -> None:
    scene = Scene(
        agent("best", skills={"x": 9, "y": 1}),
        agent("low", skills={"x": 2, "y": 9}),
        agent("other", skills={"z": 5}),
        agent("away", skills={"x": 9, "y": 9}),
        agent("far", skills={"x": 9, "y": 2}, site="spb"),
    )
    scene.ready("best", "low", "other", "far")
    scene.do(cmd.LogIn(agent_id="away"))
    scene.call("c1", skills={"x": 5})
    decision = scene.decision()
    assert groups(decision) == {
        "x:9,y:1": (1, None),
        "x:2,y:9": (1, "level:x"),
        "z:5": (1, "skill:x"),
        "x:9,y:9": (0, "nobody_idle"),
        "x:9,y:2 @spb": (1, None),
    }
    scored = {group.signature: group.score for group in decision.groups}
    assert scored["x:9,y:1"] is not None
    assert scored["x:2,y:9"] is None


def test_a_site_that_is_not_the_right_one_removes_a_group() -> None:
    scene = Scene(agent("near", site="msk"), agent("far", site="spb"))
    scene.ready("far", "near")
    scene.call("c1", skills={"x": 1, "@msk": 1})
    assert groups(scene.decision()) == {"x:5 @spb": (1, "site:msk"), "x:5 @msk": (1, None)}


def test_a_group_that_a_rule_passed_over_says_so() -> None:
    scene = Scene(agent("a", skills={"x": 10}), agent("b", skills={"x": 3}))
    scene.ready("b", "a")
    scene.call("c1", priority="emergency")
    decision = scene.decision()
    assert (decision.match.rule, decision.match.agent_id) == ("class", "a")
    assert groups(decision) == {"x:3": (1, "rule"), "x:10": (1, None)}


def test_agents_of_the_chosen_group_are_shown_but_not_more_than_twenty() -> None:
    many = [agent(f"a{n:02}") for n in range(SHOWN_AGENTS + 5)]
    scene = Scene(*many)
    scene.ready(*(each.id for each in many))
    scene.call("c1")
    decision = scene.decision()
    assert decision.match.agent_id in decision.agents
    assert len(decision.agents) == SHOWN_AGENTS
    assert groups(decision) == {"x:5": (SHOWN_AGENTS + 5, None)}


def test_a_choice_among_calls_shows_which_were_considered() -> None:
    scene = Scene(a="app")
    scene.call("insured")
    scene.now += 5
    scene.call("cash", priority="cash")
    scene.now += 5
    scene.ready("a")
    decision = scene.decision()
    assert (decision.match.rule, decision.match.call_id) == ("policy", "cash")
    seen = {(call["queue"], call["priority"], call["wait_s"]) for call in decision.calls}
    assert seen == {("q", "insured", 10.0), ("q", "cash", 5.0)}
    by_class = {call["priority"]: call["score"] for call in decision.calls}
    assert by_class["cash"] > by_class["insured"]


def test_a_record_stays_as_it_was_when_the_floor_moves_on() -> None:
    scene = Scene(a="app", b="app")
    scene.ready("a", "b")
    scene.call("c1")
    decision = scene.decision()
    before = groups(decision)
    scene.call("c2")
    scene.do(cmd.LogOut(agent_id="b"))
    assert groups(decision) == before == {"x:5": (2, None)}


def test_a_record_names_the_policy_and_what_the_flow_and_the_crm_said() -> None:
    scene = Scene(floor=FloorSpec(policy="leastrecent"), a="app")
    scene.ready("a")
    scene.call("c1", flow_version=7, crm={"payer": "cash"})
    decision = scene.decision()
    assert (decision.policy, decision.flow_version, decision.crm) == (
        "leastrecent", 7, {"payer": "cash"},
    )  # fmt: skip
    assert (decision.offer_id, decision.at) == ("c1.1", scene.now)


def test_there_is_one_record_an_offer() -> None:
    scene = Scene(a="app", b="app")
    scene.ready("a", "b")
    scene.call("c1")
    scene.miss("a")
    assert [each.offer_id for each in scene.floor.take_decisions()] == ["c1.1", "c1.2"]
    assert scene.floor.take_decisions() == []
