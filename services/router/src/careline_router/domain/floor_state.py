"""How each event changes the floor."""

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

from careline_router.domain import events as ev
from careline_router.domain import presence_events as pev
from careline_router.domain import transfer_events as tev
from careline_router.domain.demand import Demand
from careline_router.domain.estimates import Estimates
from careline_router.domain.filing import AT_WORK, WRAPPED_LINGER_S, forget_at
from careline_router.domain.policies import policy_of
from careline_router.domain.presence_state import PresenceState
from careline_router.domain.promises import Promises
from careline_router.domain.snapshot import Snapshot
from careline_router.domain.states import Agent, Call, Offer
from careline_router.domain.terms import elsewhere, target_of

NOTHING: dict[str, Any] = {}
"""What a call needs, and is known of it, until it is queued."""
REFRESH_S = 300.0
"""How often a policy weighs the load anew."""


class FloorState(PresenceState):
    """The floor. `apply` is the only way in which it changes."""

    # -- changing ------------------------------------------------------------------------------

    def apply(self, event: ev.Event) -> None:
        """Lets an event of this floor happen, for the first time or again out of the journal."""
        if event.at > self.now:  # noqa: PLR1730 - this runs a million times a day
            self.now = event.at
        change, of_call = _APPLY[type(event)]
        if of_call:
            call = self.calls.get(event.call_id)  # type: ignore[attr-defined]
            if call is not None:
                call.version += 1
        change(self, event)

    def _floor_configured(self, event: ev.FloorConfigured) -> None:
        self.spec = event.floor
        self.policy = policy_of(event.floor)
        self.refresh_at = 0.0
        self.counts_units = self.counts_units or bool(event.floor.units)
        for agent in self.agents.values():
            self._file_agent(agent)
        self._look_at_all()

    def _queues_configured(self, event: ev.QueuesConfigured) -> None:
        for queue in event.queues:
            self.queues[queue.id] = queue
            for waiting in self.waiting.classes.values():
                if waiting.queue == queue.id:
                    waiting.configure(queue)
        self._look_at_all()

    def _agents_configured(self, event: ev.AgentsConfigured) -> None:
        for spec in event.agents:
            agent = self.agents.get(spec.id)
            if agent is None:
                self.agents[spec.id] = Agent(id=spec.id, spec=spec, order=len(self.agents))
            else:
                agent.spec = spec
                self._refile_agent(agent)

    # -- calls ---------------------------------------------------------------------------------

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
            kind=event.kind,
            units=self.spec.units_of(event.kind),
            interruptible=event.kind in self.spec.interruptible,
            skills=NOTHING,
            needs=NOTHING,
            crm=NOTHING,
        )
        self.by_pbx[event.pbx, event.pbx_call_id] = event.call_id

    def _caller_asked(self, event: ev.CallerAsked) -> None:
        call = self.calls[event.call_id]
        call.node, call.node_tries, call.asked_until = event.node, event.tries, event.until
        call.served = event.served
        call.flow, call.flow_version = event.flow, event.flow_version
        self._timers.set(event.until, "asked", call.id)
        self._set_call(call, "self_service")

    def _caller_silent(self, event: ev.CallerSilent) -> None:
        self.calls[event.call_id].asked_until = None

    def _call_queued(self, event: ev.CallQueued) -> None:
        call = self.calls[event.call_id]
        call.queue, call.priority = event.queue, event.priority
        call.skills, call.needs = event.skills, event.skills
        call.payer, call.insurance, call.language = event.payer, event.insurance, event.language
        call.hears = event.hears
        call.flow, call.flow_version, call.crm = event.flow, event.flow_version, event.crm
        call.person, call.due_at, call.estimate_s = event.person, event.due_at, event.estimate_s
        call.preferred, call.preferred_until = event.preferred, event.preferred_until
        call.offers_callback, call.terms = event.offers_callback, event.terms
        call.node = call.asked_until = None
        call.queued_at = event.at
        waiting = self.class_for(call)
        self._set_call(call, "queued", waiting)
        if not waiting.interruptible:
            self.demand.arrived(self._in_general(waiting), event.at, is_call=call.kind == "call")

    def _call_released(self, event: ev.CallReleased) -> None:
        call = self.calls[event.call_id]
        call.preferred_until = call.not_before = None
        self._set_call(call, call.state)

    def _call_pressed(self, event: ev.CallPressed) -> None:
        call = self.calls[event.call_id]
        self._set_call(call, call.state)

    def _requirement_relaxed(self, event: ev.RequirementRelaxed) -> None:
        call = self.calls[event.call_id]
        call.relaxed = event.step
        call.needs, call.queue, call.priority = event.needs, event.queue, event.priority
        self._set_call(call, call.state)

    def _call_moved(self, event: ev.CallMoved) -> None:
        call = self.calls[event.call_id]
        call.queue, call.relaxed, call.preferred_until = event.queue, 0, None
        call.skills, call.needs = event.skills, event.skills
        if event.terms is None:
            call.terms = elsewhere(call.terms)
        else:
            call.terms, call.ways_told = event.terms, ()
        self._set_call(call, "queued")

    def _way_out_offered(self, event: ev.WayOutOffered) -> None:
        call = self.calls[event.call_id]
        call.ways_told = (*call.ways_told, event.place)

    def _recording_refused(self, event: ev.RecordingRefused) -> None:
        self.calls[event.call_id].recording_refused_at = event.at

    def _priority_changed(self, event: ev.PriorityChanged) -> None:
        call = self.calls[event.call_id]
        call.priority = event.priority
        self._set_call(call, call.state)

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
        self._to_time.append(event.offer_id)
        if event.tokens is not None:
            self.tokens = event.tokens
        assert call.queue is not None
        self.last_offered[call.queue] = agent.order
        self._set_call(call, "offered")
        self._set_agent(agent, "reserved", at=event.at)

    def _offer_accepted(self, event: ev.OfferAccepted) -> None:
        offer = self.offers[event.offer_id]
        offer.state, offer.deadline = "ringing", event.deadline
        self._to_time.append(offer.id)

    def _offer_closed(self, event: ev.OfferClosed) -> None:
        del self.offers[event.offer_id]
        call, agent = self.calls[event.call_id], self.agents[event.agent_id]
        call.offer = agent.offer = agent.call = None
        if event.excluded:
            self._exclude(call, agent.id)
        self._set_call(call, "queued")

    def _exclusion_lifted(self, event: ev.ExclusionLifted) -> None:
        self.calls[event.call_id].excluded -= {event.agent_id}
        self.excluded_from.get(event.agent_id, set()).discard(event.call_id)

    def _call_connected(self, event: ev.CallConnected) -> None:
        call, agent = self._taken(event)
        assert call.queued_at is not None
        assert call.queue is not None
        call.answered_at = event.at
        if call.kind == "call" and not call.put_back:
            wait = event.at - call.queued_at
            queue = self.queues[call.queue]
            self.demand.answered(call.queue, in_target=wait <= target_of(call.terms, queue))
            self.estimates.came_true(call.queue, call.estimate_s, wait)
        self._set_call(call, "connected")
        self._set_agent(agent, "talking", at=event.at)

    def _call_requeued(self, event: ev.CallRequeued) -> None:
        call = self.calls[event.call_id]
        self._let_go(call)
        call.agent = call.answered_at = call.offer = None
        call.suspended = call.leaving = call.left = False
        call.put_back = call.kind == "call"
        self._set_call(call, "queued")

    def _work_interrupted(self, event: ev.WorkInterrupted) -> None:
        self.calls[event.call_id].suspended = True

    def _work_resumed(self, event: ev.WorkResumed) -> None:
        call, agent = self.calls[event.call_id], self.agents[event.agent_id]
        call.suspended = False
        agent.wrap_up_until = agent.wrap_up_began = agent.rests_after = None
        agent.call = call.id
        self._set_agent(agent, "talking", at=event.at)

    def _call_ended(self, event: ev.CallEnded) -> None:
        call = self.calls[event.call_id]
        call.outcome, call.ended_by, call.ended_at = event.outcome, event.by, event.at
        call.offer = call.node = call.asked_until = call.consultation = None
        call.forwarded_to, call.leaving, call.left = event.endpoint, False, False
        self._let_go(call)
        if call.answered_at is not None and call.queue is not None:
            self.demand.handled(call.queue, event.at - call.answered_at)
        if call.callback_offered_at is not None:
            self.promises.gone(call.id)
        if call.callback is not None:
            self.promises.ended(call)
            call.callback.dialling = False
            if self.callback_of.get(call.person or "") == call.id:
                del self.callback_of[call.person or ""]
        self._set_call(call, "ended")
        for agent_id in call.excluded:
            self.excluded_from.get(agent_id, set()).discard(call.id)
        self._set_forget(call)

    def _call_wrapped_up(self, event: ev.CallWrappedUp) -> None:
        call = self.calls[event.call_id]
        call.wrapped_up = True
        if call.state == "ended":
            self._unset_forget(call)
            call.forgotten_at = forget_at(event.at + WRAPPED_LINGER_S)
            self._set_forget(call)

    def _calls_forgotten(self, event: ev.CallsForgotten) -> None:
        for call_id in event.call_ids:
            call = self.calls.pop(call_id)
            self.by_pbx.pop((call.pbx, call.pbx_call_id), None)
            self._unset_forget(call)

    # -- agents --------------------------------------------------------------------------------

    def _site_changed(self, event: ev.SiteChanged) -> None:
        self.sites = {site: state for site, state in self.sites.items() if site != event.site}
        if event.state != "open":
            self.sites[event.site] = event.state
        for agent in self.agents.values():
            if agent.site == event.site:
                self._file_agent(agent)

    def _pbx_changed(self, event: ev.PbxChanged) -> None:
        self.pbxs_down = {pbx: at for pbx, at in self.pbxs_down.items() if pbx != event.pbx}
        if event.state == "down":
            self.pbxs_down[event.pbx] = event.at
        for call in self.calls.values():
            if call.pbx == event.pbx and call.state == "queued":
                self._set_call(call, "queued")
        for agent in self.agents.values():
            self._file_agent(agent)

    def _agent_logged_in(self, event: ev.AgentLoggedIn) -> None:
        agent = self.agents[event.agent_id]
        agent.endpoint, agent.site = event.endpoint, event.site
        self._refile_agent(agent)

    def _agent_state_changed(self, event: ev.AgentStateChanged) -> None:
        agent = self.agents[event.agent_id]
        agent.wrap_up_until = event.until
        if event.until is not None:
            self._timers.set(event.until, "wrap_up", agent.id)
            agent.wrap_up_began = event.at
        if event.state != "wrap_up":
            agent.rests_after = agent.call = agent.wrap_up_began = None
        if event.state == "ready" and not event.keeps_idle:
            agent.idle_since = event.at
        self._set_agent(agent, event.state, reason=event.reason, at=event.at)

    def _wrap_up_extended(self, event: ev.WrapUpExtended) -> None:
        self.agents[event.agent_id].wrap_up_until = event.until
        self._timers.set(event.until, "wrap_up", event.agent_id)

    def _occupancy_capped(self, event: ev.OccupancyCapped) -> None:
        agent = self.agents[event.agent_id]
        agent.rested_at = event.until
        self._timers.set(event.until, "rested", agent.id)
        self._file_agent(agent)

    def _occupancy_freed(self, event: ev.OccupancyFreed) -> None:
        agent = self.agents[event.agent_id]
        agent.rested_at = None
        self._file_agent(agent)

    def _rest_planned(self, event: ev.RestPlanned) -> None:
        self.agents[event.agent_id].rests_after = event.reason

    def _nothing(self, event: ev.Event) -> None:
        """Events that tell the outside something and change nothing here."""

    # -- the load ------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Has the policy weigh the load anew; due at `refresh_at`."""
        self.policy.refresh(self)
        self.was_refreshed = True
        self.refresh_at = self.now + REFRESH_S

    # -- snapshot ------------------------------------------------------------------------------

    def snapshot(self) -> Snapshot:
        """A copy of everything; later changes to the floor do not reach it."""
        return Snapshot(
            now=self.now,
            queues=tuple(self.queues.values()),
            agents=tuple(replace(agent) for agent in self.agents.values()),
            calls=tuple(_copy(call) for call in self.calls.values()),
            offers=tuple(replace(offer) for offer in self.offers.values()),
            floor=self.spec,
            tokens=self.tokens,
            last_offered=dict(self.last_offered),
            demand=self.demand.figures(),
            estimates=self.estimates.figures(),
            promises=self.promises.figures(),
            sites=dict(self.sites),
            pbxs_down=dict(self.pbxs_down),
        )

    def load(self, snapshot: Snapshot) -> None:
        """Becomes what the snapshot says; for a new floor only."""
        self.now, self.spec, self.tokens = snapshot.now, snapshot.floor, snapshot.tokens
        self.policy = policy_of(self.spec)
        self.counts_units = bool(self.spec.units) or any(each.units != 1 for each in snapshot.calls)
        self.last_offered = dict(snapshot.last_offered)
        self.demand = Demand(snapshot.demand)
        self.estimates = Estimates(snapshot.estimates)
        self.promises = Promises(snapshot.promises)
        self.queues = {queue.id: queue for queue in snapshot.queues}
        self.sites, self.pbxs_down = dict(snapshot.sites), dict(snapshot.pbxs_down)
        self.agents = {agent.id: replace(agent) for agent in snapshot.agents}
        self.calls = {call.id: _copy(call) for call in snapshot.calls}
        self.offers = {offer.id: replace(offer) for offer in snapshot.offers}
        for key in self.demand.class_keys():
            self.class_of_key(key)
        for call in self.calls.values():
            self._load_call(call)
        self.promises.found_all(self.calls.values())
        for agent in self.agents.values():
            self._load_agent(agent)
        for offer in self.offers.values():
            self._to_time.append(offer.id)
        self.policy.refresh(
            self
        )  # so that who asks why a call waits is told; the next match weighs anew

    def _load_call(self, call: Call) -> None:
        self.by_pbx[call.pbx, call.pbx_call_id] = call.id
        if call.ended_at is not None:
            self._set_forget(call)
            return
        for agent_id in call.excluded:
            self.excluded_from.setdefault(agent_id, set()).add(call.id)
        if call.callback is not None and call.person is not None:
            self.callback_of[call.person] = call.id
        if call.asked_until is not None:
            self._timers.set(call.asked_until, "asked", call.id)
        if call.state == "queued":
            self._set_call(call, "queued")

    def _load_agent(self, agent: Agent) -> None:
        self.busy += agent.state in AT_WORK
        self._file_agent(agent)
        if agent.wrap_up_until is not None:
            self._timers.set(agent.wrap_up_until, "wrap_up", agent.id)
        if agent.rested_at is not None:
            self._timers.set(agent.rested_at, "rested", agent.id)
        if agent.gone_at is not None:
            self._timers.set(agent.gone_at, "desk", agent.id)


def _copy(call: Call) -> Call:
    callback = call.callback
    return replace(call, callback=None if callback is None else replace(callback))


_CHANGES: dict[type[ev.Event], Callable[[FloorState, Any], None]] = {
    ev.FloorConfigured: FloorState._floor_configured,  # noqa: SLF001
    ev.QueuesConfigured: FloorState._queues_configured,  # noqa: SLF001
    ev.AgentsConfigured: FloorState._agents_configured,  # noqa: SLF001
    ev.CallRegistered: FloorState._call_registered,  # noqa: SLF001
    ev.CallerAsked: FloorState._caller_asked,  # noqa: SLF001
    ev.CallerSilent: FloorState._caller_silent,  # noqa: SLF001
    ev.CallQueued: FloorState._call_queued,  # noqa: SLF001
    ev.CallReleased: FloorState._call_released,  # noqa: SLF001
    ev.CallPressed: FloorState._call_pressed,  # noqa: SLF001
    ev.RequirementRelaxed: FloorState._requirement_relaxed,  # noqa: SLF001
    ev.CallMoved: FloorState._call_moved,  # noqa: SLF001
    ev.PriorityChanged: FloorState._priority_changed,  # noqa: SLF001
    ev.WayOutOffered: FloorState._way_out_offered,  # noqa: SLF001
    ev.RecordingRefused: FloorState._recording_refused,  # noqa: SLF001
    ev.DigitsPressed: FloorState._nothing,  # noqa: SLF001
    ev.OfferMade: FloorState._offer_made,  # noqa: SLF001
    ev.OfferAccepted: FloorState._offer_accepted,  # noqa: SLF001
    ev.OfferClosed: FloorState._offer_closed,  # noqa: SLF001
    ev.ExclusionLifted: FloorState._exclusion_lifted,  # noqa: SLF001
    ev.CallConnected: FloorState._call_connected,  # noqa: SLF001
    ev.CallRequeued: FloorState._call_requeued,  # noqa: SLF001
    ev.WorkInterrupted: FloorState._work_interrupted,  # noqa: SLF001
    ev.WorkResumed: FloorState._work_resumed,  # noqa: SLF001
    ev.CallbackOffered: FloorState._callback_offered,  # noqa: SLF001
    ev.CallbackMade: FloorState._callback_made,  # noqa: SLF001
    ev.CallbackDue: FloorState._callback_due,  # noqa: SLF001
    ev.DialRequested: FloorState._dial_requested,  # noqa: SLF001
    ev.DialEnded: FloorState._dial_ended,  # noqa: SLF001
    ev.ControlRequested: FloorState._nothing,  # noqa: SLF001
    ev.CallAssigned: FloorState._call_assigned,  # noqa: SLF001
    ev.CallAnnounced: FloorState._nothing,  # noqa: SLF001
    tev.TransferRequested: FloorState._transfer_requested,  # noqa: SLF001
    tev.AgentLeft: FloorState._agent_left,  # noqa: SLF001
    tev.TransferRefused: FloorState._transfer_refused,  # noqa: SLF001
    tev.CallTransferred: FloorState._call_transferred,  # noqa: SLF001
    tev.ConsultBegun: FloorState._consult_begun,  # noqa: SLF001
    tev.ConsultTalking: FloorState._consult_moved,  # noqa: SLF001
    tev.ConsultJoined: FloorState._consult_moved,  # noqa: SLF001
    tev.ConsultOver: FloorState._consult_over,  # noqa: SLF001
    tev.CallHandedOver: FloorState._call_handed_over,  # noqa: SLF001
    ev.CallEnded: FloorState._call_ended,  # noqa: SLF001
    ev.CallWrappedUp: FloorState._call_wrapped_up,  # noqa: SLF001
    ev.CallsForgotten: FloorState._calls_forgotten,  # noqa: SLF001
    ev.SiteChanged: FloorState._site_changed,  # noqa: SLF001
    ev.PbxChanged: FloorState._pbx_changed,  # noqa: SLF001
    ev.AgentLoggedIn: FloorState._agent_logged_in,  # noqa: SLF001
    ev.AgentStateChanged: FloorState._agent_state_changed,  # noqa: SLF001
    ev.WrapUpExtended: FloorState._wrap_up_extended,  # noqa: SLF001
    ev.OccupancyCapped: FloorState._occupancy_capped,  # noqa: SLF001
    ev.OccupancyFreed: FloorState._occupancy_freed,  # noqa: SLF001
    ev.RestPlanned: FloorState._rest_planned,  # noqa: SLF001
    pev.DeskConnected: FloorState._desk_connected,  # noqa: SLF001
    pev.DeskDropped: FloorState._desk_dropped,  # noqa: SLF001
    pev.DeskGivenUp: FloorState._desk_given_up,  # noqa: SLF001
}
_APPLY: dict[type[ev.Event], tuple[Callable[[FloorState, Any], None], bool]] = {
    kind: (change, any(each.name == "call_id" for each in fields(kind)))
    for kind, change in _CHANGES.items()
}
"""How an event changes the floor, and whether it is one of a call's."""
