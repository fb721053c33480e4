"""Two sites on one floor: one is drained or down, and the other has its calls."""

import pytest
from floor_scene import Scene, agent, kinds, only

from careline_router.domain import commands as cmd
from careline_router.domain import events as ev
from careline_router.domain.effects import pbx_steps

pytestmark = pytest.mark.unit


def two_sites() -> Scene:
    return Scene(agent("m", site="msk"), agent("m2", site="msk"), agent("s", site="spb"))


def set_site(scene: Scene, state: str, site: str = "msk") -> list[ev.Event]:
    return scene.do(cmd.SetSite(site=site, state=state))  # type: ignore[arg-type]


def test_nobody_at_a_drained_site_gets_anything_new_and_all_is_finished() -> None:
    scene = two_sites()
    scene.ready("m", "m2", "s")
    scene.call("talk")
    scene.connect("talk", "m")
    scene.call("offered")
    set_site(scene, "drained")
    assert scene.offered() == {"m2": "offered"}
    scene.call("new")
    assert scene.offered() == {"m2": "offered", "s": "new"}
    scene.call("more")
    scene.connect("offered", "m2")
    scene.hang_up("talk")
    assert scene.state("m") == ("wrap_up", None)
    scene.after(30)
    assert scene.state("m") == ("not_ready", "site_drained")
    assert scene.refused(cmd.SetReady(agent_id="m")).reason == "site-closed"
    assert scene.of("more").state == "queued"


def test_who_was_drained_is_ready_again_when_the_site_opens_and_who_rested_rests() -> None:
    scene = two_sites()
    scene.ready("m", "m2")
    scene.do(cmd.SetNotReady(agent_id="m2", reason="lunch"))
    set_site(scene, "drained")
    scene.call("c1")
    assert scene.offered() == {}
    set_site(scene, "open")
    assert scene.offered() == {"m": "c1"}
    assert scene.state("m2") == ("not_ready", "lunch")


def test_a_site_that_is_down_gives_its_offers_and_its_callers_to_the_other() -> None:
    scene = two_sites()
    scene.ready("m", "m2")
    scene.call("talk")
    scene.connect("talk", "m")
    scene.call("offered")
    scene.ready("s")
    events = set_site(scene, "down")
    back = only(events, ev.CallRequeued)
    steps = [(step.type, dict(step.body)) for step in pbx_steps(back, scene.of("talk"))]
    assert steps == [("hold", {}), ("cancel_ring", {"offer_id": "talk.1"})]
    assert scene.offered() == {"s": "talk"}  # it has waited longest, and goes first
    assert scene.of("offered").state == "queued"
    assert {scene.state(name)[0] for name in ("m", "m2")} == {"logged_out"}
    assert scene.refused(cmd.LogIn(agent_id="m")).reason == "site-down"
    scene.do(cmd.LogIn(agent_id="m", site="home"))
    scene.do(cmd.SetReady(agent_id="m"))
    assert scene.offered() == {"s": "talk", "m": "offered"}


def test_agents_of_a_site_that_goes_down_are_not_offered_to_one_another() -> None:
    scene = two_sites()
    scene.ready("m", "m2")
    scene.call("c1")
    assert scene.offered() == {"m": "c1"}
    events = set_site(scene, "down")
    assert "OfferMade" not in kinds(events)
    assert scene.of("c1").excluded == frozenset()


def test_a_talk_that_cannot_be_steered_is_left_to_its_pbx_and_its_agent_gets_nothing_after_it() -> (
    None
):
    scene = two_sites()
    scene.ready("m")
    dialplan = {"call_id": "d", "pbx": "p", "pbx_call_id": "d", "line": "1", "control": "dialplan"}
    scene.do(cmd.RegisterCall(**dialplan))  # type: ignore[arg-type]
    scene.do(cmd.QueueCall(call_id="d", queue="q", skills={}, priority="insured"))
    scene.connect("d", "m")
    assert kinds(set_site(scene, "down")) == ["SiteChanged"]
    assert scene.of("d").state == "connected"
    scene.hang_up("d")
    scene.after(30)
    assert scene.state("m") == ("not_ready", "site_down")


def test_calls_that_ask_for_the_site_are_served_by_the_other_those_that_wait_and_those_that_come() -> (
    None
):
    scene = two_sites()
    scene.ready("s")
    scene.call("waits", skills={"x": 1, "@msk": 1})
    assert scene.offered() == {}
    set_site(scene, "drained")
    assert scene.offered() == {"s": "waits"}
    scene.call("comes", skills={"x": 1, "@msk": 1})
    assert dict(scene.of("comes").needs) == {"x": 1}
    set_site(scene, "open")
    scene.call("later", skills={"x": 1, "@msk": 1})
    assert dict(scene.of("later").needs) == {"x": 1, "@msk": 1}


def test_who_logs_in_at_a_drained_site_is_ready_no_more() -> None:
    scene = two_sites()
    scene.ready("s")
    set_site(scene, "drained")
    scene.do(cmd.LogIn(agent_id="s", site="msk"))
    assert scene.state("s") == ("not_ready", "site_drained")


def test_nobody_waits_for_an_agent_of_a_drained_site_alone() -> None:
    scene = two_sites()
    scene.ready("m", "s")
    scene.call("talk")
    scene.connect("talk", "m")
    scene.call("his", preferred="m", preferred_for_s=60)
    assert scene.offered() == {}
    set_site(scene, "drained")
    assert scene.offered() == {"s": "his"}
    scene.call("next", preferred="m", preferred_for_s=60)
    assert scene.of("next").preferred is None


def test_a_state_that_it_has_already_changes_nothing() -> None:
    scene = two_sites()
    assert set_site(scene, "open") == []
    set_site(scene, "down")
    assert set_site(scene, "down") == []


def test_a_caller_who_is_given_back_does_not_ask_for_a_site_that_is_not_open() -> None:
    """He would wait for nobody. Fails when `_ask_for_site_no_more` passes over those who talk."""
    for state, gives_back in (("down", None), ("drained", "dropped")):
        scene = two_sites()
        scene.ready("m", "s")
        scene.call("c1", skills={"x": 1, "@msk": 1})
        scene.connect("c1", "m")
        set_site(scene, state)
        if gives_back is not None:
            scene.hang_up("c1", by="agent", cause=gives_back)
        assert scene.offered() == {"s": "c1"}
