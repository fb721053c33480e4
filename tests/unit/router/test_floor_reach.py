"""How a PBX rings an agent who works at another site."""

from typing import Any

import pytest
from floor_scene import Scene, agent, only

from careline_router.domain import commands as cmd
from careline_router.domain import events as ev
from careline_router.domain import transfer_events as tev
from careline_router.domain import transfer_orders as orders
from careline_router.domain.specs import FloorSpec, PbxSpec

pytestmark = pytest.mark.unit

REACH = FloorSpec(pbxs={"p": PbxSpec(site="msk", reach={"spb": "P/{phone}@to-spb"})})


@pytest.mark.parametrize(
    ("site", "logs_in_with", "rung"),
    [
        ("msk", None, "P/a"),
        ("spb", None, "P/a@to-spb"),
        (None, None, "P/a"),
        ("kzn", None, "P/a"),  # nobody has said how
        ("spb", "P/home", "P/home"),  # wherever that stands
    ],
)
def test_his_own_phone_is_rung_over_the_trunk_to_his_site(
    site: str | None, logs_in_with: str | None, rung: str
) -> None:
    scene = Scene(agent("a", site=site, accept="ring"), floor=REACH)
    scene.do(cmd.LogIn(agent_id="a", endpoint=logs_in_with))
    scene.do(cmd.SetReady(agent_id="a"))
    assert only(scene.call("c1"), ev.OfferMade).endpoint == rung


@pytest.mark.parametrize(
    ("phone", "rung"),
    [("P/spare", "P/spare@to-spb"), ("P/7916@trunk", "P/7916@trunk"), (None, "P/a@to-spb")],
)
def test_a_phone_that_he_found_at_another_site_stands_there(phone: str | None, rung: str) -> None:
    scene = Scene(agent("a", site="msk", accept="ring"), floor=REACH)
    scene.do(cmd.LogIn(agent_id="a", endpoint=phone, site="spb"))
    scene.do(cmd.SetReady(agent_id="a"))
    assert only(scene.call("c1"), ev.OfferMade).endpoint == rung


def test_who_works_elsewhere_today_is_rung_there_and_asked_there() -> None:
    specs: list[Any] = [
        agent("a", site="msk", accept="ring"),
        agent("b", site="msk", accept="ring"),
    ]
    scene = Scene(*specs, floor=REACH)
    scene.ready("a")
    scene.call("c1")
    scene.connect("c1", "a")
    scene.do(cmd.LogIn(agent_id="b", site="spb"))
    scene.do(cmd.SetReady(agent_id="b"))
    consult = orders.Consult(agent_id="a", call_id="c1", consult_id="consult-1", to_agent="b")
    assert only(scene.do(consult), tev.ConsultBegun).endpoint == "P/b@to-spb"
