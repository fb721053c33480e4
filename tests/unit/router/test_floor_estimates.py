"""Estimates of the wait: how good they were, and what a caller is told of them."""

import pytest
from floor_scene import Scene, agent, only

from careline_router.domain import commands as cmd
from careline_router.domain import events as ev
from careline_router.domain.estimates import Estimates
from careline_router.domain.specs import CallbackRules, FloorSpec, QueueSpec
from careline_router.domain.work import OfferWork
from careline_router.waits import estimate_of

pytestmark = pytest.mark.unit


def after(pairs: list[tuple[float, float]]) -> Estimates:
    estimates = Estimates()
    for estimate, wait in pairs:
        estimates.came_true("q", estimate, wait)
    return estimates


def test_the_estimate_is_the_wait_of_who_stands_first_else_of_who_was_answered_last() -> None:
    estimates = after([(5.0, 33.0)])
    assert estimates.estimate("q", 70.0) == 70.0
    assert estimates.estimate("q", None) == 33.0
    assert estimates.estimate("other", None) == 0.0


def test_errors_are_of_the_last_calls_that_waited() -> None:
    error = after([(10.0, 20.0), (40.0, 20.0), (20.0, 20.0)]).error("q")
    assert (error.n, error.mae_s, error.bias_s, error.trusted) == (3, 10.0, 10 / 3, False)
    assert error.p90_s == 20.0
    many = after([(0.0, 500.0)] * 50 + [(100.0, 100.0)] * 200).error("q")
    assert (many.n, many.mae_s) == (200, 0.0)


def test_nothing_is_known_of_a_queue_in_which_nobody_has_waited() -> None:
    error = Estimates().error("q")
    assert (error.n, error.mae_s, error.p90_s, error.bias_s, error.trusted) == (
        0, None, None, None, False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("pairs", "trusted"),
    [
        ([(20.0, 50.0)] * 29, False),
        ([(20.0, 50.0)] * 30, True),
        ([(0.0, 46.0)] * 30, False),
        ([(0.0, 45.0)] * 30, True),
        ([(300.0, 700.0)] * 30, True),
        ([(200.0, 700.0)] * 30, False),
    ],
)
def test_estimates_are_trusted_when_enough_of_them_were_near(
    pairs: list[tuple[float, float]], trusted: bool
) -> None:
    assert after(pairs).error("q").trusted is trusted
    assert (after(pairs).band("q", 10.0) is not None) is trusted


@pytest.mark.parametrize(
    ("estimate", "band"),
    [
        (0, (0, 60)), (59.9, (0, 60)), (60, (60, 180)), (299, (180, 300)), (599, (300, 600)),
        (600, (600, 1200)), (1200, (1200, None)), (9e9, (1200, None)),
    ],
)  # fmt: skip
def test_a_caller_is_told_a_band_and_never_a_position(
    estimate: float, band: tuple[float, float | None]
) -> None:
    assert after([(1.0, 1.0)] * 30).band("q", estimate) == band


def test_an_estimate_is_made_for_who_finds_nobody_idle_and_compared_with_his_wait() -> None:
    scene = Scene(a="app")
    idle = Scene(a="app")
    idle.ready("a")
    assert only(idle.call("c0"), ev.CallQueued).estimate_s is None
    assert only(scene.call("c1"), ev.CallQueued).estimate_s == 0.0
    scene.now += 30
    assert only(scene.call("c2"), ev.CallQueued).estimate_s == 30.0
    assert only(scene.call("t1", kind="ticket"), ev.CallQueued).estimate_s is None
    scene.now += 10
    scene.ready("a")
    scene.connect("c2", "a")  # it is fresh, c1 is late already
    assert scene.floor.estimates.figures()[0].pairs == ((30.0, 11.0),)


def test_an_offer_of_a_callback_says_the_wait_only_when_it_can_be_trusted() -> None:
    queue = QueueSpec(id="q", wrap_up_s=0)
    rules = CallbackRules(outstanding_per_busy=9)
    for known, band in ((0, None), (40, (0.0, 60.0))):
        scene = Scene(agent("a"), queues=[queue], floor=FloorSpec(callbacks=rules))
        for _ in range(known):
            scene.floor.estimates.came_true("q", 10.0, 12.0)
        scene.ready("a")
        scene.call("talk")
        scene.connect("talk", "a")
        scene.call("c1")
        assert only(scene.after(45), ev.CallbackOffered).wait_band == band


def test_estimates_outlive_a_restart() -> None:
    scene = Scene(a="app")
    scene.call("c1")
    scene.now += 30
    scene.ready("a")
    scene.connect("c1", "a")
    again = type(scene.floor).restore(scene.floor.snapshot())
    assert again.estimates.error("q") == scene.floor.estimates.error("q")
    assert again.handle(cmd.Tick(), scene.now) == []


def test_the_last_wait_outlives_a_restart_though_nobody_estimated_it() -> None:
    estimates = Estimates()
    estimates.came_true("q", None, 33.0)
    assert Estimates(estimates.figures()).estimate("q", None) == 33.0


def test_an_appeal_that_waits_for_days_is_no_wait_that_a_caller_has_before_him() -> None:
    scene = Scene(a="app")
    for _ in range(50):
        scene.floor.estimates.came_true("q", 20.0, 20.0)
    nobody_waits = estimate_of(scene.floor, "q", 1_000)
    work = OfferWork(
        call_id="w", ticket_id="t", number=1, queue="q", skills={"x": 1}, priority="deferrable"
    )
    scene.do(work)
    assert estimate_of(scene.floor, "q", 1_000) == nobody_waits
    assert nobody_waits.band_s is not None
    scene.call("c1")
    assert estimate_of(scene.floor, "q", 1_000) != nobody_waits
