"""The floor as it stands, and how each event changes it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from careline_router.domain import events as ev
from careline_router.domain.indexes import AgentGroups, Timers, WaitingCalls
from careline_router.domain.states import Agent, AgentState, Call, CallState, Offer, QueueSpec

LINGER_S = 3600.0
"""How long an ended call is remembered, so that it can still be wrapped up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Everything a floor is; with the journal after it, the floor can be had again."""

    now: float
    queues: tuple[QueueSpec, ...]
    agents: tuple[Agent, ...]
    calls: tuple[Call, ...]
    offers: tuple[Offer, ...]


class FloorState:
    """Calls, agents and offers. `apply` is the only way in which they change."""

    def __init__(self) -> None:
        self.now = 0.0
        self.queues: dict[str, QueueSpec] = {}
        self.agents: dict[str, Agent] = {}
        self.calls: dict[str, Call] = {}
        self.offers: dict[str, Offer] = {}
        self.by_pbx: dict[tuple[str, str], str] = {}
        self._waiting = WaitingCalls()
        self._groups = AgentGroups()
        self._timers = Timers()
        self._excluded_from: dict[str, set[str]] = {}

    @property
    def waiting_count(self) -> int:
        """Calls that wait, those that are just being offered included."""
        return len(self._waiting) + len(self.offers)

    # -- changing ------------------------------------------------------------------------------

    def apply(self, event: ev.Event) -> None:
        """Lets an event of this floor happen, for the first time or again out of the journal."""
        self.now = max(self.now, event.at)
        call_id = getattr(event, "call_id", None)
        if call_id is not None and call_id in self.calls:
            self.calls[call_id].version += 1
        _APPLY[type(event)](self, event)

    def _queues_configured(self, event: ev.QueuesConfigured) -> None:
        self.queues.update({queue.id: queue for queue in event.queues})

    def _agents_configured(self, event: ev.AgentsConfigured) -> None:
        for spec in event.agents:
            agent = self.agents.get(spec.id)
            if agent is None:
                self.agents[spec.id] = Agent(id=spec.id, spec=spec)
            else:
                agent.spec = spec
                self._groups.put(agent)

    def _call_registered(self, event: ev.CallRegistered) -> None:
        self.calls[event.call_id] = Call(
            id=event.call_id,
            pbx=event.pbx,
            pbx_call_id=event.pbx_call_id,
            line=event.line,
            control=event.control,
            state="arrived",
            arrived_at=event.at,
            version=1,
        )
        self.by_pbx[event.pbx, event.pbx_call_id] = event.call_id

    def _call_queued(self, event: ev.CallQueued) -> None:
        call = self.calls[event.call_id]
        call.queue, call.skills, call.priority = event.queue, dict(event.skills), event.priority
        call.payer, call.insurance, call.language = event.payer, event.insurance, event.language
        call.flow, call.flow_version, call.crm = event.flow, event.flow_version, dict(event.crm)
        call.queued_at = event.at
        self._set_call(call, "queued")

    def _call_moved(self, event: ev.CallMoved) -> None:
        call = self.calls[event.call_id]
        self._waiting.remove(call.id)
        call.queue, call.skills = event.queue, dict(event.skills)
        self._set_call(call, "queued")

    def _priority_changed(self, event: ev.PriorityChanged) -> None:
        call = self.calls[event.call_id]
        self._waiting.remove(call.id)
        call.priority = event.priority
        if call.state == "queued":
            self._waiting.add(call)

    def _offer_made(self, event: ev.OfferMade) -> None:
        call, agent = self.calls[event.call_id], self.agents[event.agent_id]
        call.offers_made += 1
        call.offer = agent.offer = event.offer_id
        agent.call = call.id
        self.offers[event.offer_id] = Offer(
            id=event.offer_id,
            call=call.id,
            agent=agent.id,
            state=event.state,
            endpoint=event.endpoint,
            made_at=event.at,
            deadline=event.deadline,
        )
        self._timers.set(event.deadline, "offer", event.offer_id)
        self._set_call(call, "offered")
        self._set_agent(agent, "reserved", at=event.at)

    def _offer_accepted(self, event: ev.OfferAccepted) -> None:
        offer = self.offers[event.offer_id]
        offer.state, offer.deadline = "ringing", event.deadline
        self._timers.set(event.deadline, "offer", offer.id)

    def _offer_closed(self, event: ev.OfferClosed) -> None:
        del self.offers[event.offer_id]
        call, agent = self.calls[event.call_id], self.agents[event.agent_id]
        call.offer = agent.offer = agent.call = None
        if event.excluded:
            call.excluded.add(agent.id)
            self._excluded_from.setdefault(agent.id, set()).add(call.id)
        self._set_call(call, "queued")

    def _exclusion_lifted(self, event: ev.ExclusionLifted) -> None:
        self.calls[event.call_id].excluded.discard(event.agent_id)
        self._excluded_from.get(event.agent_id, set()).discard(event.call_id)

    def _call_connected(self, event: ev.CallConnected) -> None:
        del self.offers[event.offer_id]
        call, agent = self.calls[event.call_id], self.agents[event.agent_id]
        call.agent, call.answered_at = agent.id, event.at
        agent.offer, agent.call = None, call.id
        self._set_call(call, "connected")
        self._set_agent(agent, "talking", at=event.at)

    def _call_ended(self, event: ev.CallEnded) -> None:
        call = self.calls[event.call_id]
        call.outcome, call.ended_by, call.ended_at = event.outcome, event.by, event.at
        call.offer = None
        self._set_call(call, "ended")
        for agent_id in call.excluded:
            self._excluded_from.get(agent_id, set()).discard(call.id)
        self._timers.set(event.at + LINGER_S, "forget", call.id)

    def _call_wrapped_up(self, event: ev.CallWrappedUp) -> None:
        self.calls[event.call_id].wrapped_up = True

    def _calls_forgotten(self, event: ev.CallsForgotten) -> None:
        for call_id in event.call_ids:
            call = self.calls.pop(call_id)
            self.by_pbx.pop((call.pbx, call.pbx_call_id), None)

    def _agent_logged_in(self, event: ev.AgentLoggedIn) -> None:
        agent = self.agents[event.agent_id]
        agent.endpoint, agent.site = event.endpoint, event.site

    def _agent_state_changed(self, event: ev.AgentStateChanged) -> None:
        agent = self.agents[event.agent_id]
        agent.wrap_up_until = event.until
        if event.until is not None:
            self._timers.set(event.until, "wrap_up", agent.id)
        if event.state != "wrap_up":
            agent.rests_after = agent.call = None
        if event.state == "ready" and not event.keeps_idle:
            agent.idle_since = event.at
        self._set_agent(agent, event.state, reason=event.reason, at=event.at)

    def _rest_planned(self, event: ev.RestPlanned) -> None:
        self.agents[event.agent_id].rests_after = event.reason

    def _nothing(self, event: ev.Event) -> None:
        """Events that tell the outside something and change nothing here."""

    def _set_call(self, call: Call, state: CallState) -> None:
        self._waiting.remove(call.id)
        call.state = state
        if state == "queued":
            self._waiting.add(call)

    def _set_agent(
        self, agent: Agent, state: AgentState, *, at: float, reason: str | None = None
    ) -> None:
        agent.state, agent.reason, agent.since = state, reason, at
        agent.version += 1
        self._groups.put(agent)

    # -- snapshot ------------------------------------------------------------------------------

    def snapshot(self) -> Snapshot:
        """A copy of everything; later changes to the floor do not reach it."""
        return Snapshot(
            now=self.now,
            queues=tuple(self.queues.values()),
            agents=tuple(replace(agent) for agent in self.agents.values()),
            calls=tuple(
                replace(call, skills=dict(call.skills), excluded=set(call.excluded))
                for call in self.calls.values()
            ),
            offers=tuple(replace(offer) for offer in self.offers.values()),
        )

    def load(self, snapshot: Snapshot) -> None:
        """Becomes what the snapshot says; for a new floor only."""
        self.now = snapshot.now
        self.queues = {queue.id: queue for queue in snapshot.queues}
        self.agents = {agent.id: replace(agent) for agent in snapshot.agents}
        self.calls = {
            call.id: replace(call, skills=dict(call.skills), excluded=set(call.excluded))
            for call in snapshot.calls
        }
        self.offers = {offer.id: replace(offer) for offer in snapshot.offers}
        for agent in self.agents.values():
            self._groups.put(agent)
            if agent.wrap_up_until is not None:
                self._timers.set(agent.wrap_up_until, "wrap_up", agent.id)
        for call in self.calls.values():
            self.by_pbx[call.pbx, call.pbx_call_id] = call.id
            if call.state == "queued":
                self._waiting.add(call)
            if call.ended_at is not None:
                self._timers.set(call.ended_at + LINGER_S, "forget", call.id)
            else:
                for agent_id in call.excluded:
                    self._excluded_from.setdefault(agent_id, set()).add(call.id)
        for offer in self.offers.values():
            self._timers.set(offer.deadline, "offer", offer.id)


_APPLY: dict[type[ev.Event], Callable[[FloorState, Any], None]] = {
    ev.QueuesConfigured: FloorState._queues_configured,  # noqa: SLF001
    ev.AgentsConfigured: FloorState._agents_configured,  # noqa: SLF001
    ev.CallRegistered: FloorState._call_registered,  # noqa: SLF001
    ev.CallQueued: FloorState._call_queued,  # noqa: SLF001
    ev.CallMoved: FloorState._call_moved,  # noqa: SLF001
    ev.PriorityChanged: FloorState._priority_changed,  # noqa: SLF001
    ev.DigitsPressed: FloorState._nothing,  # noqa: SLF001
    ev.OfferMade: FloorState._offer_made,  # noqa: SLF001
    ev.OfferAccepted: FloorState._offer_accepted,  # noqa: SLF001
    ev.OfferClosed: FloorState._offer_closed,  # noqa: SLF001
    ev.ExclusionLifted: FloorState._exclusion_lifted,  # noqa: SLF001
    ev.CallConnected: FloorState._call_connected,  # noqa: SLF001
    ev.ControlRequested: FloorState._nothing,  # noqa: SLF001
    ev.CallEnded: FloorState._call_ended,  # noqa: SLF001
    ev.CallWrappedUp: FloorState._call_wrapped_up,  # noqa: SLF001
    ev.CallsForgotten: FloorState._calls_forgotten,  # noqa: SLF001
    ev.AgentLoggedIn: FloorState._agent_logged_in,  # noqa: SLF001
    ev.AgentStateChanged: FloorState._agent_state_changed,  # noqa: SLF001
    ev.RestPlanned: FloorState._rest_planned,  # noqa: SLF001
}
