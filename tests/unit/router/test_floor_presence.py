"""An agent whose desk is cut off keeps his state for a while, and goes away by himself if it does not come back."""

import pytest
from floor_scene import Scene, kinds, only

from careline_router.domain import commands as cmd
from careline_router.domain import events as ev
from careline_router.domain import presence_events as pev
from careline_router.domain import transfer_orders as orders
from careline_router.domain.floor import Floor
from careline_router.domain.specs import FloorSpec
from careline_router.domain.words import ConsultEnd

pytestmark = pytest.mark.unit

GRACE_S = 10.0


def scene(**accepts: str) -> Scene:
    return Scene(floor=FloorSpec(presence_grace_s=GRACE_S), **accepts)


def desk(scene: Scene, name: str, *, here: bool) -> list[ev.Event]:
    return scene.do(cmd.SetPresence(**{"came" if here else "left": (name,)}))


def cut(scene: Scene, name: str) -> list[ev.Event]:
    desk(scene, name, here=True)
    return desk(scene, name, here=False)


def test_who_is_back_in_time_has_lost_nothing() -> None:
    floor = scene(a="app")
    floor.ready("a")
    assert only(cut(floor, "a"), pev.DeskDropped).until == floor.now + GRACE_S
    floor.after(GRACE_S - 1)
    assert kinds(desk(floor, "a", here=True)) == ["DeskConnected"]
    assert floor.after(100) == []
    assert floor.state("a") == ("ready", None)


def test_who_is_not_back_in_time_is_offered_nothing_any_more() -> None:
    floor = scene(a="app")
    floor.ready("a")
    cut(floor, "a")
    assert kinds(floor.after(GRACE_S)) == ["DeskGivenUp", "AgentStateChanged"]
    assert floor.state("a") == ("not_ready", "disconnected")
    floor.call("c1")
    assert floor.offered() == {}
    desk(floor, "a", here=True)
    assert floor.state("a") == ("not_ready", "disconnected")  # he may not sit there
    floor.do(cmd.SetReady(agent_id="a"))
    assert floor.offered() == {"a": "c1"}


def test_calls_go_to_others_of_his_skills_first() -> None:
    floor = scene(a="app", b="app")
    floor.ready("a", "b")
    cut(floor, "a")
    floor.call("c1")
    floor.call("c2")
    assert floor.offered() == {"b": "c1", "a": "c2"}
    desk(floor, "a", here=True)


def test_an_offer_that_he_has_not_taken_goes_on_to_others_at_its_place() -> None:
    floor = scene(a="app", b="app")
    floor.ready("a")
    floor.call("first")
    floor.call("second")
    cut(floor, "a")
    events = floor.after(GRACE_S)
    assert only(events, ev.OfferClosed).end == "withdrawn"
    assert floor.of("first").excluded == frozenset()
    floor.ready("b")
    assert floor.offered() == {"b": "first"}


def test_a_phone_that_rings_may_still_be_answered_and_the_talk_is_his() -> None:
    floor = scene(a="ring")
    floor.ready("a")
    floor.call("c1")
    cut(floor, "a")
    floor.after(GRACE_S)
    assert floor.state("a")[0] == "reserved"
    floor.connect("c1", "a")
    floor.hang_up("c1")
    floor.after(30)
    assert floor.state("a") == ("not_ready", "disconnected")


def test_whose_desk_comes_back_during_the_talk_goes_on_after_it() -> None:
    floor = scene(a="app")
    floor.ready("a")
    floor.call("c1")
    floor.connect("c1", "a")
    cut(floor, "a")
    floor.after(GRACE_S)
    desk(floor, "a", here=True)
    floor.hang_up("c1")
    floor.after(30)
    assert floor.state("a") == ("ready", None)


@pytest.mark.parametrize("how", ["back", "complete"])
def test_who_is_asked_by_a_colleague_when_he_goes_away_is_not_ready_after_it(
    how: ConsultEnd,
) -> None:
    floor = scene(a="app", b="app")
    floor.ready("a")
    floor.call("c1")
    floor.connect("c1", "a")
    floor.ready("b")
    floor.do(orders.Consult(agent_id="a", call_id="c1", consult_id="k", to_agent="b"))
    floor.do(orders.ConsultAnswered(call_id="c1", consult_id="k"))
    cut(floor, "b")
    floor.after(GRACE_S)
    assert floor.state("b") == ("not_ready", "consult")
    floor.do(orders.EndConsult(agent_id="a", call_id="c1", how=how))
    floor.hang_up("c1")
    floor.after(30)
    assert floor.state("b") == ("not_ready", "disconnected")


def test_who_wished_to_rest_rests_for_his_own_reason() -> None:
    floor = scene(a="app")
    floor.ready("a")
    floor.call("c1")
    floor.connect("c1", "a")
    floor.do(cmd.SetNotReady(agent_id="a", reason="lunch"))
    cut(floor, "a")
    floor.after(GRACE_S)
    floor.hang_up("c1")
    floor.after(30)
    assert floor.state("a") == ("not_ready", "lunch")


@pytest.mark.parametrize(
    "act",
    [cmd.SetReady(agent_id="a"), cmd.LogIn(agent_id="a"), cmd.AcceptOffer(agent_id="a", offer_id="c1.1")],
    ids=lambda act: type(act).__name__,
)  # fmt: skip
def test_who_shows_himself_without_his_desk_is_there(act: cmd.Command) -> None:
    floor = scene(a="app")
    floor.ready("a")
    floor.call("c1")
    cut(floor, "a")
    floor.do(act)
    assert "DeskGivenUp" not in kinds(floor.after(GRACE_S))
    assert floor.state("a")[0] == "reserved"


def test_who_works_without_a_desk_never_goes_away() -> None:
    floor = scene(a="app")
    floor.ready("a")
    assert desk(floor, "a", here=False) == []
    assert floor.after(1000) == []
    assert floor.state("a") == ("ready", None)


def test_a_floor_that_is_restored_still_waits_for_desks() -> None:
    floor = scene(a="app")
    floor.ready("a")
    cut(floor, "a")
    floor.floor = Floor.restore(floor.floor.snapshot())
    floor.after(GRACE_S)
    assert floor.state("a") == ("not_ready", "disconnected")
