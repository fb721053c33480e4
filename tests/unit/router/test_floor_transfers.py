"""Calls that an agent passes on: at once, or after he has asked; and whoever goes in the middle of it."""

from collections.abc import Callable

import pytest
from floor_scene import Scene, agent, kinds, only

from careline_router.domain import commands as cmd
from careline_router.domain import events as ev
from careline_router.domain import transfer_orders as orders
from careline_router.domain.effects import messages, pbx_steps
from careline_router.domain.floor import Floor
from careline_router.domain.specs import QueueSpec

QUEUES = (QueueSpec(id="q", wrap_up_s=30), QueueSpec(id="other", wrap_up_s=30))


def talking(**others: str) -> Scene:
    """a talks with c1; the others are ready, all with skill x."""
    scene = Scene(agent("z", skills={"z": 5}), queues=QUEUES, a="app", **others)
    scene.ready("a")
    scene.call("c1")
    scene.connect("c1", "a")
    scene.ready(*others)
    scene.now += 60
    return scene


def steps(scene: Scene, events: list[ev.Event]) -> list[str]:
    call = scene.of("c1")
    return [step.type for event in events for step in pbx_steps(event, call)]


def out(scene: Scene) -> list[ev.Event]:
    return scene.do(orders.TransferOut(agent_id="a", call_id="c1", endpoint="PJSIP/insurer"))


def ask(scene: Scene, **whom: object) -> list[ev.Event]:
    whom = whom or {"endpoint": "PJSIP/insurer"}
    return scene.do(orders.Consult(agent_id="a", call_id="c1", consult_id="k", **whom))  # type: ignore[arg-type]


def end(scene: Scene, how: str) -> list[ev.Event]:
    return scene.do(orders.EndConsult(agent_id="a", call_id="c1", how=how))  # type: ignore[arg-type]


def asked(scene: Scene, **whom: object) -> None:
    ask(scene, **whom)
    scene.do(orders.ConsultAnswered(call_id="c1", consult_id="k"))


def passed_on(scene: Scene, *, ok: bool = True, consult_id: str | None = None) -> list[ev.Event]:
    """The PBX tells what has become of the transfer."""
    leg = scene.of("c1").offer or ""
    return scene.do(orders.TransferEnded(call_id="c1", ok=ok, offer_id=leg, consult_id=consult_id))


# -- cold -------------------------------------------------------------------------------------------


def test_a_call_that_leaves_the_floor_ends_handled_and_nobody_hangs_up_on_its_caller() -> None:
    scene = talking()
    events = out(scene)
    (step,) = pbx_steps(events[0], scene.of("c1"))
    assert (step.type, step.body["endpoint"]) == ("transfer", "PJSIP/insurer")
    assert step.body["context"]["call_id"] == "c1"
    assert scene.refused(orders.TransferOut(agent_id="a", call_id="c1", endpoint="e")).reason == (
        "call-leaving"
    )
    done = passed_on(scene)
    assert steps(scene, done) == []
    call = scene.of("c1")
    assert (call.state, call.outcome, call.transferred) == ("ended", "handled", True)
    assert scene.state("a") == ("wrap_up", None)


def test_an_agent_whose_leg_goes_before_the_pbx_is_done_takes_nobody_with_him() -> None:
    scene = talking()
    out(scene)
    assert steps(scene, scene.hang_up("c1", by="agent")) == []
    assert scene.hang_up("c1", by="agent") == [], "told twice"
    assert scene.of("c1").state == "connected"
    assert steps(scene, passed_on(scene)) == []
    assert scene.of("c1").outcome == "handled"
    assert scene.state("a") == ("wrap_up", None)


@pytest.mark.parametrize("way", ["cold", "warm", "by hanging up"])
@pytest.mark.parametrize("b_is_there", [True, False])
def test_a_transfer_that_fails_once_its_agent_has_gone_puts_the_caller_back(
    way: str, b_is_there: bool
) -> None:
    """Fails when the caller is held for ever, or taken to be gone, and his agent to be talking with him."""
    scene = talking(b="app") if b_is_there else talking()
    if way == "cold":
        out(scene)
    else:
        asked(scene)
    if way == "warm":
        end(scene, "complete")
    scene.hang_up("c1", by="agent")
    events = passed_on(scene, ok=False, consult_id=None if way == "cold" else "k")
    assert only(events, ev.CallRequeued).agent_id == "a"
    assert ("end_consult" in steps(scene, events)) == (way != "cold")
    call = scene.of("c1")
    assert (call.state, call.leaving, call.left) == (
        "offered" if b_is_there else "queued", False, False,
    )  # fmt: skip
    assert scene.state("a") == ("not_ready", "unreachable")


def test_what_becomes_of_an_earlier_transfer_says_nothing_of_a_later_one() -> None:
    scene = talking(b="app")
    asked(scene, to_agent="b")
    end(scene, "complete")
    handed_over = {"offer_id": "gone", "consult_id": "k"}
    scene.do(orders.TransferOut(agent_id="b", call_id="c1", endpoint="PJSIP/insurer"))
    for ok in (True, False):
        assert scene.do(orders.TransferEnded(call_id="c1", ok=ok, **handed_over)) == []
    passed_on(scene, ok=False)
    scene.do(orders.TransferIn(agent_id="b", call_id="c1", queue="other", skills={"x": 1}))
    scene.do(cmd.SetReady(agent_id="a"))
    scene.do(cmd.SetReady(agent_id="b"))
    late = orders.TransferEnded(call_id="c1", ok=False, **handed_over)
    assert scene.do(late) == []


def test_a_transfer_that_the_pbx_cannot_make_leaves_the_call_with_its_agent() -> None:
    scene = talking()
    out(scene)
    events = passed_on(scene, ok=False)
    (told,) = messages(events[0], scene.of("c1"))
    assert (told.agent_id, told.type) == ("a", "call.transfer_failed")
    assert (scene.of("c1").state, scene.of("c1").transferred) == ("connected", False)
    assert steps(scene, scene.hang_up("c1", by="agent")) == ["hangup"]


def test_a_caller_who_is_passed_to_a_queue_keeps_his_time_and_goes_first_to_somebody_else() -> None:
    scene = talking(b="app", c="app")
    scene.call("c3")
    scene.connect("c3", "c" if "c" in scene.offered() else "b")
    idle = "b" if scene.state("c")[0] == "talking" else "c"
    scene.do(cmd.SetNotReady(agent_id=idle, reason="lunch"))
    scene.call("c2", queue="other")
    before = scene.of("c1")
    arrived, queued = before.arrived_at, before.queued_at
    order = orders.TransferIn(agent_id="a", call_id="c1", queue="other", skills={"x": 1})
    events = scene.do(order)
    assert steps(scene, events) == ["hold", "cancel_ring"]
    after = scene.of("c1")
    assert (after.arrived_at, after.queued_at, after.queue) == (arrived, queued, "other")
    assert (after.state, after.agent) == ("queued", None)
    assert scene.state("a") == ("wrap_up", None)
    scene.do(cmd.SetReady(agent_id="a"))
    assert scene.offered() == {"a": "c2"}, "he has just passed c1 on"
    scene.do(cmd.SetReady(agent_id=idle))
    assert scene.offered()[idle] == "c1"


def test_a_call_that_is_passed_to_an_agent_waits_for_him_and_then_for_all() -> None:
    scene = talking(b="app", c="app")
    scene.call("c2")
    busy = next(iter(scene.offered()))
    idle = "c" if busy == "b" else "b"
    scene.connect("c2", busy)
    order = orders.TransferIn(
        agent_id="a", call_id="c1", queue="q", skills={"x": 1}, to_agent=busy, preferred_for_s=40
    )
    scene.do(order)
    assert scene.offered() == {}, "the idle one is not the one who was named"
    scene.after(41)
    assert scene.offered() == {idle: "c1"}


@pytest.mark.parametrize(
    ("to", "reason"),
    [("a", "same-agent"), ("b", "agent-away"), ("z", "agent-not-able"), ("n", "unknown-agent")],
)
def test_a_call_is_passed_only_to_an_agent_who_could_take_it(to: str, reason: str) -> None:
    scene = talking(b="app")
    scene.do(cmd.SetNotReady(agent_id="b", reason="lunch"))
    scene.ready("z")
    order = orders.TransferIn(agent_id="a", call_id="c1", queue="q", skills={"x": 1}, to_agent=to)
    assert scene.refused(order).reason == reason


# -- warm -------------------------------------------------------------------------------------------


def test_a_consultation_holds_the_caller_and_comes_back_to_him() -> None:
    scene = talking()
    events = ask(scene)
    assert steps(scene, events) == ["hold", "consult"]
    assert scene.refused(orders.EndConsult(agent_id="a", call_id="c1", how="complete")).reason == (
        "not-answered"
    )
    assert steps(scene, end(scene, "back")) == ["end_consult", "bridge"]
    assert scene.of("c1").consultation is None
    assert scene.refused(orders.EndConsult(agent_id="a", call_id="c1", how="back")).reason == (
        "not-consulting"
    )


def test_who_is_not_reached_or_hangs_up_gives_the_caller_back() -> None:
    for answered in (False, True):
        scene = talking()
        ask(scene)
        if answered:
            scene.do(orders.ConsultAnswered(call_id="c1", consult_id="k"))
        gone = orders.ConsultGone(call_id="c1", consult_id="k", cause="busy")
        events = scene.do(gone)
        assert steps(scene, events) == ["bridge"]
        assert scene.do(gone) == [], "told twice"


def test_a_consultation_outside_is_completed_by_the_pbx() -> None:
    scene = talking()
    asked(scene)
    (step,) = [
        step for event in end(scene, "complete") for step in pbx_steps(event, scene.of("c1"))
    ]
    assert (step.type, step.body["consult_id"]) == ("transfer", "k")
    passed_on(scene)
    assert scene.of("c1").outcome == "handled"


def test_an_agent_who_is_asked_gets_no_other_call_and_takes_this_one_over() -> None:
    scene = talking(b="app")
    asked(scene, to_agent="b")
    assert scene.state("b") == ("not_ready", "consult")
    scene.call("c2")
    assert scene.offered() == {}
    events = end(scene, "complete")
    assert steps(scene, events) == ["transfer"]
    told = [(each.agent_id, each.type) for event in events for each in messages(event, None)]
    assert told == [("a", "call.transferred"), ("b", "call.connected")]
    call = scene.of("c1")
    assert (call.state, call.agent, call.offer) == ("connected", "b", "k")
    assert (scene.state("b")[0], scene.state("a")[0]) == ("talking", "wrap_up")
    assert steps(scene, scene.hang_up("c1", by="agent")) == ["hangup"]
    assert scene.state("b") == ("wrap_up", None)
    assert len(scene.do(cmd.CompleteWrapUp(agent_id="b", call_id="c1"))) > 0


def test_an_agent_who_was_asked_is_ready_again_afterwards() -> None:
    scene = talking(b="app")
    asked(scene, to_agent="b")
    scene.call("c2")
    end(scene, "back")
    assert scene.offered() == {"b": "c2"}


def test_of_a_queue_the_longest_idle_who_is_able_is_asked() -> None:
    scene = talking(b="app", c="app")
    ask(scene, skills={"x": 1})
    consultation = scene.of("c1").consultation
    assert consultation is not None
    assert consultation.agent == "b"
    end(scene, "back")
    nobody = orders.Consult(agent_id="a", call_id="c1", consult_id="k2", skills={"z": 9})
    assert scene.refused(nobody).reason == "nobody-idle"


def test_all_three_talk_and_any_of_them_may_go() -> None:
    for who, left in (("consult", "connected"), ("agent", "connected"), ("caller", "ended")):
        scene = talking(b="app")
        asked(scene, to_agent="b")
        assert steps(scene, end(scene, "join")) == ["conference"]
        if who == "consult":
            events = scene.do(orders.ConsultGone(call_id="c1", consult_id="k", cause="hung_up"))
            assert steps(scene, events) == [], "the other two go on"
            assert scene.of("c1").agent == "a"
        else:
            scene.hang_up("c1", by=who)
        assert scene.of("c1").state == left
        if who == "agent":
            assert scene.of("c1").agent == "b"


# -- whoever goes in the middle of it -----------------------------------------------------------------


def plain(scene: Scene) -> list[ev.Event]:
    return scene.hang_up("c1", by="agent")


def drops(scene: Scene) -> list[ev.Event]:
    return scene.hang_up("c1", by="agent", cause="dropped")


@pytest.mark.parametrize(
    ("answered", "goes", "state"),
    [
        (False, plain, "queued"),
        (False, drops, "queued"),
        (True, plain, "connected"),
        (True, drops, "queued"),
    ],
)
def test_an_agent_who_goes_while_he_asks_never_loses_his_caller(
    answered: bool, goes: Callable[[Scene], list[ev.Event]], state: str
) -> None:
    scene = talking(b="app")
    ask(scene, to_agent="b")
    if answered:
        scene.do(orders.ConsultAnswered(call_id="c1", consult_id="k"))
    place = scene.of("c1").queued_at
    events = goes(scene)
    call = scene.of("c1")
    assert call.queued_at == place
    if state == "connected":
        assert (call.agent, call.state) == ("b", "connected")
    else:
        assert "end_consult" in steps(scene, events)
        assert scene.offered() == {"b": "c1"}, "who was asked is the first who can have him"
        assert "hangup" not in steps(scene, events)


def test_a_caller_who_goes_frees_whoever_was_asked() -> None:
    scene = talking(b="app")
    asked(scene, to_agent="b")
    events = scene.hang_up("c1")
    assert "end_consult" in steps(scene, events)
    assert scene.state("b") == ("ready", None)
    assert (scene.of("c1").state, scene.of("c1").outcome) == ("ended", "handled")


def test_a_call_that_could_not_be_handed_over_is_put_back() -> None:
    scene = talking(b="app")
    asked(scene, to_agent="b")
    end(scene, "complete")
    events = passed_on(scene, ok=False, consult_id="k")
    assert only(events, ev.CallRequeued).agent_id == "b"
    assert scene.of("c1").state == "queued"


def test_the_journal_gives_every_step_of_it_back() -> None:
    scene = talking(b="app")
    journal: list[ev.Event] = []
    start = scene.floor.snapshot()
    for command in (
        orders.Consult(agent_id="a", call_id="c1", consult_id="k", to_agent="b"),
        orders.ConsultAnswered(call_id="c1", consult_id="k"),
        orders.EndConsult(agent_id="a", call_id="c1", how="join"),
        orders.EndConsult(agent_id="a", call_id="c1", how="complete"),
        orders.TransferIn(agent_id="b", call_id="c1", queue="other", skills={"x": 1}),
    ):
        journal += scene.do(command)
        back = Floor.restore(start)
        for event in journal:
            back.apply(event)
        assert back.equals(scene.floor), kinds(journal)
        assert Floor.restore(scene.floor.snapshot()).equals(scene.floor)


def test_what_a_pbx_takes_no_commands_for_is_refused_and_not_forgotten() -> None:
    scene = Scene(queues=QUEUES, a="app")
    scene.ready("a")
    dialplan = cmd.RegisterCall(
        call_id="c1", pbx="p", pbx_call_id="c1", line="1", control="dialplan"
    )
    scene.do(dialplan)
    scene.do(cmd.QueueCall(call_id="c1", queue="q", skills={"x": 1}, priority="insured"))
    scene.connect("c1", "a")
    for order in (
        cmd.ControlTalk(call_id="c1", kind="listen"),
        cmd.ControlTalk(call_id="c1", kind="hold", agent_id="a"),
        orders.TransferOut(agent_id="a", call_id="c1", endpoint="e"),
    ):
        assert scene.refused(order).reason == "not-steerable"


def test_whom_a_bot_has_passed_on_waits_for_a_human_however_long_none_is_there() -> None:
    """An agent who misses a call may save it as the last one at work; a bot would pass it on for ever."""
    scene = Scene(agent("bot", kind="bot", accept="auto", capacity=5), agent("b"))
    scene.ready("bot")
    scene.call("c1")
    scene.connect("c1", "bot")
    scene.do(orders.TransferIn(agent_id="bot", call_id="c1", queue="q", skills={"x": 1}))
    for _ in range(2):
        scene.do(cmd.SetNotReady(agent_id="bot", reason="pause"))
        scene.do(cmd.SetReady(agent_id="bot"))
    assert scene.offered() == {}
    scene.ready("b")
    assert scene.offered() == {"b": "c1"}
