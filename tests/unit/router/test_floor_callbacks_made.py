"""Callbacks that are made: quiet hours, tries, promises kept or not, and those that nobody asked for."""

from typing import Any

import pytest
from floor_scene import Scene, kinds, only

from careline_router.domain import commands as cmd
from careline_router.domain import events as ev
from careline_router.domain.quiet import first_allowed
from careline_router.domain.specs import CallbackRules, FloorSpec

pytestmark = pytest.mark.unit

HOUR = 3600.0
NIGHT = ((21 * HOUR, 9 * HOUR),)


def scene_with(**rules: Any) -> Scene:
    """One agent is ready, and callbacks need no other idle."""
    rules = {"idle_min": 1, "retry_after_s": (600.0, 3600.0), **rules}
    scene = Scene(floor=FloorSpec(callbacks=CallbackRules(**rules)), a="app")
    scene.ready("a")
    return scene


def promises(scene: Scene) -> tuple[int, int, int, int]:
    (row,) = scene.floor.promises.figures()
    return row.made, row.kept, row.late, row.dropped


# -- calling -----------------------------------------------------------------------------------------


def test_first_the_agent_is_there_then_the_person_is_called_and_then_they_talk() -> None:
    scene = scene_with()
    scene.callback("back")
    assert kinds(scene.connect("back", "a")) == ["DialRequested"]
    assert scene.of("back").answered_at is None
    reached = only(scene.do(cmd.DialReached(call_id="back")), ev.DialEnded)
    assert reached.reached
    scene.now += 60
    scene.hang_up("back", by="caller")
    assert scene.of("back").outcome == "handled"
    assert scene.state("a") == ("wrap_up", None)


@pytest.mark.parametrize("how", ["told", "agent", "caller"])
def test_who_is_not_reached_is_tried_again_by_the_plan_and_the_agent_is_free(how: str) -> None:
    scene = scene_with()
    scene.callback("back")
    scene.connect("back", "a")
    if how == "told":
        scene.do(cmd.DialFailed(call_id="back", cause="no_answer"))
    else:
        scene.hang_up("back", by=how)
    assert scene.state("a") == ("ready", None)
    assert (scene.of("back").state, scene.offered()) == ("queued", {})
    scene.after(599)
    assert scene.offered() == {}
    scene.after(1)
    assert scene.offered() == {"a": "back"}


def test_after_the_last_try_of_the_plan_a_callback_is_lost() -> None:
    scene = scene_with(retry_after_s=(10.0,))
    scene.callback("back")
    for _ in range(2):
        scene.connect("back", "a")
        scene.do(cmd.DialFailed(call_id="back", cause="busy"))
        scene.after(10)
    assert scene.of("back").outcome == "lost"
    assert scene.do(cmd.DialFailed(call_id="back", cause="busy")) == []
    assert scene.do(cmd.DialReached(call_id="back")) == []
    assert scene.state("a") == ("ready", None)
    assert "person of back" not in scene.floor.callback_of


def test_facts_about_a_call_that_is_not_being_made_have_no_effect() -> None:
    scene = scene_with()
    scene.callback("back")
    for fact in (
        cmd.DialReached(call_id="back"), cmd.DialFailed(call_id="back", cause="busy"),
    ):  # fmt: skip
        assert scene.do(fact) == []
    scene.connect("back", "a")
    scene.do(cmd.DialReached(call_id="back"))
    assert scene.do(cmd.DialReached(call_id="back")) == []
    assert scene.do(cmd.DialFailed(call_id="back", cause="busy")) == []
    assert scene.refused(cmd.DialReached(call_id="nobody")).reason == "unknown-call"


# -- promises ----------------------------------------------------------------------------------------


def test_a_promise_is_kept_by_the_first_try_in_time_and_late_after_it() -> None:
    scene = scene_with(promise_s=600)
    scene.callback("kept")
    scene.connect("kept", "a")
    scene.do(cmd.DialFailed(call_id="kept", cause="busy"))
    assert promises(scene) == (1, 1, 0, 0)
    scene.do(cmd.CancelCallback(call_id="kept"))
    assert promises(scene) == (1, 1, 0, 0)
    scene.do(cmd.SetNotReady(agent_id="a", reason="r"))
    scene.callback("late")
    scene.after(601)
    scene.do(cmd.SetReady(agent_id="a"))
    scene.connect("late", "a")
    assert promises(scene) == (2, 1, 1, 0)
    assert scene.floor.promises.outstanding == 0


def test_a_promise_whose_callback_ends_before_any_try_is_dropped() -> None:
    scene = scene_with(idle_min=5)
    scene.callback("back")
    assert scene.floor.promises.outstanding == 1
    scene.do(cmd.CancelCallback(call_id="back"))
    assert promises(scene) == (1, 0, 0, 1)
    assert scene.floor.promises.outstanding == 0


# -- hours in which nobody is called -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("local_hour", "spans", "allowed_hour"),
    [
        (12, NIGHT, 12),
        (21, NIGHT, 33),
        (23, NIGHT, 33),
        (3, NIGHT, 9),
        (9, NIGHT, 9),
        (12, ((11 * HOUR, 13 * HOUR), (13 * HOUR, 15 * HOUR)), 15),
        (12, ((0.0, 13 * HOUR), (13 * HOUR, 0.0)), 12),
        (12, (), 12),
    ],
)
def test_the_first_moment_in_which_somebody_may_be_called(
    local_hour: float, spans: Any, allowed_hour: float
) -> None:
    zone = 3 * HOUR
    day = 20_000 * 24 * HOUR - zone
    found = first_allowed(day + local_hour * HOUR, spans, zone)
    assert found == day + allowed_hour * HOUR


def test_who_is_to_be_called_at_night_is_called_in_the_morning_and_promised_so() -> None:
    scene = scene_with(quiet=NIGHT, promise_s=1800)
    scene.at(22 * HOUR)
    made = only(scene.callback("back", utc_offset_s=0), ev.CallbackMade)
    assert (made.not_before, made.promise_due) == (33 * HOUR, 33 * HOUR + 1800)
    scene.at(33 * HOUR - 1)
    assert scene.offered() == {}
    scene.at(33 * HOUR)
    assert scene.offered() == {"a": "back"}


def test_a_try_that_would_fall_into_the_night_waits_for_the_morning() -> None:
    scene = scene_with(quiet=NIGHT, retry_after_s=(HOUR,))
    scene.at(20.5 * HOUR)
    scene.callback("back", utc_offset_s=0)
    scene.connect("back", "a")
    failed = only(scene.do(cmd.DialFailed(call_id="back", cause="busy")), ev.DialEnded)
    assert failed.not_before == 33 * HOUR


def test_a_callback_may_be_wanted_for_later() -> None:
    scene = scene_with()
    scene.callback("back", not_before=scene.now + 100, mode="keep")
    scene.after(99)
    assert scene.offered() == {}
    scene.after(1)
    assert scene.offered() == {"a": "back"}


# -- who did not ask ---------------------------------------------------------------------------------


def test_who_gave_up_waiting_is_called_back_without_a_promise_if_the_rules_say_so() -> None:
    scene = scene_with(abandoned=True, short_abandon_s=5)
    scene.do(cmd.SetNotReady(agent_id="a", reason="r"))
    scene.call("short", person="anna")
    scene.after(4)
    scene.hang_up("short")
    scene.call("nameless")
    scene.call("c1", person="boris")
    arrived = scene.now
    scene.after(5)
    scene.hang_up("nameless")
    made = only(scene.hang_up("c1"), ev.CallbackMade)
    assert (made.origin, made.mode, made.place) == ("abandoned", "defer", arrived)
    assert made.promise_due is None
    assert scene.floor.promises.outstanding == 0
    assert list(scene.floor.callback_of) == ["boris"]


def test_who_called_a_closed_line_is_called_back_if_the_rules_say_so() -> None:
    scene = scene_with(missed=True, idle_min=9)
    for name, person in (("c1", "anna"), ("c2", "anna"), ("c3", None)):
        scene.do(cmd.RegisterCall(call_id=name, pbx="p", pbx_call_id=name, line="1"))
        scene.do(cmd.CloseCall(call_id=name, outcome="closed", media="m", person=person, queue="q"))
    assert {name for name, call in scene.floor.calls.items() if call.callback} == {"c1.callback"}
    assert scene.of("c1.callback").callback.origin == "missed"  # type: ignore[union-attr]


def test_without_such_rules_nobody_is_called_who_did_not_ask() -> None:
    scene = scene_with()
    scene.do(cmd.SetNotReady(agent_id="a", reason="r"))
    scene.call("c1", person="anna")
    scene.after(50)
    scene.hang_up("c1")
    scene.do(cmd.RegisterCall(call_id="c2", pbx="p", pbx_call_id="c2", line="1"))
    scene.do(cmd.CloseCall(call_id="c2", outcome="closed", media="m", person="anna", queue="q"))
    assert not scene.floor.callback_of
