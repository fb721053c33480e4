"""Commands that come twice, too late or in the wrong order: a reason, or no effect, and nothing else."""

from typing import Any

import pytest
from floor_scene import QUEUE, Scene

from careline_router.domain import commands as cmd
from careline_router.domain.specs import AgentSpec

pytestmark = pytest.mark.unit


def test_a_call_is_registered_once_by_its_id_and_by_what_its_pbx_calls_it() -> None:
    scene = Scene()
    scene.call("c1")
    for name, pbx_name in (("c1", "other"), ("c2", "c1")):
        again = cmd.RegisterCall(call_id=name, pbx="p", pbx_call_id=pbx_name, line="1")
        assert scene.refused(again).reason == "known-call"
    scene.do(cmd.RegisterCall(call_id="c2", pbx="other", pbx_call_id="c1", line="1"))


@pytest.mark.parametrize(
    "command",
    [
        cmd.QueueCall(call_id="c1", queue="none", skills={}, priority="cash"),
        cmd.Move(call_id="c2", queue="none", skills={}),
        cmd.RequestCallback(
            call_id="c3", pbx="p", line="1", queue="none", skills={}, priority="cash", person="anna"
        ),
    ],
)  # fmt: skip
def test_a_queue_that_is_not_configured_is_refused(command: Any) -> None:
    scene = Scene(a="app")
    scene.do(cmd.RegisterCall(call_id="c1", pbx="p", pbx_call_id="c1", line="1"))
    scene.ready("a")
    scene.call("c2")
    assert scene.refused(command).reason == "unknown-queue"
    assert scene.offered() == {"a": "c2"}


@pytest.mark.parametrize(
    "command",
    [
        cmd.LogIn(agent_id="x"), cmd.LogOut(agent_id="x"), cmd.SetReady(agent_id="x"),
        cmd.SetNotReady(agent_id="x", reason="r"), cmd.AcceptOffer(agent_id="x", offer_id="o"),
        cmd.RejectOffer(agent_id="x", offer_id="o"), cmd.ExtendWrapUp(agent_id="x", seconds=1),
        cmd.CompleteWrapUp(agent_id="x", call_id="c1"),
    ],
)  # fmt: skip
def test_an_agent_who_is_not_configured_is_refused(command: Any) -> None:
    scene = Scene()
    scene.call("c1")
    assert scene.refused(command).reason == "unknown-agent"


@pytest.mark.parametrize(
    "fact",
    [
        cmd.PhoneAnswered(offer_id="c1.1"), cmd.OfferFailed(offer_id="c1.1", cause="busy"),
        cmd.PhoneAnswered(offer_id="never"), cmd.HangUp(call_id="c1", by="caller"),
        cmd.HangUp(call_id="c1", by="agent", cause="dropped"), cmd.Digits(call_id="c1", digits="1"),
    ],
)  # fmt: skip
def test_a_fact_that_comes_again_has_no_effect(fact: Any) -> None:
    scene = Scene(a="app")
    scene.ready("a")
    scene.call("c1")
    scene.connect("c1", "a")
    scene.hang_up("c1")
    assert scene.do(fact) == []


def test_an_offer_is_accepted_once_and_rejected_by_nobody_else() -> None:
    scene = Scene(a="app", b="app")
    scene.ready("a")
    scene.call("c1")
    accept = cmd.AcceptOffer(agent_id="a", offer_id="c1.1")
    assert len(scene.do(accept)) == 1
    assert scene.do(accept) == []
    stolen = scene.refused(cmd.RejectOffer(agent_id="b", offer_id="c1.1"))
    assert stolen.reason == "not-your-offer"
    scene.answer("a")
    assert scene.refused(accept).reason == "offer-closed"


def test_the_same_configuration_again_changes_nothing() -> None:
    scene = Scene(a="app")
    spec = scene.floor.agents["a"].spec
    for again in (
        cmd.ConfigureQueues(queues=(QUEUE,)),
        cmd.ConfigureAgents(agents=(spec,)),
        cmd.ConfigureFloor(floor=scene.floor.spec),
    ):
        assert scene.do(again) == []


def test_the_newer_log_in_wins_and_the_state_stays() -> None:
    scene = Scene(a="app")
    scene.ready("a")
    scene.do(cmd.LogIn(agent_id="a", endpoint="P/other"))
    assert scene.state("a") == ("ready", None)
    scene.call("c1")
    assert next(iter(scene.floor.offers.values())).endpoint == "P/other"


def test_a_talk_is_steered_by_its_own_agent_or_a_supervisor() -> None:
    scene = Scene(a="app", b="app")
    scene.ready("a")
    scene.call("c1")
    hold = cmd.ControlTalk(call_id="c1", kind="hold", agent_id="b")
    assert scene.refused(hold).reason == "call-not-connected"
    scene.connect("c1", "a")
    assert scene.refused(hold).reason == "not-your-call"
    assert len(scene.do(cmd.ControlTalk(call_id="c1", kind="listen"))) == 1


def test_a_deadline_that_was_overtaken_does_nothing_when_its_time_comes() -> None:
    scene = Scene(a="app")
    scene.ready("a")
    scene.call("c1")
    scene.after(14)
    scene.do(cmd.AcceptOffer(agent_id="a", offer_id="c1.1"))
    assert scene.after(1) == []
    scene.answer("a")
    assert scene.after(600) == []
    assert scene.floor.next_timer() is None


def test_an_agent_without_skills_serves_calls_that_need_none() -> None:
    scene = Scene(AgentSpec(id="bare", endpoint="P/bare"))
    scene.ready("bare")
    scene.call("c1")
    assert scene.offered() == {}
    scene.call("c2", skills={})
    assert scene.offered() == {"bare": "c2"}


def test_a_clock_that_goes_back_moves_no_deadline() -> None:
    scene = Scene(a="app")
    scene.now = 100
    scene.ready("a")
    scene.call("c1")
    due = scene.floor.next_timer()
    scene.now = 20
    assert scene.do(cmd.Tick()) == []
    assert scene.floor.next_timer() == due
    scene.do(cmd.Digits(call_id="c1", digits="1"))
    assert scene.floor.now == 101
