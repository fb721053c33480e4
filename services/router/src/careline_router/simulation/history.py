"""A real day out of the journal: its events, in order, to calls, agents and configuration.

What is known of a call is kept as it was. What nobody has seen (how long who was answered would have
waited) is left open for `drawing`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from careline_router.domain import commands as cmd
from careline_router.domain import events as ev
from careline_router.domain.specs import AgentSpec, FloorSpec, QueueSpec
from careline_router.domain.words import Kind
from careline_router.simulation.agent_history import AgentHistory
from careline_router.simulation.call_history import BEYOND_S, CallHistory, queued, to_call_back
from careline_router.simulation.past import Act, PastDay, Window
from careline_router.simulation.record import DayRecord
from careline_router.simulation.recorder import Recorder

AgentEvents = Callable[[AgentHistory, Any, float, int], None]
CallEvents = Callable[[CallHistory, float], None]

_OF_AGENTS: dict[type[ev.Event], AgentEvents] = {
    ev.AgentLoggedIn: AgentHistory.logged_in,
    ev.AgentStateChanged: AgentHistory.changed,
    ev.RestPlanned: AgentHistory.planned,
    ev.OfferMade: AgentHistory.offered,
    ev.OfferClosed: AgentHistory.offer_closed,
    ev.CallConnected: AgentHistory.took,
    ev.DialRequested: AgentHistory.took,
    ev.WorkResumed: AgentHistory.resumed,
}
_OF_CALLS: dict[type[ev.Event], CallEvents] = {
    ev.OfferMade: CallHistory.offered,
    ev.CallConnected: CallHistory.connected,
    ev.CallRequeued: CallHistory.requeued,
    ev.WorkInterrupted: CallHistory.paused,
    ev.WorkResumed: CallHistory.resumed,
    ev.DialRequested: CallHistory.dialled,
}


def read_day(events: Iterable[ev.Event], window: Window) -> tuple[PastDay, DayRecord]:
    """The day and its record as it was. `events` are the journal's, from `LEAD_S` before the window
    (those that configure the floor from the first on) to `READ_ON_S` after it."""
    reader = _Reader(window)
    of_the_day: list[tuple[float, ev.Event]] = []
    for event in events:
        now = max(event.at - window.origin, 0.0)
        if now >= window.start:
            reader.open()
            of_the_day.append((now, event))
        reader.see(event, now)
    reader.open()
    day = reader.close()
    recorder = Recorder(day)
    for now, event in of_the_day:
        if now > day.stop:
            break
        recorder.see(event, now)
    return day, recorder.close(day.stop)


@dataclass(slots=True)
class _Setup:
    """What the floor is told to be."""

    floor: FloorSpec | None = None
    queues: dict[str, QueueSpec] = field(default_factory=dict)
    agents: dict[str, AgentSpec] = field(default_factory=dict)

    def apply(self, command: cmd.Command) -> None:
        match command:
            case cmd.ConfigureFloor(floor=floor):
                self.floor = floor
            case cmd.ConfigureQueues(queues=queues):
                self.queues.update({queue.id: queue for queue in queues})
            case cmd.ConfigureAgents(agents=agents):
                self.agents.update({agent.id: agent for agent in agents})

    def or_else(self, later: "_Setup") -> "_Setup":
        """This, and what was not there yet as it came later."""
        return _Setup(
            self.floor or later.floor,
            {**self.queues, **{k: v for k, v in later.queues.items() if k not in self.queues}},
            {**self.agents, **{k: v for k, v in later.agents.items() if k not in self.agents}},
        )


class _Reader:
    """Follows every call and every agent."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._opened = False
        self._now, self._order = 0.0, 0
        self._setup = _Setup()
        self._at_start = _Setup()
        self._changes: list[Act] = []
        self._agents: dict[str, AgentHistory] = {}
        self._calls: dict[str, CallHistory] = {}
        self._announced: dict[str, tuple[Kind, str]] = {}
        """Kind and line of calls that are not queued yet."""
        self._wrapping: dict[str, tuple[str, float | None]] = {}
        """By agent, the call that he had last, and since when he wraps it up."""
        self._others: dict[type[ev.Event], Callable[[Any], None]] = {
            ev.FloorConfigured: self._configured,
            ev.QueuesConfigured: self._configured,
            ev.AgentsConfigured: self._configured,
            ev.CallRegistered: self._registered,
            ev.CallQueued: self._queued,
            ev.CallMoved: self._moved,
            ev.PriorityChanged: self._moved,
            ev.CallbackOffered: self._callback_offered,
            ev.CallbackMade: self._callback_made,
            ev.DialEnded: self._dial_ended,
            ev.CallEnded: self._ended,
            ev.AgentStateChanged: self._agent_changed,
        }

    def see(self, event: ev.Event, now: float) -> None:
        kind = type(event)
        self._now, self._order = now, self._order + 1
        if (of_agents := _OF_AGENTS.get(kind)) is not None:
            agent = self._agent(event.agent_id)  # type: ignore[attr-defined]
            of_agents(agent, event, now, self._order)
        if (of_calls := _OF_CALLS.get(kind)) is not None:
            call = self._calls.get(event.call_id)  # type: ignore[attr-defined]
            if call is not None:
                of_calls(call, now)
        if (other := self._others.get(kind)) is not None:
            other(event)

    def open(self) -> None:
        """The day begins: of what came before, those are left who wait."""
        if self._opened:
            return
        self._opened = True
        self._changes.clear()
        for agent in self._agents.values():
            agent.open()
        promised = [
            one.callback for one in self._calls.values() if one.callback and not one.is_over
        ]
        self._calls = {name: one for name, one in self._calls.items() if one.waits}
        for made in promised:
            if made.call_id not in self._calls:
                self._calls[made.call_id] = self._to_be_called(made)
        self._at_start, self._setup = self._setup, _Setup()

    def close(self) -> PastDay:
        stop = min(self._window.stop, self._now)
        for call_id, since in self._wrapping.values():
            if since is not None and call_id in self._calls:
                self._calls[call_id].wrapped_up(self._now + BEYOND_S - since)
        setup = self._at_start.or_else(self._setup)
        calls = {call.request.call_id: call for call in self._calls.values() if call.at <= stop}
        return PastDay(
            window=self._window,
            stop=stop,
            floor=setup.floor or FloorSpec(),
            queues=setup.queues,
            agent_specs=setup.agents,
            changes=tuple(one for one in self._changes if one[0] <= stop),
            calls=tuple(sorted((c.close(self._now) for c in calls.values()), key=lambda c: c.at)),
            agents=tuple(agent.close(self._now) for agent in self._agents.values()),
        )

    def _agent(self, agent_id: str) -> AgentHistory:
        found = self._agents.get(agent_id)
        if found is None:
            found = self._agents[agent_id] = AgentHistory(agent_id, self._window.start)
            if self._opened:
                found.open()
        return found

    def _change(self, command: cmd.Command) -> None:
        self._changes.append((self._now, self._order, command))

    # -- configuration and supervisors ---------------------------------------------------------

    def _configured(
        self, event: ev.FloorConfigured | ev.QueuesConfigured | ev.AgentsConfigured
    ) -> None:
        command: cmd.Command
        match event:
            case ev.FloorConfigured():
                command = cmd.ConfigureFloor(floor=event.floor)
            case ev.QueuesConfigured():
                command = cmd.ConfigureQueues(queues=event.queues)
            case ev.AgentsConfigured():
                command = cmd.ConfigureAgents(agents=event.agents)
        self._setup.apply(command)
        self._change(command)

    def _moved(self, event: ev.CallMoved | ev.PriorityChanged) -> None:
        if isinstance(event, ev.PriorityChanged):
            self._change(cmd.SetPriority(call_id=event.call_id, priority=event.priority))
        else:
            move = cmd.Move(
                call_id=event.call_id, queue=event.queue, skills=event.skills, terms=event.terms
            )
            self._change(move)

    # -- calls ---------------------------------------------------------------------------------

    def _registered(self, event: ev.CallRegistered) -> None:
        self._announced[event.call_id] = (event.kind, event.line)

    def _queued(self, event: ev.CallQueued) -> None:
        kind, line = self._announced.pop(event.call_id, ("call", ""))
        request = queued(event, self._now, self._window.origin)
        call = CallHistory(request, at=self._now, kind=kind, line=line)
        self._calls[event.call_id] = call

    def _callback_offered(self, event: ev.CallbackOffered) -> None:
        if event.call_id in self._calls:
            self._calls[event.call_id].asked()

    def _callback_made(self, event: ev.CallbackMade) -> None:
        """One that comes from a call of the day is made by the floor again, when it comes to that."""
        caller = self._calls.get(event.from_call or "")
        if caller is None:
            self._calls[event.call_id] = self._to_be_called(event)
        else:
            caller.called_back(event)
            self._calls[event.call_id] = caller

    def _to_be_called(self, event: ev.CallbackMade) -> CallHistory:
        request = to_call_back(event, self._window.origin)
        at = event.at - self._window.origin
        return CallHistory(request, at=at, kind="callback", line=event.line)

    def _dial_ended(self, event: ev.DialEnded) -> None:
        if event.call_id in self._calls:
            self._calls[event.call_id].dial_ended(event, self._now)

    def _ended(self, event: ev.CallEnded) -> None:
        self._announced.pop(event.call_id, None)
        if event.call_id in self._calls:
            self._calls[event.call_id].ended(event, self._now)
        if event.agent_id is not None:
            self._wrapping[event.agent_id] = (event.call_id, None)

    def _agent_changed(self, event: ev.AgentStateChanged) -> None:
        call_id, since = self._wrapping.pop(event.agent_id, ("", None))
        if event.state == "wrap_up":
            self._wrapping[event.agent_id] = (call_id, self._now)
        elif since is not None and call_id in self._calls:
            self._calls[call_id].wrapped_up(self._now - since)
