"""The table of states holds: a floor is driven through every cell."""

from collections.abc import Callable, Mapping
from typing import Any, get_args

import pytest
from floor_scene import QUEUE, Scene

from careline_router.domain import commands as cmd
from careline_router.domain import transitions as table
from careline_router.domain.offering import STATE_COMMANDS
from careline_router.domain.specs import CallbackRules, FloorSpec, QueueSpec
from careline_router.domain.states import Rejected
from careline_router.domain.words import CALL_STATES

pytestmark = pytest.mark.unit

Stimulus = Callable[[Scene], object]
RULES = CallbackRules(idle_min=1, retry_after_s=(7200.0,))
OFFER = "c1.1"


def scene_of_one() -> Scene:
    """Agent a, and nobody else."""
    queues = (QUEUE, QueueSpec(id="other"))
    return Scene(queues=queues, floor=FloorSpec(callbacks=RULES, presence_grace_s=5), a="app")


# -- calls -------------------------------------------------------------------------------------------


def call_in(state: str) -> Scene:
    scene = scene_of_one()
    if state == "unknown":
        return scene
    scene.do(cmd.RegisterCall(call_id="c1", pbx="p", pbx_call_id="c1", line="1"))
    if state == "arrived":
        return scene
    if state == "self_service":
        ask_caller(scene)
        return scene
    if state != "queued":
        scene.ready("a")
    scene.do(cmd.QueueCall(call_id="c1", queue="q", skills={"x": 1}, priority="insured"))
    if state == "queued":
        scene.of("c1").callback_offered_at = scene.now
    if state in {"connected", "ended"}:
        scene.connect("c1", "a")
    if state == "ended":
        scene.hang_up("c1")
    return scene


def ask_caller(scene: Scene) -> object:
    return scene.do(cmd.AskCaller(call_id="c1", node="menu", media=("m",), wait_s=8))


def an_agent_is_idle(scene: Scene) -> None:
    if scene.state("a")[0] == "logged_out":
        scene.ready("a")


def offer_timed_out(scene: Scene) -> None:
    if scene.floor.offers:
        scene.after(QUEUE.offer_timeout_s)


def queue(scene: Scene) -> object:
    return scene.do(cmd.QueueCall(call_id="c1", queue="q", skills={"x": 1}, priority="insured"))


OF_CALLS: Mapping[table.CallStimulus, Stimulus] = {
    "register": lambda s: s.do(cmd.RegisterCall(call_id="c1", pbx="p", pbx_call_id="c1", line="1")),
    "ask": ask_caller,
    "queue": queue,
    "close": lambda s: s.do(cmd.CloseCall(call_id="c1", outcome="closed", media="m")),
    "an agent is idle": an_agent_is_idle,
    "move": lambda s: s.do(cmd.Move(call_id="c1", queue="other", skills={"z": 1})),
    "set priority": lambda s: s.do(cmd.SetPriority(call_id="c1", priority="vip")),
    "leave queue": lambda s: s.do(cmd.LeaveQueue(call_id="c1", outcome="voicemail")),
    "accept callback": lambda s: s.do(cmd.AcceptCallback(call_id="c1", callback_id="back")),
    "phone answered": lambda s: s.do(cmd.PhoneAnswered(offer_id=OFFER)),
    "offer rejected": lambda s: s.do(cmd.RejectOffer(agent_id="a", offer_id=OFFER)),
    "offer failed": lambda s: s.do(cmd.OfferFailed(offer_id=OFFER, cause="busy")),
    "offer lost": lambda s: s.do(cmd.OfferFailed(offer_id=OFFER, cause="lost")),
    "offer timed out": offer_timed_out,
    "caller hangs up": lambda s: s.hang_up("c1"),
    "agent hangs up": lambda s: s.hang_up("c1", by="agent"),
    "agent's phone drops": lambda s: s.hang_up("c1", by="agent", cause="dropped"),
    "digits": lambda s: s.do(cmd.Digits(call_id="c1", digits="1")),
    "control": lambda s: s.do(cmd.ControlTalk(call_id="c1", kind="hold")),
    "complete wrap-up": lambda s: s.do(cmd.CompleteWrapUp(agent_id="a", call_id="c1")),
    "time for keys ends": lambda s: s.after(9),
    "an hour passes": lambda s: s.after(3700),
}


def state_of_call(scene: Scene) -> str:
    call = scene.floor.calls.get("c1")
    if call is None:
        return "unknown"
    return "dialling" if call.callback is not None and call.callback.dialling else call.state


# -- callbacks ---------------------------------------------------------------------------------------


def ask(scene: Scene) -> object:
    """Once more under another id where the first is known."""
    name = "c1" if "c1" not in scene.floor.calls else "c2"
    return scene.callback(name, person="anna")


def callback_in(state: str) -> Scene:
    scene = scene_of_one()
    if state == "unknown":
        return scene
    if state != "queued":
        scene.ready("a")
    ask(scene)
    if state in {"dialling", "connected", "ended"}:
        scene.connect("c1", "a")
    if state in {"connected", "ended"}:
        scene.do(cmd.DialReached(call_id="c1"))
    if state == "ended":
        scene.hang_up("c1")
    return scene


def tries_used_up(scene: Scene) -> object:
    call = scene.floor.calls.get("c1")
    if call is not None and call.callback is not None:
        call.callback.attempts += 1
    return scene.do(cmd.DialFailed(call_id="c1", cause="busy"))


OF_CALLBACKS: Mapping[table.CallbackStimulus, Stimulus] = {
    "request": ask,
    "an agent is idle": an_agent_is_idle,
    "phone answered": lambda s: s.do(cmd.PhoneAnswered(offer_id=OFFER)),
    "person reached": lambda s: s.do(cmd.DialReached(call_id="c1")),
    "person not reached": lambda s: s.do(cmd.DialFailed(call_id="c1", cause="busy")),
    "tries used up": tries_used_up,
    "agent hangs up": lambda s: s.hang_up("c1", by="agent"),
    "caller hangs up": lambda s: s.hang_up("c1"),
    "cancel": lambda s: s.do(cmd.CancelCallback(call_id="c1")),
    "he calls himself": lambda s: s.call("self", person="anna", skills={"z": 9}),
}


# -- agents ------------------------------------------------------------------------------------------


def agent_in(state: str) -> Scene:
    scene = scene_of_one()
    if state == "logged_out":
        scene.call("c1", skills={"z": 1})  # a call that is not for him
    elif state == "not_ready":
        scene.do(cmd.LogIn(agent_id="a"))
        scene.call("c1", skills={"z": 1})
    else:
        scene.ready("a")
        scene.call("c1", skills={"z" if state == "ready" else "x": 1})
        if state in {"talking", "wrap_up"}:
            scene.connect("c1", "a")
        if state == "wrap_up":
            scene.hang_up("c1")
    assert scene.state("a")[0] == state
    return scene


def hang_up_if_connected(scene: Scene, cause: str | None = None) -> None:
    if scene.of("c1").state == "connected":
        scene.hang_up("c1", by="agent", cause=cause)


def wrap_up_ends(scene: Scene) -> None:
    if scene.state("a")[0] == "wrap_up":
        scene.after(QUEUE.wrap_up_s)


def desk_stays_away(scene: Scene) -> None:
    scene.do(cmd.SetPresence(came=("a",)))
    scene.do(cmd.SetPresence(left=("a",)))
    scene.after(5)


OF_AGENTS: Mapping[table.AgentStimulus, Stimulus] = {
    "log in": lambda s: s.do(cmd.LogIn(agent_id="a")),
    "log out": lambda s: s.do(cmd.LogOut(agent_id="a")),
    "set ready": lambda s: s.do(cmd.SetReady(agent_id="a")),
    "set not ready": lambda s: s.do(cmd.SetNotReady(agent_id="a", reason="lunch")),
    "a call waits": lambda s: s.call("c2"),
    "accept": lambda s: s.do(cmd.AcceptOffer(agent_id="a", offer_id=OFFER)),
    "reject": lambda s: s.do(cmd.RejectOffer(agent_id="a", offer_id=OFFER)),
    "phone answered": lambda s: s.do(cmd.PhoneAnswered(offer_id=OFFER)),
    "offer failed": lambda s: s.do(cmd.OfferFailed(offer_id=OFFER, cause="busy")),
    "offer lost": lambda s: s.do(cmd.OfferFailed(offer_id=OFFER, cause="lost")),
    "offer timed out": offer_timed_out,
    "caller hangs up": lambda s: s.hang_up("c1"),
    "agent hangs up": hang_up_if_connected,
    "his phone drops": lambda s: hang_up_if_connected(s, "dropped"),
    "complete wrap-up": lambda s: s.do(cmd.CompleteWrapUp(agent_id="a", call_id="c1")),
    "extend wrap-up": lambda s: s.do(cmd.ExtendWrapUp(agent_id="a", seconds=5)),
    "wrap-up ends": wrap_up_ends,
    "his desk stays away": desk_stays_away,
}


# -- every cell --------------------------------------------------------------------------------------


def cells(rows: Mapping[Any, tuple[table.Cell, ...]], columns: tuple[str, ...]) -> list[Any]:
    return [
        pytest.param(stimulus, state, cell, id=f"{stimulus}-{state}")
        for stimulus, row in rows.items()
        for state, cell in zip(columns, row, strict=True)
    ]


def holds(scene: Scene, apply: Stimulus, state: Callable[[Scene], str], cell: table.Cell) -> None:
    before = state(scene)
    if isinstance(cell, table.Refused):
        with pytest.raises(Rejected) as caught:
            apply(scene)
        assert (caught.value.reason, state(scene)) == (cell.reason, before)
        return
    apply(scene)
    if cell == table.LATER:
        assert scene.floor.agents["a"].rests_after in {"lunch", "disconnected"}
    assert state(scene) == (before if cell in {table.SAME, table.LATER} else cell)


@pytest.mark.parametrize(("stimulus", "state", "cell"), cells(table.CALLS, table.CALL_COLUMNS))
def test_a_call(stimulus: table.CallStimulus, state: str, cell: table.Cell) -> None:
    holds(call_in(state), OF_CALLS[stimulus], state_of_call, cell)


@pytest.mark.parametrize(
    ("stimulus", "state", "cell"), cells(table.CALLBACKS, table.CALLBACK_COLUMNS)
)
def test_a_callback(stimulus: table.CallbackStimulus, state: str, cell: table.Cell) -> None:
    def found(scene: Scene) -> str:
        again = "c2" in scene.floor.calls
        return scene.of("c2").state if again else state_of_call(scene)

    scene = callback_in(state)
    if cell == "queued" and stimulus == "request":  # nobody takes it at once
        scene.do(cmd.SetNotReady(agent_id="a", reason="r")) if state != "unknown" else None
    holds(scene, OF_CALLBACKS[stimulus], found, cell)


@pytest.mark.parametrize(("stimulus", "state", "cell"), cells(table.AGENTS, table.AGENT_COLUMNS))
def test_an_agent(stimulus: table.AgentStimulus, state: str, cell: table.Cell) -> None:
    holds(agent_in(state), OF_AGENTS[stimulus], lambda scene: scene.state("a")[0], cell)


def test_the_table_is_whole() -> None:
    assert set(table.CALLS) == set(get_args(table.CallStimulus)) == set(OF_CALLS)
    assert set(table.CALLBACKS) == set(get_args(table.CallbackStimulus)) == set(OF_CALLBACKS)
    assert set(table.AGENTS) == set(get_args(table.AgentStimulus)) == set(OF_AGENTS)
    assert {*table.CALL_COLUMNS} == {*CALL_STATES, "unknown"}


def test_what_an_agent_is_told_he_may_do_is_not_refused() -> None:
    named = {"log_in": "log in", "set_ready": "set ready", "set_not_ready": "set not ready",
             "log_out": "log out", "accept": "accept", "reject": "reject",
             "wrap_up": "complete wrap-up"}  # fmt: skip
    for state, allowed in STATE_COMMANDS.items():
        column = table.AGENT_COLUMNS.index(state)
        for command in allowed:
            row = table.AGENTS[named[command]]  # type: ignore[index]
            assert not isinstance(row[column], table.Refused), (state, command)
