"""Work of other kinds: units and capacity, bots, tickets that a call interrupts; wrap-up; lost phones."""

from dataclasses import replace

import pytest
from floor_scene import QUEUE, Scene, agent, kinds, only

from careline_router.domain import commands as cmd
from careline_router.domain import events as ev
from careline_router.domain.specs import AgentSpec, FloorSpec

pytestmark = pytest.mark.unit


def bot(capacity: int) -> AgentSpec:
    return agent("bot", accept="auto", kind="bot", capacity=capacity)


def at_work(scene: Scene, name: str) -> tuple[str, ...]:
    return scene.floor.agents[name].at_work


# -- capacity ----------------------------------------------------------------------------------------


def test_a_bot_has_as_many_calls_as_its_capacity_and_one_open_offer_at_a_time() -> None:
    scene = Scene(bot(2))
    scene.ready("bot")
    for name in ("c1", "c2", "c3"):
        scene.call(name)
    assert scene.offered() == {"bot": "c1"}
    scene.answer("bot")
    assert scene.offered() == {"bot": "c2"}
    scene.answer("bot")
    assert scene.offered() == {}
    assert at_work(scene, "bot") == ("c1", "c2")
    scene.hang_up("c1")
    assert scene.offered() == {"bot": "c3"}


def test_a_bot_wraps_nothing_up() -> None:
    scene = Scene(bot(1))
    scene.ready("bot")
    scene.call("c1")
    scene.answer("bot")
    scene.hang_up("c1")
    assert scene.state("bot") == ("ready", None)


def test_a_bot_that_rests_stays_at_rest_when_its_calls_end() -> None:
    scene = Scene(bot(3))
    scene.ready("bot")
    for name in ("c1", "c2"):
        scene.call(name)
        scene.answer("bot")
    scene.do(cmd.SetNotReady(agent_id="bot", reason="update"))
    scene.call("c3")
    assert scene.offered() == {}
    scene.hang_up("c1")
    scene.hang_up("c2")
    assert scene.state("bot") == ("not_ready", "update")
    assert scene.refused(cmd.AcceptOffer(agent_id="bot", offer_id="c3.1")).reason == "offer-closed"


def test_work_takes_as_many_units_as_the_floor_says() -> None:
    scene = Scene(bot(3), floor=FloorSpec(units={"message": 2}))
    scene.ready("bot")
    scene.call("m1", kind="message")
    scene.answer("bot")
    scene.call("m2", kind="message")
    scene.call("c1")
    assert scene.offered() == {"bot": "c1"}
    scene.answer("bot")
    scene.hang_up("m1")
    assert scene.offered() == {"bot": "m2"}


def test_a_lower_capacity_holds_for_what_is_offered_from_now_on() -> None:
    scene = Scene(bot(3))
    scene.ready("bot")
    for name in ("c1", "c2"):
        scene.call(name)
        scene.answer("bot")
    scene.do(cmd.ConfigureAgents(agents=(bot(1),)))
    scene.call("c3")
    scene.hang_up("c1")
    assert scene.offered() == {}
    assert scene.floor.groups.requirement({"x": 1}).idle == 0
    scene.hang_up("c2")
    assert scene.offered() == {"bot": "c3"}


# -- tickets -----------------------------------------------------------------------------------------


def at_a_ticket(*others: AgentSpec) -> Scene:
    scene = Scene(agent("a"), *others)
    scene.ready("a")
    scene.call("t1", kind="ticket")
    scene.connect("t1", "a")
    return scene


def test_a_call_interrupts_a_ticket_which_is_taken_up_again_after_the_wrap_up() -> None:
    scene = at_a_ticket()
    scene.call("c1")
    assert scene.of("t1").suspended
    assert scene.decision().match.rule == "interrupt"
    scene.connect("c1", "a")
    scene.hang_up("c1")
    assert scene.state("a") == ("wrap_up", None)
    events = scene.after(QUEUE.wrap_up_s)
    assert kinds(events) == ["WorkResumed"]
    assert (scene.state("a"), scene.of("t1").suspended) == (("talking", None), False)


def test_a_ticket_interrupts_nothing_and_an_idle_agent_goes_before_one_who_is_interrupted() -> None:
    scene = at_a_ticket(agent("b"))
    scene.call("t2", kind="ticket")
    assert scene.offered() == {}
    scene.hang_up("t2")
    scene.ready("b")
    scene.call("c1")
    assert scene.offered() == {"b": "c1"}
    assert not scene.of("t1").suspended


def test_a_ticket_is_taken_up_again_when_the_call_that_interrupted_it_is_missed_or_gone() -> None:
    scene = at_a_ticket()
    scene.call("c1")
    scene.hang_up("c1")
    assert not scene.of("t1").suspended
    scene.call("c2")
    scene.after(QUEUE.offer_timeout_s)
    assert scene.state("a") == ("not_ready", "rona")
    scene.do(cmd.SetReady(agent_id="a"))
    assert scene.offered() == {"a": "c2"}  # nobody else is at work
    assert scene.of("t1").suspended


def test_a_ticket_that_ends_beside_the_call_changes_nothing_for_its_agent() -> None:
    scene = at_a_ticket()
    scene.call("c1")
    scene.connect("c1", "a")
    scene.hang_up("t1", by="system")
    assert (scene.state("a"), at_work(scene, "a")) == (("talking", None), ("c1",))


def test_a_ticket_goes_back_to_its_queue_when_its_agent_goes_home() -> None:
    scene = at_a_ticket(agent("b"))
    scene.call("c1")
    scene.do(cmd.LogOut(agent_id="a"))
    assert {scene.of("t1").state, scene.of("c1").state} == {"queued"}
    scene.ready("b")
    assert scene.offered() == {"b": "c1"}
    scene.hang_up("c1")
    scene.connect("t1", "b")
    assert not scene.of("t1").suspended
    assert scene.floor.in_hand(scene.floor.agents["b"]) == 1


def test_a_call_that_waits_goes_before_a_ticket_that_would_be_taken_up_again() -> None:
    scene = at_a_ticket()
    scene.call("c1")
    scene.connect("c1", "a")
    scene.call("c2")
    scene.hang_up("c1")
    scene.do(cmd.CompleteWrapUp(agent_id="a", call_id="c1"))
    assert scene.offered() == {"a": "c2"}
    assert scene.of("t1").suspended


def test_a_call_that_came_while_a_ticket_was_offered_interrupts_it_when_it_is_taken_up() -> None:
    scene = Scene(agent("a"))
    scene.ready("a")
    scene.call("t1", kind="ticket")
    scene.call("c1")
    scene.connect("t1", "a")
    assert scene.offered() == {"a": "c1"}
    assert scene.of("t1").suspended


def test_a_call_that_is_kept_from_idle_agents_interrupts_a_ticket_of_the_best() -> None:
    agents = [agent("best", skills={"x": 10}), agent("low", skills={"x": 3})]
    scene = Scene(*agents, floor=FloorSpec(policy="fs_tier_rules"))
    scene.ready("best")
    scene.call("t1", kind="ticket")
    scene.connect("t1", "best")
    scene.ready("low")
    scene.call("c1")
    assert scene.offered() == {"best": "c1"}


# -- wrap-up -----------------------------------------------------------------------------------------


def wrapping_up() -> Scene:
    scene = Scene(queues=[replace(QUEUE, wrap_up_max_s=70)], a="app")
    scene.ready("a")
    scene.call("c1")
    scene.connect("c1", "a")
    scene.hang_up("c1")
    return scene


def test_a_wrap_up_may_be_extended_up_to_the_limit_of_its_queue() -> None:
    scene = wrapping_up()
    scene.after(20)
    extended = only(scene.do(cmd.ExtendWrapUp(agent_id="a", seconds=30)), ev.WrapUpExtended)
    assert extended.until == scene.now + 40
    assert scene.refused(cmd.ExtendWrapUp(agent_id="a", seconds=11)).reason == "wrap-up-limit"
    scene.do(cmd.ExtendWrapUp(agent_id="a", seconds=10))
    scene.after(49)
    assert scene.state("a") == ("wrap_up", None)
    scene.after(1)
    assert scene.state("a") == ("ready", None)


@pytest.mark.parametrize("seconds", [0, -5, 1000])
def test_an_extension_that_is_none_or_too_long_is_refused(seconds: float) -> None:
    refused = wrapping_up().refused(cmd.ExtendWrapUp(agent_id="a", seconds=seconds))
    assert refused.reason == "wrap-up-limit"


def test_who_wraps_nothing_up_cannot_extend_it() -> None:
    scene = Scene(a="app")
    scene.ready("a")
    refused = scene.refused(cmd.ExtendWrapUp(agent_id="a", seconds=5))
    assert (refused.reason, refused.allowed) == ("not-wrapping-up", ("set_not_ready", "log_out"))


# -- a phone that drops ------------------------------------------------------------------------------


@pytest.mark.parametrize("cause", ["dropped", "lost", "network"])
def test_a_caller_whose_agents_phone_drops_is_back_at_his_place(cause: str) -> None:
    scene = Scene(a="app", b="app")
    scene.call("c1")
    scene.now += 3
    scene.call("c2")
    scene.ready("a")
    scene.connect("c1", "a")
    scene.now += 60
    scene.hang_up("c1", by="agent", cause=cause)
    assert scene.state("a") == ("not_ready", "unreachable")
    call = scene.of("c1")
    assert (call.state, call.queued_at, call.answered_at, call.agent) == ("queued", 0, None, None)
    scene.ready("b")
    assert scene.offered() == {"b": "c1"}


def test_an_agent_who_hangs_up_himself_has_handled_the_call() -> None:
    scene = Scene(a="app")
    scene.ready("a")
    scene.call("c1")
    scene.connect("c1", "a")
    scene.hang_up("c1", by="agent", cause="normal")
    assert scene.of("c1").outcome == "handled"


def test_what_an_agent_was_offered_beside_the_talk_that_dropped_goes_to_others() -> None:
    scene = Scene(bot(2), agent("b"))
    scene.ready("bot")
    scene.call("c1")
    scene.answer("bot")
    scene.call("c2")
    assert scene.offered() == {"bot": "c2"}
    scene.hang_up("c1", by="agent", cause="dropped")
    assert scene.state("bot") == ("not_ready", "unreachable")
    scene.ready("b")
    assert scene.offered() == {"b": "c1"}
    assert scene.of("c2").state == "queued"
