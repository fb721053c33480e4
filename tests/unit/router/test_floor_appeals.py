"""Appeals of the journal on the floor: offered on the screen, calls first, and his who has accepted."""

from dataclasses import replace
from typing import Any

import pytest
from floor_scene import QUEUE, Scene, agent, kinds, only

from careline_router.domain import commands as cmd
from careline_router.domain import events as ev
from careline_router.domain.effects import messages, pbx_steps
from careline_router.domain.specs import FloorSpec
from careline_router.domain.work import EndWork, OfferWork, appeal_of, work_name

pytestmark = pytest.mark.unit


def offer_work(scene: Scene, name: str, **fields: Any) -> list[ev.Event]:
    given = {"ticket_id": f"appeal of {name}", "number": 1, "queue": "q", "skills": {"x": 1}}
    return scene.do(OfferWork(**{"call_id": name, "priority": "deferrable", **given, **fields}))


def accept(scene: Scene, agent_id: str) -> list[ev.Event]:
    offer = scene.floor.agents[agent_id].offer or ""
    return scene.do(cmd.AcceptOffer(agent_id=agent_id, offer_id=offer))


@pytest.mark.parametrize("how", ["app", "ring", "auto"])
def test_an_appeal_is_offered_on_the_screen_and_accepting_it_is_having_it(how: str) -> None:
    scene = Scene(a=how)
    scene.ready("a")
    made = only(offer_work(scene, "w1"), ev.OfferMade)
    assert (made.state, made.timeout_s) == ("offered", QUEUE.offer_timeout_s)
    (told,) = messages(made, scene.of("w1"))
    assert told.data["offer"]["ticket_id"] == "appeal of w1"
    accepted = accept(scene, "a")
    assert kinds(accepted) == ["CallConnected"]
    assert (scene.state("a"), scene.of("w1").agent) == (("talking", None), "a")
    assert scene.of("w1").control == "desk", "so that no PBX is told anything of it"
    assert pbx_steps(accepted[0], scene.of("w1")), "which a call would have been"


def test_calls_go_first_and_an_appeal_waits_for_whoever_is_left() -> None:
    scene = Scene(a="app", b="app")
    offer_work(scene, "w1")
    scene.call("c1")
    scene.ready("a")
    assert scene.offered() == {"a": "c1"}
    scene.ready("b")
    assert scene.offered() == {"a": "c1", "b": "w1"}


def test_a_call_interrupts_an_appeal_which_is_taken_up_again() -> None:
    scene = Scene(a="app")
    scene.ready("a")
    offer_work(scene, "w1")
    accept(scene, "a")
    scene.call("c1")
    assert scene.of("w1").suspended
    scene.connect("c1", "a")
    scene.hang_up("c1")
    assert kinds(scene.after(QUEUE.wrap_up_s)) == ["WorkResumed"]


def test_who_refuses_or_does_not_answer_is_not_asked_again_and_the_next_one_is() -> None:
    scene = Scene(a="app", b="app", c="app")
    scene.ready("a", "b", "c")
    offer_work(scene, "w1")
    scene.miss("a")
    assert scene.offered() == {"b": "w1"}
    scene.after(QUEUE.offer_timeout_s)
    assert scene.offered() == {"c": "w1"}
    assert [scene.state(name)[0] for name in "ab"] == ["ready", "not_ready"]


def test_who_is_done_is_ready_at_once_and_gets_the_next() -> None:
    scene = Scene(a="app")
    scene.ready("a")
    offer_work(scene, "w1")
    offer_work(scene, "w2")
    accept(scene, "a")
    done = scene.do(EndWork(call_id="w1", agent_id="a"))
    assert "wrap_up" not in {getattr(event, "state", None) for event in done}
    assert scene.offered() == {"a": "w2"}
    assert only(done, ev.CallEnded).by == "agent"
    assert scene.do(EndWork(call_id="w1", agent_id="a")) == [], "once more is the same"


def test_the_journal_takes_an_appeal_off_the_floor_in_every_state() -> None:
    scene = Scene(a="app")
    offer_work(scene, "w1")
    assert only(scene.do(EndWork(call_id="w1")), ev.CallEnded).outcome == "closed"
    scene.ready("a")
    offer_work(scene, "w2")
    gone = scene.do(EndWork(call_id="w2"))
    assert only(gone, ev.OfferClosed).end == "withdrawn"
    assert scene.state("a") == ("ready", None)
    offer_work(scene, "w3")
    accept(scene, "a")
    assert only(scene.do(EndWork(call_id="w3")), ev.CallEnded).outcome == "handled"
    assert scene.state("a") == ("ready", None)


def test_an_appeal_that_ends_beside_a_call_changes_nothing_for_its_agent() -> None:
    scene = Scene(a="app")
    scene.ready("a")
    offer_work(scene, "w1")
    accept(scene, "a")
    scene.call("c1")
    scene.connect("c1", "a")
    scene.do(EndWork(call_id="w1"))
    assert (scene.state("a"), scene.floor.agents["a"].at_work) == (("talking", None), ("c1",))


@pytest.mark.parametrize("interruptible", [("ticket", "task"), ()])
def test_who_goes_home_keeps_his_appeal_in_the_journal_and_nobody_is_offered_it(
    interruptible: Any,
) -> None:
    scene = Scene(a="app", b="app", floor=FloorSpec(interruptible=interruptible))
    scene.ready("a")
    offer_work(scene, "w1")
    accept(scene, "a")
    scene.ready("b")
    left = scene.do(cmd.LogOut(agent_id="a"))
    assert only(left, ev.CallEnded).outcome == "handled"
    assert (scene.state("a")[0], scene.offered()) == ("logged_out", {})


def test_so_does_who_is_cut_off_with_his_site() -> None:
    scene = Scene(agent("a", site="msk"), agent("b", site="spb"))
    scene.ready("a")
    offer_work(scene, "w1")
    accept(scene, "a")
    scene.ready("b")
    scene.do(cmd.SetSite(site="msk", state="down"))
    assert scene.of("w1").state == "ended"
    assert (scene.state("a")[0], scene.offered()) == ("logged_out", {})


def test_agents_kept_for_callers_are_not_offered_appeals_unless_those_are_urgent() -> None:
    scene = Scene(queues=[replace(QUEUE, min_idle=1)], a="app")
    scene.ready("a")
    offer_work(scene, "w1")
    assert scene.offered() == {}
    offer_work(scene, "w2", priority="vip")
    assert scene.offered() == {"a": "w2"}


def test_only_who_has_it_may_say_that_it_is_done_and_a_call_ends_otherwise() -> None:
    scene = Scene(a="app", b="app")
    scene.ready("a", "b")
    offer_work(scene, "w1")
    assert scene.refused(EndWork(call_id="w1", agent_id="a")).reason == "not-your-call"
    accept(scene, "a")
    assert scene.refused(EndWork(call_id="w1", agent_id="b")).reason == "not-your-call"
    assert scene.refused(EndWork(call_id="nobody")).reason == "unknown-call"
    scene.call("c1")
    assert scene.refused(EndWork(call_id="c1")).reason == "not-work"


def test_the_name_of_an_item_tells_its_appeal() -> None:
    scene = Scene(a="app")
    offer_work(scene, "w1", ticket_id="0195.7", number=12)
    item = scene.of("w1")
    assert item.pbx_call_id == work_name("0195.7", 12)
    assert appeal_of(item.pbx, item.pbx_call_id) == "0195.7"
    assert appeal_of("pbx1", "0195.7.12") is None


def test_a_bot_is_offered_no_appeal_before_or_after_it_is_ready() -> None:
    """It hears of calls that are connected to it alone: it would miss the offer, and be not ready from then on."""
    scene = Scene(agent("bot", kind="bot", accept="auto", capacity=5), agent("a"))
    scene.ready("bot")
    offer_work(scene, "w1")
    scene.do(cmd.SetNotReady(agent_id="bot", reason="pause"))
    scene.do(cmd.SetReady(agent_id="bot"))
    assert scene.offered() == {}
    scene.ready("a")
    assert scene.offered() == {"a": "w1"}
    scene.call("c1")
    assert scene.offered() == {"a": "w1", "bot": "c1"}
