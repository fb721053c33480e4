"""The floor engine: what a command does. Deterministic: the same commands at the same times give
the same events, whoever runs them (production, simulator, replay).
"""

from collections.abc import Callable
from dataclasses import replace
from math import inf
from typing import Any

from careline_router.domain import commands as cmd
from careline_router.domain import events as ev
from careline_router.domain import transfer_orders as orders
from careline_router.domain.decisions import Decision
from careline_router.domain.policies import POLICIES
from careline_router.domain.snapshot import Snapshot
from careline_router.domain.states import Rejected
from careline_router.domain.work import EndWork, OfferWork
from careline_router.domain.work_commands import WorkCommands


class Floor(WorkCommands):
    """One shared pool of agents and queues."""

    @classmethod
    def restore(cls, snapshot: Snapshot) -> "Floor":
        floor = cls()
        floor.load(snapshot)
        return floor

    def handle(self, command: cmd.Command, now: float) -> list[ev.Event]:
        """What the command makes happen; raises `Rejected`, and then nothing has happened.

        `now` is in seconds since the epoch; a clock that goes back is taken to stand still.
        """
        if now > self.now:  # noqa: PLR1730 - this runs a hundred thousand times a day
            self.now = now
        self._out = []
        _HANDLERS[type(command)](self, command)
        return self._out

    def take_decisions(self) -> list[Decision]:
        """The decision records since the last time this was asked."""
        taken, self._decisions = self._decisions, []
        return taken

    # -- configuration -------------------------------------------------------------------------

    def _configure_floor(self, command: cmd.ConfigureFloor) -> None:
        if command.floor.policy not in POLICIES:
            raise Rejected("unknown-policy", f"one of {', '.join(POLICIES)}")
        if command.floor != self.spec:
            self._emit(ev.FloorConfigured(at=self.now, floor=command.floor))
            self._heed_phones()
            self._serve_again(self.agents.values())

    def _configure_queues(self, command: cmd.ConfigureQueues) -> None:
        changed = tuple(queue for queue in command.queues if self.queues.get(queue.id) != queue)
        if changed:
            self._emit(ev.QueuesConfigured(at=self.now, queues=changed))
            self._serve_again(self.agents.values())

    def _configure_agents(self, command: cmd.ConfigureAgents) -> None:
        changed = tuple(
            spec
            for spec in command.agents
            if spec.id not in self.agents or self.agents[spec.id].spec != spec
        )
        if not changed:
            return
        self._emit(ev.AgentsConfigured(at=self.now, agents=changed))
        self._serve_again([self.agents[spec.id] for spec in changed])

    # -- time ----------------------------------------------------------------------------------

    def next_timer(self, by: float = inf) -> float | None:
        """When the next thing is due, so that somebody sends a `Tick`; None: nothing is until `by`."""
        if self._to_look_at or self._to_time:
            self._set_timers()
        timers = self._timers
        while (first := timers.first()) is not None and first[0] <= by:
            if self._timer_holds(*first):
                return first[0]
            timers.pop()
        return None

    def _set_timers(self) -> None:
        """Most calls are offered at once, and many offers taken at once, and need none."""
        for call_id in self._to_look_at:
            call = self.calls.get(call_id)
            if call is not None and call.state == "queued":
                self._set_looks(call)
        for offer_id in self._to_time:
            offer = self.offers.get(offer_id)
            if offer is not None:
                self._timers.set(offer.deadline, "offer", offer_id)
        self._to_look_at.clear()
        self._to_time.clear()

    def _tick(self, _command: cmd.Tick) -> None:
        forgotten: set[str] = set()
        while self.next_timer(self.now) is not None:
            at, kind, subject = self._timers.pop()
            match kind:
                case "look":
                    self._look(self.calls[subject])
                case "asked":
                    self._emit(ev.CallerSilent(at=self.now, call_id=subject))
                case "forget":
                    forgotten |= self._to_forget[at]  # a minute may have been set twice
                case "wrap_up":
                    self._release(self.agents[subject])
                case "desk":
                    self._give_desk_up(self.agents[subject])
                case "rested":
                    self._emit(ev.OccupancyFreed(at=self.now, agent_id=subject))
                    self._serve_agent(self.agents[subject])
                case _:
                    offer = self.offers[subject]
                    self._fail(offer, "no_answer" if offer.state == "ringing" else "no_accept")
        if forgotten:
            self._emit(ev.CallsForgotten(at=self.now, call_ids=tuple(sorted(forgotten))))

    def _timer_holds(self, at: float, kind: str, subject: str) -> bool:
        match kind:
            case "look":
                waiting = self.calls.get(subject)
                return waiting is not None and waiting.state == "queued"
            case "asked":
                asked = self.calls.get(subject)
                return asked is not None and asked.asked_until == at
            case "offer":
                return subject in self.offers and self.offers[subject].deadline == at
            case "wrap_up":
                agent = self.agents[subject]
                return agent.state == "wrap_up" and agent.wrap_up_until == at
            case "rested" | "desk":
                agent = self.agents[subject]
                return at == (agent.rested_at if kind == "rested" else agent.gone_at)
            case _:
                return at in self._to_forget

    def equals(self, other: "Floor") -> bool:
        """Whether two floors are the same, the time that they were told last aside."""
        return replace(self.snapshot(), now=0.0) == replace(other.snapshot(), now=0.0)


_HANDLERS: dict[type, Callable[[Floor, Any], None]] = {
    cmd.ConfigureFloor: Floor._configure_floor,  # noqa: SLF001
    cmd.ConfigureQueues: Floor._configure_queues,  # noqa: SLF001
    cmd.ConfigureAgents: Floor._configure_agents,  # noqa: SLF001
    cmd.RegisterCall: Floor._register,  # noqa: SLF001
    cmd.AskCaller: Floor._ask,  # noqa: SLF001
    cmd.QueueCall: Floor._queue,  # noqa: SLF001
    cmd.CloseCall: Floor._close,  # noqa: SLF001
    cmd.LeaveQueue: Floor._leave_queue,  # noqa: SLF001
    cmd.TakeWayOut: Floor._take_way_out,  # noqa: SLF001
    cmd.RefuseRecording: Floor._refuse_recording,  # noqa: SLF001
    cmd.RequestCallback: Floor._request_callback,  # noqa: SLF001
    cmd.AcceptCallback: Floor._accept_callback,  # noqa: SLF001
    cmd.CancelCallback: Floor._cancel_callback,  # noqa: SLF001
    cmd.DialReached: Floor._dial_reached,  # noqa: SLF001
    cmd.DialFailed: Floor._dial_failed,  # noqa: SLF001
    cmd.HangUp: Floor._hang_up,  # noqa: SLF001
    cmd.Digits: Floor._digits,  # noqa: SLF001
    cmd.PhoneAnswered: Floor._phone_answered,  # noqa: SLF001
    cmd.OfferFailed: Floor._offer_failed,  # noqa: SLF001
    cmd.LogIn: Floor._log_in,  # noqa: SLF001
    cmd.LogOut: Floor._log_out,  # noqa: SLF001
    cmd.SetReady: Floor._set_ready,  # noqa: SLF001
    cmd.SetNotReady: Floor._set_not_ready,  # noqa: SLF001
    cmd.AcceptOffer: Floor._accept,  # noqa: SLF001
    cmd.RejectOffer: Floor._reject,  # noqa: SLF001
    cmd.CompleteWrapUp: Floor._complete_wrap_up,  # noqa: SLF001
    cmd.ExtendWrapUp: Floor._extend_wrap_up,  # noqa: SLF001
    cmd.Move: Floor._move,  # noqa: SLF001
    cmd.SetPriority: Floor._set_priority,  # noqa: SLF001
    cmd.ControlTalk: Floor._control_talk,  # noqa: SLF001
    orders.TransferOut: Floor._transfer_out,  # noqa: SLF001
    orders.TransferIn: Floor._transfer_in,  # noqa: SLF001
    orders.Consult: Floor._consult,  # noqa: SLF001
    orders.EndConsult: Floor._end_consult,  # noqa: SLF001
    orders.ConsultAnswered: Floor._consult_answered,  # noqa: SLF001
    orders.ConsultGone: Floor._consult_gone,  # noqa: SLF001
    orders.TransferEnded: Floor._transfer_ended,  # noqa: SLF001
    cmd.Assign: Floor._assign,  # noqa: SLF001
    cmd.WithdrawOffer: Floor._withdraw_offer,  # noqa: SLF001
    cmd.Announce: Floor._announce,  # noqa: SLF001
    cmd.SetSite: Floor._set_site,  # noqa: SLF001
    cmd.SetPbx: Floor._set_pbx,  # noqa: SLF001
    cmd.SetPresence: Floor._set_presence,  # noqa: SLF001
    OfferWork: Floor._offer_work,  # noqa: SLF001
    EndWork: Floor._end_work,  # noqa: SLF001
    cmd.Tick: Floor._tick,  # noqa: SLF001
}
