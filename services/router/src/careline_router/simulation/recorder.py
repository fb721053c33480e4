"""The record of a day from a floor's events: those of the journal, or of a floor that plays it."""

from collections.abc import Callable
from typing import Any

from careline_router.domain import events as ev
from careline_router.simulation.past import PastDay
from careline_router.simulation.record import DayRecord, Fate

RELEASED = frozenset({"ready", "not_ready", "logged_out"})


class Recorder:
    """Sees a day's events in order. A wrap-up counts as busy time, as the talk before it does."""

    def __init__(self, day: PastDay) -> None:
        self._calls = day.calls
        self._record = DayRecord.empty(len(day.calls))
        self._numbers = {call.id: number for number, call in enumerate(day.calls)}
        self._agents = {agent.id: number for number, agent in enumerate(day.agents)}
        self._open = set(range(len(day.calls)))
        self._busy_since: dict[str, float] = {}
        self._wanted: dict[type[ev.Event], Callable[[Any, float], None]] = {
            ev.CallConnected: self._connected,
            ev.CallRequeued: self._requeued,
            ev.CallbackMade: self._callback_made,
            ev.DialRequested: self._dialled,
            ev.DialEnded: self._dial_ended,
            ev.CallEnded: self._ended,
            ev.AgentStateChanged: self._agent_changed,
        }

    def see(self, event: ev.Event, now: float) -> None:
        wanted = self._wanted.get(type(event))
        if wanted is not None:
            wanted(event, now)

    def close(self, now: float) -> DayRecord:
        """Who still waits has waited in vain, who is busy has been so until now."""
        for number in self._open:
            self._record.waits[number] = now - self._calls[number].at
        for agent_id in list(self._busy_since):
            self._free(agent_id, now)
        return self._record

    def number_of(self, call_id: str) -> int:
        """Which call an item is, or comes from."""
        return self._numbers[call_id]

    # -- events --------------------------------------------------------------------------------

    def _connected(self, event: ev.CallConnected, now: float) -> None:
        self._busy_since.setdefault(event.agent_id, now)
        number = self._numbers.get(event.call_id)
        if number is not None:
            self._settle(number, Fate.ANSWERED, now)
            self._record.agents[number] = self._agents[event.agent_id]

    def _requeued(self, event: ev.CallRequeued, now: float) -> None:
        self._free(event.agent_id, now)
        number = self._numbers.get(event.call_id)
        if number is not None:
            self._record.fates[number], self._record.agents[number] = Fate.ABANDONED, -1
            self._open.add(number)

    def _callback_made(self, event: ev.CallbackMade, _now: float) -> None:
        number = self._numbers.get(event.from_call or "")
        if number is not None:
            self._numbers.setdefault(event.call_id, number)

    def _dialled(self, event: ev.DialRequested, now: float) -> None:
        self._busy_since.setdefault(event.agent_id, now)
        number = self._numbers.get(event.call_id)
        if number is not None and number in self._open:
            self._settle(number, Fate.NOT_REACHED, now)

    def _dial_ended(self, event: ev.DialEnded, now: float) -> None:
        """Who gave up, and is called back for that, is lost all the same."""
        number = self._numbers.get(event.call_id)
        if number is None or not event.reached:
            return
        if self._record.fates[number] == Fate.NOT_REACHED:
            self._record.fates[number] = Fate.CALLED_BACK
            self._record.agents[number] = self._agents[event.agent_id]

    def _ended(self, event: ev.CallEnded, now: float) -> None:
        number = self._numbers.get(event.call_id)
        if number is not None and number in self._open:
            took_callback = event.outcome == "callback"
            self._settle(number, Fate.NOT_REACHED if took_callback else Fate.ABANDONED, now)

    def _settle(self, number: int, fate: Fate, now: float) -> None:
        self._open.discard(number)
        self._record.fates[number] = fate
        self._record.waits[number] = now - self._calls[number].at

    def _agent_changed(self, event: ev.AgentStateChanged, now: float) -> None:
        if event.state in RELEASED:
            self._free(event.agent_id, now)

    def _free(self, agent_id: str, now: float) -> None:
        since = self._busy_since.pop(agent_id, None)
        if since is not None and agent_id in self._agents:
            self._record.busy.append((self._agents[agent_id], since, now))
