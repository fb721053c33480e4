"""Plays a day that has been once more on the floor engine: the same callers, agents and phones, under
another policy, roster or configuration.

As in `runner`, everything is a command to `Floor.handle`, and nothing here chooses anybody. Agents do
what they did when they did it; an offer made to one at a time when he took none is not taken.
"""

import heapq
import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from careline_router.domain import commands as cmd
from careline_router.domain import events as ev
from careline_router.domain.floor import Floor
from careline_router.domain.skills import BEST_LEVEL
from careline_router.domain.specs import AgentSpec, QueueSpec
from careline_router.domain.states import Rejected
from careline_router.domain.words import FailureCause, OfferEnd, Party
from careline_router.simulation.past import PastAgent, PastDay, Refusal
from careline_router.simulation.policies import Contender
from careline_router.simulation.record import DayRecord
from careline_router.simulation.recorder import Recorder

NEVER_S = 1e7
"""Longer than a day: offers and wrap-ups end when those of the day did, not by a timer."""
AT_WORK = frozenset({"reserved", "talking", "wrap_up"})
WENT_AWAY: frozenset[OfferEnd] = frozenset({"abandoned", "withdrawn", "lost"})
"""The caller did, or the leg, before the agent had answered."""
CAUSES: dict[OfferEnd, FailureCause] = {"busy": "busy", "unreachable": "unreachable"}

# What the heap holds besides its time; at equal times the lower comes first.
_ACT, _GIVE_UP, _ANSWER, _REFUSE, _HANG_UP, _WRAPPED, _DIAL_ENDS, _END = range(8)


def replay(day: PastDay, contender: Contender | None = None) -> DayRecord:
    """The record of a day whose calls are complete, under its own policy when `contender` is None."""
    played = _Replay(day, contender)
    played.open()
    return played.play()


class _Replay:
    """One day under way. Times are seconds from the window's origin."""

    def __init__(self, day: PastDay, contender: Contender | None) -> None:
        self._day, self._contender = day, contender
        self._floor = Floor()
        self._recorder = Recorder(day)
        self._calls = day.calls
        self._refusals: dict[str, list[Refusal]] = {
            agent.id: list(agent.refusals) for agent in day.agents
        }
        self._late: dict[str, cmd.Command] = {}
        """By agent, what he does when he is done with his work."""
        self._ends: dict[str, float] = {}
        """When talks end, by call."""
        self._left_s: dict[str, float] = {}
        """What is left of talks that were interrupted."""
        self._heap: list[tuple[float, int, int, Any]] = []
        self._pushed = 0
        self._wanted: dict[type[ev.Event], Callable[[Any, float], None]] = {
            ev.OfferMade: self._offered,
            ev.CallConnected: self._connected,
            ev.WorkInterrupted: self._interrupted,
            ev.WorkResumed: self._resumed,
            ev.CallEnded: self._ended,
            ev.CallbackOffered: self._callback_offered,
            ev.DialRequested: self._dial,
            ev.DialEnded: self._dial_ended,
            ev.AgentStateChanged: self._agent_changed,
        }

    # -- the course of the day -----------------------------------------------------------------

    def open(self) -> None:
        day = self._day
        self._tell(cmd.ConfigureFloor(floor=day.floor), 0.0)
        self._tell(cmd.ConfigureQueues(queues=tuple(day.queues.values())), 0.0)
        self._tell(cmd.ConfigureAgents(agents=tuple(day.agent_specs.values())), 0.0)
        acts = [act for agent in day.agents for act in agent.acts]
        for at, _, command in sorted((*day.changes, *acts), key=lambda act: act[:2]):
            self._push(at, _ACT, command)
        self._push(day.stop, _END, None)

    def play(self) -> DayRecord:
        """Until the end the earliest of: next call, next thing on the list, next timer."""
        heap, calls, tick = self._heap, self._calls, cmd.Tick()
        happenings = (
            self._act, self._give_up, self._answer, self._refuse, self._hang_up, self._wrapped,
            self._dial_ends,
        )  # fmt: skip
        number, last = 0, len(calls)
        while True:
            at = heap[0][0]
            arrives = calls[number].at if number < last else math.inf
            due = self._floor.next_timer()
            if due is not None and due <= at and due <= arrives:
                self._tell(tick, due)
            elif arrives < at:
                self._arrive(number, arrives)
                number += 1
            else:
                _, kind, _, subject = heapq.heappop(heap)
                if kind == _END:
                    return self._recorder.close(at)
                happenings[kind](subject, at)

    def _push(self, at: float, kind: int, subject: Any) -> None:
        self._pushed += 1
        heapq.heappush(self._heap, (at, kind, self._pushed, subject))

    def _tell(self, command: cmd.Command, now: float) -> None:
        """Has the floor do it; what is not legal on this day, which is another, does not happen."""
        try:
            events = self._floor.handle(self._as_played(command), now)
            self._floor.take_decisions()  # nobody reads them here; kept, they would grow all day
        except Rejected:
            return
        for event in events:
            self._recorder.see(event, now)
            wanted = self._wanted.get(type(event))
            if wanted is not None:
                wanted(event, now)

    def _as_played(self, command: cmd.Command) -> cmd.Command:
        """Configuration as this day is to be played with it."""
        contender = self._contender
        match command:
            case cmd.ConfigureQueues(queues=queues):
                return cmd.ConfigureQueues(queues=tuple(map(_without_timers, queues)))
            case cmd.ConfigureFloor(floor=floor) if contender is not None:
                callbacks = contender.callbacks or floor.callbacks
                return cmd.ConfigureFloor(
                    floor=replace(floor, policy=contender.policy, callbacks=callbacks)
                )
            case cmd.ConfigureAgents(agents=agents) if contender is not None and contender.pooled:
                return cmd.ConfigureAgents(agents=_pooled(agents, self._day.agent_specs.values()))
            case _:
                return command

    # -- callers -------------------------------------------------------------------------------

    def _arrive(self, number: int, now: float) -> None:
        call = self._calls[number]
        if isinstance(call.request, cmd.QueueCall):
            announced = cmd.RegisterCall(
                call_id=call.id, pbx="replay", pbx_call_id=call.id, line=call.line, kind=call.kind
            )
            self._tell(announced, now)
        self._tell(call.request, now)
        if call.patience_s is not None and call.patience_s < math.inf:
            self._push(call.at + call.patience_s, _GIVE_UP, number)

    def _give_up(self, number: int, now: float) -> None:
        call = self._calls[number]
        waiting = self._floor.calls.get(call.id)
        if waiting is not None and waiting.state in {"queued", "offered"}:
            by: Party = "system" if call.ending == "removed" else "caller"
            self._tell(cmd.HangUp(call_id=call.id, by=by), now)

    # -- offers and talks ----------------------------------------------------------------------

    def _offered(self, event: ev.OfferMade, now: float) -> None:
        rings = self._calls[self._recorder.number_of(event.call_id)].answer_s or 0.0
        refusal = self._refusal(event.agent_id, now)
        if refusal is not None:
            took_none_s = refusal.until - refusal.start
            if refusal.end not in WENT_AWAY:
                self._push(now + took_none_s, _REFUSE, (event, refusal.end))
                return
            rings += took_none_s
        if rings > 0:
            self._push(now + rings, _ANSWER, event.offer_id)
        else:
            self._answer(event.offer_id, now)

    def _refusal(self, agent_id: str, now: float) -> Refusal | None:
        """What the agent did with an offer at this time; he does it once."""
        refusals = self._refusals.get(agent_id, [])
        for place, refusal in enumerate(refusals):
            if refusal.start == now or refusal.start <= now < refusal.until:
                return refusals.pop(place)
        return None

    def _answer(self, offer_id: str, now: float) -> None:
        self._tell(cmd.PhoneAnswered(offer_id=offer_id), now)

    def _refuse(self, refused: tuple[ev.OfferMade, OfferEnd], now: float) -> None:
        offer, end = refused
        if end == "rejected":
            self._tell(cmd.RejectOffer(agent_id=offer.agent_id, offer_id=offer.offer_id), now)
        else:
            cause = CAUSES.get(end, "no_answer")
            self._tell(cmd.OfferFailed(offer_id=offer.offer_id, cause=cause), now)

    def _connected(self, event: ev.CallConnected, now: float) -> None:
        self._talk(event.call_id, now)

    def _talk(self, call_id: str, now: float) -> None:
        talk_s = self._calls[self._recorder.number_of(call_id)].talk_s or 0.0
        self._until(call_id, now + self._left_s.pop(call_id, talk_s))

    def _until(self, call_id: str, ends: float) -> None:
        self._ends[call_id] = ends
        self._push(ends, _HANG_UP, call_id)

    def _interrupted(self, event: ev.WorkInterrupted, now: float) -> None:
        self._left_s[event.call_id] = self._ends.pop(event.call_id, now) - now

    def _resumed(self, event: ev.WorkResumed, now: float) -> None:
        self._talk(event.call_id, now)

    def _hang_up(self, call_id: str, now: float) -> None:
        if self._ends.get(call_id) == now:
            del self._ends[call_id]
            self._tell(cmd.HangUp(call_id=call_id, by="caller"), now)

    def _ended(self, event: ev.CallEnded, now: float) -> None:
        if event.agent_id is None:
            return
        done = cmd.CompleteWrapUp(agent_id=event.agent_id, call_id=event.call_id)
        wrap_up_s = self._calls[self._recorder.number_of(event.call_id)].wrap_up_s or 0.0
        self._push(now + wrap_up_s, _WRAPPED, done)

    def _wrapped(self, done: cmd.CompleteWrapUp, now: float) -> None:
        self._tell(done, now)

    # -- callbacks -----------------------------------------------------------------------------

    def _callback_offered(self, event: ev.CallbackOffered, now: float) -> None:
        if self._calls[self._recorder.number_of(event.call_id)].accepts:
            made = f"{event.call_id}.accepted"
            self._tell(cmd.AcceptCallback(call_id=event.call_id, callback_id=made), now)

    def _dial(self, event: ev.DialRequested, now: float) -> None:
        takes = self._calls[self._recorder.number_of(event.call_id)].dial_s or 0.0
        self._push(now + takes, _DIAL_ENDS, event.call_id)

    def _dial_ends(self, call_id: str, now: float) -> None:
        ends: cmd.Command = cmd.DialReached(call_id=call_id)
        if not self._calls[self._recorder.number_of(call_id)].reached:
            ends = cmd.DialFailed(call_id=call_id, cause="no_answer")
        self._tell(ends, now)

    def _dial_ended(self, event: ev.DialEnded, now: float) -> None:
        if event.reached:
            self._talk(event.call_id, now)

    # -- agents --------------------------------------------------------------------------------

    def _act(self, command: cmd.Command, now: float) -> None:
        """What somebody did. An agent who is at another call than he was then does it after that."""
        match command:
            case cmd.LogOut(agent_id=agent_id) if self._is_at_work(agent_id):
                self._late[agent_id] = command
                command = cmd.SetNotReady(agent_id=agent_id, reason="logged_out")
            case cmd.SetReady(agent_id=agent_id):
                self._late.pop(agent_id, None)
                agent = self._floor.agents.get(agent_id)
                if agent is not None and agent.state == "wrap_up":
                    if agent.rests_after is not None:
                        self._late[agent_id] = command
                    return
                if agent is not None and agent.state == "logged_out":
                    self._tell(cmd.LogIn(agent_id=agent_id, endpoint="replay"), now)
        self._tell(command, now)

    def _is_at_work(self, agent_id: str) -> bool:
        agent = self._floor.agents.get(agent_id)
        return agent is not None and agent.state in AT_WORK

    def _agent_changed(self, event: ev.AgentStateChanged, now: float) -> None:
        if event.state == "not_ready" and event.agent_id in self._late:
            self._tell(self._late.pop(event.agent_id), now)


def _without_timers(queue: QueueSpec) -> QueueSpec:
    return replace(queue, offer_timeout_s=NEVER_S, ring_timeout_s=NEVER_S, wrap_up_s=NEVER_S)


def _pooled(agents: Iterable[AgentSpec], everybody: Iterable[AgentSpec]) -> tuple[AgentSpec, ...]:
    """The agents, each with every skill that anybody has."""
    skills = {skill: BEST_LEVEL for one in everybody for skill in one.skills}
    return tuple(replace(agent, skills=skills) for agent in agents)


def without_agents(day: PastDay, names: Iterable[str]) -> PastDay:
    """The day as it would have been had these agents not come."""
    away = frozenset(names)
    return replace(
        day, agents=tuple(_stays_away(one) if one.id in away else one for one in day.agents)
    )


def _stays_away(agent: PastAgent) -> PastAgent:
    return PastAgent(id=agent.id, acts=(), refusals=(), presence=())
