"""A PBX that does not answer: what becomes of its calls, and of who can only be rung by it."""

from typing import Any

import pytest
from floor_scene import Scene, agent, kinds

from careline_router.domain import commands as cmd
from careline_router.domain import events as ev
from careline_router.domain.floor import Floor
from careline_router.domain.matching import why_waiting
from careline_router.domain.specs import FloorSpec, PbxSpec

pytestmark = pytest.mark.unit

TWO = FloorSpec(pbxs={"p": PbxSpec(site="msk"), "q": PbxSpec(site="spb")})


def two_sites() -> Scene:
    return Scene(agent("m", site="msk"), agent("m2", site="msk"), agent("s", site="spb"), floor=TWO)


def pbx(scene: Scene, state: Any, name: str = "p") -> list[ev.Event]:
    return scene.do(cmd.SetPbx(pbx=name, state=state))


def comes(scene: Scene, name: str, at: str) -> None:
    scene.do(cmd.RegisterCall(call_id=name, pbx=at, pbx_call_id=name, line="1"))
    scene.do(cmd.QueueCall(call_id=name, queue="q", skills={"x": 1}, priority="insured"))
    scene.now += 1


def test_calls_of_a_pbx_that_is_down_wait_at_their_places_and_are_offered_first_when_it_is_up() -> (
    None
):
    scene = two_sites()
    comes(scene, "waits", "p")
    pbx(scene, "down")
    scene.ready("s")
    assert scene.offered() == {}
    assert why_waiting(scene.of("waits"), scene.floor.agents["s"], scene.floor) == "pbx"
    comes(scene, "later", "q")
    assert scene.offered() == {"s": "later"}
    scene.connect("later", "s")
    comes(scene, "last", "q")
    pbx(scene, "up")
    scene.hang_up("later")
    scene.after(30)
    assert scene.offered() == {"s": "waits"}


def test_offers_that_cannot_be_rung_are_taken_back_and_nobody_is_blamed_for_them() -> None:
    scene = two_sites()
    scene.ready("s", "m")
    comes(scene, "here", "p")
    comes(scene, "there", "q")
    assert scene.offered() == {"s": "here", "m": "there"}
    events = pbx(scene, "down")
    assert scene.of("here").state == "queued"
    assert scene.state("m") == ("not_ready", "pbx_down")
    assert scene.offered() == {"s": "there"}
    assert [e.end for e in events if isinstance(e, ev.OfferClosed)] == ["withdrawn", "withdrawn"]
    assert not scene.of("here").excluded | scene.of("there").excluded


def test_who_can_only_be_rung_by_it_is_not_ready_until_it_is_up_or_he_has_another_phone() -> None:
    scene = two_sites()
    scene.ready("m", "m2")
    pbx(scene, "down")
    assert {scene.state(name) for name in ("m", "m2")} == {("not_ready", "pbx_down")}
    assert scene.refused(cmd.SetReady(agent_id="m")).reason == "phone-away"
    comes(scene, "c", "q")
    scene.do(cmd.LogIn(agent_id="m", endpoint="P/mobile"))
    scene.do(cmd.SetReady(agent_id="m"))
    assert scene.offered() == {"m": "c"}
    pbx(scene, "up")
    assert scene.state("m2") == ("ready", None)


def test_talks_are_left_alone_and_their_agent_gets_nothing_after_them() -> None:
    scene = two_sites()
    scene.ready("m")
    comes(scene, "talk", "p")
    scene.connect("talk", "m")
    assert kinds(pbx(scene, "down")) == ["PbxChanged"]
    assert scene.of("talk").state == "connected"
    scene.hang_up("talk", by="system")
    scene.after(30)
    assert scene.state("m") == ("not_ready", "pbx_down")


def test_a_second_pbx_at_the_site_can_still_ring_its_phones() -> None:
    both = FloorSpec(pbxs={"p": PbxSpec(site="msk"), "p2": PbxSpec(site="msk")})
    scene = Scene(agent("m", site="msk"), floor=both)
    scene.ready("m")
    pbx(scene, "down")
    comes(scene, "c", "p2")
    assert scene.offered() == {"m": "c"}
    pbx(scene, "down", "p2")
    assert scene.state("m") == ("not_ready", "pbx_down")


@pytest.mark.parametrize("site", ["drained", "down"])
def test_what_a_supervisor_has_said_of_the_site_outlives_a_pbx_that_comes_back(site: Any) -> None:
    scene = two_sites()
    scene.ready("m")
    pbx(scene, "down")
    scene.do(cmd.SetSite(site="msk", state=site))
    pbx(scene, "up")
    assert scene.floor.sites == {"msk": site}
    drained = ("not_ready", "site_drained")
    assert scene.state("m") == (drained if site == "drained" else ("logged_out", None))


def test_a_site_that_opens_while_its_pbx_is_down_has_nobody_who_could_be_rung() -> None:
    scene = two_sites()
    scene.ready("m")
    scene.do(cmd.SetSite(site="msk", state="drained"))
    pbx(scene, "down")
    scene.do(cmd.SetSite(site="msk", state="open"))
    assert scene.state("m") == ("not_ready", "pbx_down")


def test_a_pbx_that_is_moved_to_another_site_frees_those_whom_it_kept() -> None:
    scene = two_sites()
    scene.ready("m", "s")
    pbx(scene, "down")
    moved = FloorSpec(pbxs={"p": PbxSpec(site="spb")})
    scene.do(cmd.ConfigureFloor(floor=moved))
    assert scene.state("m") == ("ready", None)
    assert scene.state("s") == ("not_ready", "pbx_down")


def test_it_is_remembered_in_snapshots_and_told_once() -> None:
    scene = two_sites()
    comes(scene, "c", "p")
    pbx(scene, "down")
    assert pbx(scene, "down") == []
    again = Floor.restore(scene.floor.snapshot())
    assert again.pbxs_down == {"p": scene.now}
    assert again.equals(scene.floor)
    assert again.held == {"c": None}
