"""Callbacks: who is offered one, what is promised, whose place it has, when it is made."""

from collections.abc import Mapping
from typing import Any

import pytest
from floor_scene import Scene, agent, kinds, only

from careline_router.domain import commands as cmd
from careline_router.domain import events as ev
from careline_router.domain.matching import why_waiting
from careline_router.domain.specs import CallbackRules, FloorSpec, QueueSpec

pytestmark = pytest.mark.unit

RULES = CallbackRules()


def floor(**rules: Any) -> FloorSpec:
    return FloorSpec(callbacks=CallbackRules(**rules))


def busy(agents: int = 1, *, spare: int = 0, **rules: Any) -> Scene:
    """So many agents talk, and as many more may come."""
    names = [f"a{n}" for n in range(agents)]
    more = [f"b{n}" for n in range(spare)]
    queue = QueueSpec(id="q", wrap_up_s=0, offer_timeout_s=15)
    scene = Scene(*map(agent, names + more), queues=[queue], floor=floor(**rules))
    for name in names:
        scene.ready(name)
        scene.call(f"talk {name}", skills={"x": 1})
        scene.connect(f"talk {name}", name)
    return scene


def offers(events: list[ev.Event]) -> list[str]:
    return [event.call_id for event in events if isinstance(event, ev.CallbackOffered)]


def accept(scene: Scene, call: str) -> ev.CallbackMade:
    return only(
        scene.do(cmd.AcceptCallback(call_id=call, callback_id=f"{call}.back")), ev.CallbackMade
    )


def counts(scene: Scene) -> Mapping[str, int]:
    (row,) = scene.floor.promises.figures()
    return {"made": row.made, "kept": row.kept, "late": row.late, "dropped": row.dropped}


# -- offered ---------------------------------------------------------------------------------------


def test_a_caller_is_offered_one_on_arrival_when_the_first_of_his_class_has_waited_long() -> None:
    scene = busy(4)
    scene.call("first")
    scene.now += 59
    assert offers(scene.call("soon")) == []
    scene.now += 1
    assert offers(scene.call("late")) == ["late"]
    assert offers(scene.call("other", priority="cash")) == []


def test_a_caller_is_offered_one_when_he_has_waited_so_long_himself_and_only_once() -> None:
    scene = busy(2)
    scene.call("c1")
    assert scene.after(44) == []
    assert offers(scene.after(1)) == ["c1"]
    assert offers(scene.after(300)) == []


def test_no_more_is_offered_than_may_be_promised_for_the_agents_at_work() -> None:
    scene = busy(2)
    for n in range(5):
        scene.call(f"c{n}")
    assert len(offers(scene.after(45))) == 3  # 1.5 each
    for n in range(3):
        accept(scene, f"c{n}")
    assert scene.floor.promises.outstanding == 3
    scene.now += 60
    assert offers(scene.call("more")) == []


def test_an_offer_that_nobody_accepts_for_half_a_minute_blocks_no_other() -> None:
    scene = busy(1)
    scene.call("c1")
    scene.call("c2")
    assert len(offers(scene.after(45))) == 2  # less than 1.5 each time
    scene.now += 29
    assert offers(scene.call("c3")) == []
    scene.now += 1
    assert offers(scene.call("c4")) == ["c4"]


def test_an_offer_to_who_has_gone_blocks_no_other() -> None:
    scene = busy(1, outstanding_per_busy=1)
    scene.call("c1")
    assert offers(scene.after(45)) == ["c1"]
    scene.hang_up("c1")
    scene.call("c2")
    assert offers(scene.after(45)) == ["c2"]
    scene.do(cmd.LeaveQueue(call_id="c2", outcome="voicemail"))
    scene.call("older")
    scene.now += 60
    assert offers(scene.call("c3")) == ["c3"]


def test_nobody_is_offered_one_where_there_are_no_rules_or_nobody_works() -> None:
    scene = Scene(a="app")
    scene.call("c1")
    assert scene.after(100) == []
    scene = Scene(floor=floor(), a="app")
    scene.call("c1")
    assert scene.after(100) == []


def test_who_has_not_been_offered_one_cannot_accept_it() -> None:
    scene = busy()
    scene.call("c1")
    refused = scene.refused(cmd.AcceptCallback(call_id="c1", callback_id="back"))
    assert refused.reason == "no-callback-offered"
    scene.after(45)
    taken = scene.refused(cmd.AcceptCallback(call_id="c1", callback_id="talk a0"))
    assert taken.reason == "known-call"


# -- accepted --------------------------------------------------------------------------------------


def test_who_accepts_is_promised_a_call_and_his_own_ends() -> None:
    scene = busy()
    scene.call("c1", person="anna")
    arrived = scene.now
    scene.after(45)
    made = accept(scene, "c1")
    assert (made.origin, made.mode, made.place) == ("requested", "defer", arrived)
    assert made.promise_due == scene.now + RULES.promise_s
    assert (scene.of("c1").outcome, scene.of("c1.back").state) == ("callback", "queued")
    assert counts(scene) == {"made": 1, "kept": 0, "late": 0, "dropped": 0}


def test_in_keep_mode_it_is_called_in_its_turn_at_its_place() -> None:
    scene = busy(mode="keep")
    scene.call("c1")
    scene.after(45)
    accept(scene, "c1")
    scene.call("c2")
    scene.after(20)
    scene.hang_up("talk a0")
    assert scene.offered() == {"a0": "c1.back"}
    dialled = only(scene.answer("a0"), ev.DialRequested)
    assert dialled.call_id == "c1.back"
    assert counts(scene)["kept"] == 1


def test_a_deferred_one_waits_for_agents_to_spare() -> None:
    scene = busy(spare=3, idle_min=3)
    scene.call("c1")
    scene.after(45)
    accept(scene, "c1")
    scene.ready("b0", "b1")
    assert scene.offered() == {}
    back = scene.of("c1.back")
    assert why_waiting(back, scene.floor.agents["b0"], scene.floor) == "callback"
    scene.ready("b2")
    assert list(scene.offered().values()) == ["c1.back"]
    assert scene.decision().match.rule == "callback"


def test_a_deferred_one_is_not_made_while_a_live_caller_waits_for_the_agent() -> None:
    scene = busy(idle_min=1)
    scene.call("c1")
    scene.after(45)
    accept(scene, "c1")
    scene.call("live")
    scene.hang_up("talk a0")
    assert scene.offered() == {"a0": "live"}
    scene.hang_up("live")
    assert scene.offered() == {"a0": "c1.back"}


def test_when_its_promise_is_due_it_waits_at_its_place_in_the_queue() -> None:
    scene = busy(idle_min=9, promise_s=600)
    scene.call("older")
    scene.now += 1
    scene.call("c1")
    scene.after(45)
    accept(scene, "c1")
    scene.call("younger")
    assert "CallbackDue" not in kinds(scene.after(599))
    assert "CallbackDue" in kinds(scene.after(1))
    served = []
    scene.hang_up("talk a0")
    while (call := scene.offered().get("a0")) is not None:
        served.append(call)
        scene.do(cmd.LeaveQueue(call_id=call, outcome="overflow")) if call != "c1.back" else None
        if call == "c1.back":
            scene.do(cmd.CancelCallback(call_id=call))
    assert served == ["older", "c1.back", "younger"]


# -- one a person ----------------------------------------------------------------------------------


def test_a_person_is_called_back_once_however_often_he_asks() -> None:
    scene = busy(4)
    scene.callback("back", person="anna", mode="defer")
    assert scene.refused(
        cmd.RequestCallback(
            call_id="again", pbx="p", line="1", queue="q", skills={}, priority="cash", person="anna"
        )
    ).reason == "known-person"  # fmt: skip


def test_who_calls_himself_need_not_be_called_back() -> None:
    scene = busy()
    scene.callback("back", person="anna")
    scene.call("c1", person="anna")
    assert (scene.of("back").state, scene.of("back").outcome) == ("ended", "closed")
    assert counts(scene)["dropped"] == 1
    assert scene.floor.promises.outstanding == 0


def test_a_callback_may_be_cancelled_until_the_person_is_called() -> None:
    scene = busy(spare=1, idle_min=1)
    scene.callback("back")
    assert scene.refused(cmd.CancelCallback(call_id="talk a0")).reason == "not-a-callback"
    scene.ready("b0")
    assert scene.offered() == {"b0": "back"}
    scene.do(cmd.CancelCallback(call_id="back"))
    assert scene.state("b0") == ("ready", None)
    assert scene.do(cmd.CancelCallback(call_id="back")) == []
    scene.callback("second")
    scene.answer("b0")
    assert scene.refused(cmd.CancelCallback(call_id="second")).reason == "callback-begun"
