"""Plays one day on the floor engine: callers, phones and agents around it, second for second.

Everything that happens is a command to `Floor.handle`, as in production; what the floor decides
comes back as events. Nothing here chooses anybody.
"""

import heapq
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from careline_router.domain import commands as cmd
from careline_router.domain import events as ev
from careline_router.domain.floor import Floor
from careline_router.domain.specs import FloorSpec
from careline_router.simulation.calls import Call
from careline_router.simulation.floor_setup import (
    agent_spec,
    factors,
    queue_specs,
    queueing,
)
from careline_router.simulation.policies import Contender
from careline_router.simulation.record import DayRecord, Fate
from careline_router.simulation.roster import RosterAgent
from careline_router.simulation.scenario import Scenario

DIAL_S = 10.0
"""From dialling a callback to the person's answer."""
DIAL_FAILS_S = 25.0
"""What a callback that nobody answers costs the agent."""
BACK_AFTER_MISS_S = 60.0
"""How long an agent who missed an offer stays not ready."""
LONGEST_BREAK_S = 3600.0
"""A longer absence is the end of a shift: the agent logs out."""

# What the heap holds besides its time and a subject; at equal times the lower comes first.
_JOIN, _LEAVE, _ANSWER, _HANG_UP, _GIVE_UP, _DIAL_ENDS, _BACK, _END = range(8)


@dataclass(frozen=True, slots=True)
class Conduct:
    """How phones and agents behave. `ring_s`: from an offer to its answer; `missed_pct`: offers that
    nobody answers; `lag_s`: what the hand-off of a call that had to wait takes besides."""

    ring_s: float = 0.0
    missed_pct: float = 0.0
    lag_s: float = 0.0
    fair: bool = False


IDEAL = Conduct()
"""Phones that answer at once."""


def play_day(
    scenario: Scenario,
    calls: Sequence[Call],
    roster: Sequence[RosterAgent],
    contender: Contender,
    *,
    conduct: Conduct = IDEAL,
    seed: int = 0,
) -> DayRecord:
    """The record of these calls and agents under one policy. `seed` is for chance that is the
    policy's or the phones' own; the calls have had theirs."""
    day = _Day(scenario, calls, roster, conduct=conduct, seed=seed)
    day.open(contender, seed)
    day.play()
    return day.record


class _Day:
    """One day under way. Times are seconds from its start."""

    def __init__(
        self,
        scenario: Scenario,
        calls: Sequence[Call],
        roster: Sequence[RosterAgent],
        *,
        conduct: Conduct,
        seed: int,
    ) -> None:
        self.record = DayRecord.empty(len(calls))
        self._floor = Floor()
        self._scenario, self._calls, self._roster, self._conduct = scenario, calls, roster, conduct
        self._chance = Random(f"{seed} phones")  # noqa: S311 - no secret
        self._ids = [str(number) for number in range(len(calls))]
        self._number_of = {call_id: number for number, call_id in enumerate(self._ids)}
        self._queueing = [queueing(one) for one in scenario.classes]
        self._factors = [factors(scenario, one) for one in roster]
        self._heap: list[tuple[float, int, int, str]] = []
        self._lines = scenario.lines if scenario.lines is not None else math.inf
        self._in_system = 0
        self._going_home: set[str] = set()
        self._wanted: dict[type[ev.Event], Callable[[Any, float], None]] = {
            ev.OfferMade: self._offered,
            ev.OfferClosed: self._offer_closed,
            ev.CallConnected: self._connected,
            ev.CallbackOffered: self._callback_offered,
            ev.DialRequested: self._dial,
            ev.DialEnded: self._dial_ended,
        }

    # -- the course of the day -----------------------------------------------------------------

    def open(self, contender: Contender, seed: int) -> None:
        """Tells the floor what it is, and puts everybody's comings and goings on the list."""
        spec = FloorSpec(
            policy=contender.policy,
            fair=self._conduct.fair,
            seed=seed,
            callbacks=contender.callbacks,
        )
        handle = self._floor.handle
        handle(cmd.ConfigureFloor(floor=spec), 0.0)
        handle(cmd.ConfigureQueues(queues=queue_specs(self._scenario, contender)), 0.0)
        handle(cmd.ConfigureAgents(agents=tuple(map(agent_spec, self._roster))), 0.0)
        for number, agent in enumerate(self._roster):
            for start, end in agent.intervals:
                self._heap.append((start, _JOIN, number, agent.id))
                self._heap.append((end, _LEAVE, number, agent.id))
        self._heap.append((self._scenario.horizon_s, _END, 0, ""))
        heapq.heapify(self._heap)

    def play(self) -> None:
        """Until the end of the day the earliest of: next call, next thing on the list, next timer."""
        heap, calls, floor, tick = self._heap, self._calls, self._floor, cmd.Tick()
        happenings = (
            self._join, self._leave, self._answer, self._hang_up, self._give_up, self._dial_ends,
            self._back,
        )  # fmt: skip
        number, last = 0, len(calls)
        arrives = calls[0][0] if calls else math.inf
        while True:
            at = heap[0][0]
            due = floor.next_timer(min(at, arrives))
            if due is not None:
                self._follow(floor.handle(tick, due), due)
            elif arrives < at:
                self._arrive(number, arrives)
                number += 1
                arrives = calls[number][0] if number < last else math.inf
            else:
                _, kind, subject, name = heapq.heappop(heap)
                if kind == _END:
                    break
                happenings[kind](subject, name, at)
        self._close(at)

    def _close(self, now: float) -> None:
        """Who still waits has waited in vain; talks end when they end."""
        record = self.record
        for number in range(len(self._calls)):
            if record.fates[number] == Fate.ABANDONED and record.waits[number] == 0.0:
                record.waits[number] = now - self._calls[number][0]

    # -- callers -------------------------------------------------------------------------------

    def _arrive(self, number: int, now: float) -> None:
        if self._in_system >= self._lines:
            self.record.fates[number] = Fate.BLOCKED
            return
        self._in_system += 1
        self._floor.take_decisions()  # nobody reads them here; kept, they would grow all day
        call_id = self._ids[number]
        _, index, _, patience, _, _ = self._calls[number]
        kind, queue, skills, priority = self._queueing[index]
        handle = self._floor.handle
        handle(
            cmd.RegisterCall(
                call_id=call_id, pbx="sim", pbx_call_id=call_id, line="sim", kind=kind
            ),
            now,
        )
        self._follow(
            handle(
                cmd.QueueCall(call_id=call_id, queue=queue, skills=skills, priority=priority), now
            ),
            now,
        )
        if self.record.agents[number] < 0 and patience < math.inf:
            heapq.heappush(self._heap, (now + patience, _GIVE_UP, number, call_id))

    def _give_up(self, number: int, call_id: str, now: float) -> None:
        record = self.record
        if record.agents[number] >= 0 or record.fates[number] != Fate.ABANDONED:
            return
        record.waits[number] = self._calls[number][3]
        self._in_system -= 1
        self._follow(self._floor.handle(cmd.HangUp(call_id=call_id, by="caller"), now), now)

    # -- what the floor wants ------------------------------------------------------------------

    def _follow(self, events: list[ev.Event], now: float) -> None:
        """Does what the floor has asked phones and callers to do."""
        for event in events:
            wanted = self._wanted.get(type(event))
            if wanted is not None:
                wanted(event, now)

    def _offered(self, event: ev.OfferMade, now: float) -> None:
        conduct, number = self._conduct, self._number_of[event.call_id]
        if conduct.missed_pct and self._chance.random() * 100 < conduct.missed_pct:
            return
        had_to_wait = now > self._calls[number][0]
        rings = conduct.ring_s + (conduct.lag_s if had_to_wait else 0.0)
        if rings > 0:
            heapq.heappush(self._heap, (now + rings, _ANSWER, number, event.offer_id))
        else:
            self._answer(number, event.offer_id, now)

    def _offer_closed(self, event: ev.OfferClosed, now: float) -> None:
        if event.end == "no_answer":
            back = now + BACK_AFTER_MISS_S
            heapq.heappush(self._heap, (back, _BACK, int(event.agent_id), event.agent_id))

    def _answer(self, _number: int, offer_id: str, now: float) -> None:
        self._follow(self._floor.handle(cmd.PhoneAnswered(offer_id=offer_id), now), now)

    def _connected(self, event: ev.CallConnected, now: float) -> None:
        number, record = self._number_of[event.call_id], self.record
        record.fates[number] = Fate.ANSWERED
        record.waits[number] = now - self._calls[number][0]
        self._talk(number, event.call_id, event.agent_id, now)

    def _talk(self, number: int, call_id: str, agent_id: str, now: float) -> None:
        agent, record = int(agent_id), self.record
        _, index, handle_s, _, _, _ = self._calls[number]
        ends = now + handle_s * self._factors[agent][index]
        record.agents[number] = agent
        record.busy.append((agent, now, ends))
        heapq.heappush(self._heap, (ends, _HANG_UP, number, call_id))

    def _hang_up(self, number: int, call_id: str, now: float) -> None:
        if self.record.fates[number] == Fate.ANSWERED:
            self._in_system -= 1
        self._follow(self._floor.handle(cmd.HangUp(call_id=call_id, by="caller"), now), now)
        if self._going_home:
            self._go_home(self._roster[self.record.agents[number]].id, now)

    # -- callbacks -----------------------------------------------------------------------------

    def _callback_offered(self, event: ev.CallbackOffered, now: float) -> None:
        number = self._number_of[event.call_id]
        if not self._calls[number][4]:
            return
        callback_id = f"b{number}"
        self._number_of[callback_id] = number
        self.record.fates[number] = Fate.NOT_REACHED
        self.record.waits[number] = now - self._calls[number][0]
        self._in_system -= 1
        accepts = cmd.AcceptCallback(call_id=event.call_id, callback_id=callback_id)
        self._follow(self._floor.handle(accepts, now), now)

    def _dial(self, event: ev.DialRequested, now: float) -> None:
        number = self._number_of[event.call_id]
        takes = DIAL_S if self._calls[number][5] else DIAL_FAILS_S
        self.record.busy.append((int(event.agent_id), now, now + takes))
        heapq.heappush(self._heap, (now + takes, _DIAL_ENDS, number, event.call_id))

    def _dial_ends(self, number: int, call_id: str, now: float) -> None:
        ends: cmd.Command = cmd.DialReached(call_id=call_id)
        if not self._calls[number][5]:
            ends = cmd.DialFailed(call_id=call_id, cause="no_answer")
        self._follow(self._floor.handle(ends, now), now)

    def _dial_ended(self, event: ev.DialEnded, now: float) -> None:
        number = self._number_of[event.call_id]
        if event.reached:
            self.record.fates[number] = Fate.CALLED_BACK
            self._talk(number, event.call_id, event.agent_id, now)

    # -- agents --------------------------------------------------------------------------------

    def _join(self, _number: int, agent_id: str, now: float) -> None:
        handle = self._floor.handle
        self._going_home.discard(agent_id)
        if self._floor.agents[agent_id].state == "logged_out":
            handle(cmd.LogIn(agent_id=agent_id), now)
        self._follow(handle(cmd.SetReady(agent_id=agent_id), now), now)

    def _leave(self, number: int, agent_id: str, now: float) -> None:
        """Who is idle goes at once; who is not goes after this call."""
        rest = cmd.SetNotReady(agent_id=agent_id, reason="break")
        self._follow(self._floor.handle(rest, now), now)
        back = min((a for a, _ in self._roster[number].intervals if a > now), default=math.inf)
        if back - now > LONGEST_BREAK_S:
            self._going_home.add(agent_id)
            self._go_home(agent_id, now)

    def _go_home(self, agent_id: str, now: float) -> None:
        if agent_id in self._going_home and self._floor.agents[agent_id].state == "not_ready":
            self._going_home.remove(agent_id)
            self._follow(self._floor.handle(cmd.LogOut(agent_id=agent_id), now), now)

    def _back(self, number: int, agent_id: str, now: float) -> None:
        """An agent who missed an offer is ready again, if he is still at work."""
        missed = self._floor.agents[agent_id].reason == "rona"
        if missed and any(a <= now < b for a, b in self._roster[number].intervals):
            self._follow(self._floor.handle(cmd.SetReady(agent_id=agent_id), now), now)
