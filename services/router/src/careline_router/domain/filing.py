"""What a floor consists of, and where each call and agent is filed so that decisions find it at once."""

from math import ceil, inf

from careline_router.domain.demand import Demand
from careline_router.domain.estimates import Estimates
from careline_router.domain.groups import AgentGroups
from careline_router.domain.occupancy import busy_now
from careline_router.domain.policies import policy_of
from careline_router.domain.promises import Promises
from careline_router.domain.reaching import phone_is_away
from careline_router.domain.skills import signature
from careline_router.domain.specs import FloorSpec, QueueSpec
from careline_router.domain.states import Agent, Call, Offer
from careline_router.domain.terms import due_after, recipe_of
from careline_router.domain.timers import Timers
from careline_router.domain.waiting import (
    URGENT_S,
    ClassKey,
    WaitingCalls,
    WaitingClass,
    class_key,
)
from careline_router.domain.words import PBX_DOWN, AgentState, CallState, SiteState

LINGER_S = 3600.0
"""How long an ended call is remembered, so that it can still be wrapped up."""
WRAPPED_LINGER_S = 60.0
"""How long one that has been wrapped up is: twenty calls a second would be a million of them otherwise."""
FORGET_EVERY_S = 10.0
AT_WORK: frozenset[AgentState] = frozenset({"talking", "wrap_up"})


class Filing:
    """Calls, agents and offers, and the indexes over them."""

    def __init__(self) -> None:
        self.now = 0.0
        self.spec = FloorSpec()
        self.policy = policy_of(self.spec)
        self.queues: dict[str, QueueSpec] = {}
        self.agents: dict[str, Agent] = {}
        self.calls: dict[str, Call] = {}
        self.offers: dict[str, Offer] = {}
        self.by_pbx: dict[tuple[str, str], str] = {}
        self.waiting = WaitingCalls()
        self.groups = AgentGroups()
        self.demand = Demand()
        self.estimates = Estimates()
        self.promises = Promises()
        self.tokens = 0.0
        self.last_offered: dict[str, int] = {}
        """By queue, the order of the agent who was offered a call of it last."""
        self.busy = 0
        """Agents who talk or wrap up."""
        self.excluded_from: dict[str, set[str]] = {}
        """By agent, the waiting calls that are not offered to him again."""
        self.held: dict[str, str | None] = {}
        """Calls that wait but in no queue yet, and for which agent, if for one."""
        self.callback_of: dict[str, str] = {}
        """By person, the callback that is still to be made."""
        self.sites: dict[str, SiteState] = {}
        """The sites that are not open."""
        self.pbxs_down: dict[str, float] = {}
        """The PBXs that do not answer, and since when. None of their calls is offered meanwhile."""
        self._timers = Timers()
        self._to_look_at: list[str] = []
        """Calls that have begun to wait since somebody asked for the next timer."""
        self._to_time: list[str] = []
        """Offers that were made since then."""
        self._to_forget: dict[float, set[str]] = {}
        """Ended calls by when they are forgotten."""
        self.refresh_at = 0.0
        self.was_refreshed = False
        """Whether the policy has weighed the load anew and nobody has looked yet what comes of it."""
        self.counts_units = False
        """Whether any work takes more or less than one unit of an agent."""

    @property
    def waiting_count(self) -> int:
        """Calls that wait, those that are just being offered included."""
        return len(self.waiting) + len(self.held) + len(self.offers)

    # -- calls ---------------------------------------------------------------------------------

    def _set_call(self, call: Call, state: CallState, into: WaitingClass | None = None) -> None:
        """`into` is the class of a call that begins to wait, where it is known already."""
        if call.state == "queued":
            self.waiting.remove(call.id)
            if self.held:
                self.held.pop(call.id, None)
        call.state = state
        if state != "queued":
            return
        self._to_look_at.append(call.id)
        if call.pbx in self.pbxs_down:
            self.held[call.id] = None
        elif call.preferred_until is not None:
            self.held[call.id] = call.preferred
        elif call.not_before is not None:
            self.held[call.id] = None
        else:
            self.waiting.add(call, into or self.class_for(call))

    def class_for(self, call: Call) -> WaitingClass:
        """The class that the call waits in, made when it is new."""
        return self.class_of_key(class_key(call, signature(call.needs), self.now))

    def _in_general(self, waiting: WaitingClass) -> WaitingClass:
        """The class without its urgency and clock: what is urgent is a load as what is not."""
        key = waiting.key
        if not (waiting.urgent or key.put_back or key.target_s is not None):
            return waiting
        return self.class_of_key(ClassKey(*key[:3]))

    def class_of_key(self, key: ClassKey) -> WaitingClass:
        found = self.waiting.classes.get(key)
        if found is None:
            found = WaitingClass(key, self.groups.requirement(dict(key.needs)))
            found.configure(self.queues[found.queue])
            self.waiting.classes[key] = found
            self.groups.add_class(found)
            self.refresh_at = 0.0
        return found

    def _set_looks(self, call: Call) -> None:
        """When somebody has to look whether the call may be given to more agents, or more be offered."""
        assert call.queued_at is not None
        assert call.queue is not None
        assert call.priority is not None
        queue = self.queues[call.queue]
        longest = queue.max_wait_of(call.priority)
        moments = [call.queued_at + after for after in self.policy.looks]
        moments += [call.queued_at + step.after_s for step in recipe_of(call.terms, queue)]
        for way in call.terms.ways_out:
            moments.append(call.queued_at + due_after(way, queue, call.priority))
        blended = queue.min_idle and call.priority == "deferrable"
        if blended or max(self.policy.looks, default=0.0) > longest:
            moments.append(call.queued_at + longest)
        if call.preferred_until is not None:
            moments.append(call.preferred_until)
        if call.not_before is not None:
            moments.append(call.not_before)
        if call.due_at is not None and call.due_at - URGENT_S > self.now:
            moments.append(call.due_at - URGENT_S)
        if call.callback is not None:
            if call.callback.promise_due is not None:
                moments.append(call.callback.promise_due)
        elif self.spec.callbacks is not None and call.kind == "call":
            moments.append(call.queued_at + self.spec.callbacks.after_s)
        for at in {max(at, self.now) for at in moments}:
            self._timers.set(at, "look", call.id)

    def _set_forget(self, call: Call) -> None:
        """An ended call is forgotten then: an hour after its end, if nothing else holds."""
        assert call.ended_at is not None
        at = call.forgotten_at or forget_at(call.ended_at + LINGER_S)
        call.forgotten_at = at
        together = self._to_forget.get(at)
        if together is None:
            together = self._to_forget[at] = set()
            self._timers.set(at, "forget", "")
        together.add(call.id)

    def _unset_forget(self, call: Call) -> None:
        together = self._to_forget.get(call.forgotten_at or 0.0)
        if together is not None:
            together.discard(call.id)
            if not together:
                del self._to_forget[call.forgotten_at or 0.0]

    def _look_at_all(self) -> None:
        """What waits may be due at other times now."""
        self._to_look_at += [call.id for call in self.calls.values() if call.state == "queued"]

    # -- agents --------------------------------------------------------------------------------

    def _set_agent(
        self, agent: Agent, state: AgentState, *, at: float, reason: str | None = None
    ) -> None:
        self.busy += (state in AT_WORK) - (agent.state in AT_WORK)
        if self.spec.occupancy_cap_pct is not None:
            agent.busy, agent.busy_at = busy_now(agent, at), at
        agent.state, agent.reason, agent.since = state, reason, at
        agent.version += 1
        self._file_agent(agent)

    def _file_agent(self, agent: Agent) -> None:
        """Puts the agent where decisions look for him."""
        if agent.state == "logged_out":
            self.groups.leave(agent.id)
            self.refresh_at = 0.0
            return
        if self.groups.group_of(agent.id) is None:
            self.groups.enter(agent, self.waiting.classes)
            self.refresh_at = 0.0
        is_ready = agent.state == "ready" and agent.rested_at is None
        if is_ready and (not agent.at_work or self.has_room(agent.id, 1)):
            place = self.policy.place(agent) if agent.gone_at is None else inf
            self.groups.idle(agent.id, place, agent.order)
            return
        self.groups.unidle(agent.id)
        if agent.state == "talking" and self.is_lent(agent):
            self.groups.lend(agent.id, agent.since, agent.order)

    def _refile_agent(self, agent: Agent) -> None:
        """His skills or his site may have changed."""
        if agent.state != "logged_out":
            self.groups.enter(agent, self.waiting.classes)
            self._file_agent(agent)
            self.refresh_at = 0.0

    def is_lent(self, agent: Agent) -> bool:
        """Whether all that the agent is at may be interrupted."""
        at_work = agent.at_work
        if self.rest_of(agent) is not None:
            return False
        if len(at_work) == 1:
            return self.calls[at_work[0]].interruptible
        return bool(at_work) and all(self.calls[each].interruptible for each in at_work)

    def rest_of(self, agent: Agent) -> str | None:
        """The reason for which his site, or the PBX of his phone, keeps an agent from being ready; None: nothing does."""
        if not self.sites and not self.pbxs_down:
            return None
        state = self.sites.get(agent.site or "")
        if state is not None:
            return f"site_{state}"
        return PBX_DOWN if self.phone_is_away(agent) else None

    def phone_is_away(self, agent: Agent) -> bool:
        """Whether no PBX that could ring him answers."""
        return bool(self.pbxs_down) and phone_is_away(agent, self.spec.pbxs, self.pbxs_down)

    def has_room(self, agent_id: str, units: int) -> bool:
        """Whether an agent can take on so many units beside what he has in hand."""
        agent = self.agents[agent_id]
        return self.in_hand(agent) + units <= agent.spec.capacity

    def has_nothing_else(self, agent_id: str, units: int) -> bool:
        """Whether an agent could take on work that may be interrupted: none beside other work, and no bot any."""
        agent = self.agents[agent_id]
        able = agent.spec.kind != "bot" and units <= agent.spec.capacity
        return able and not agent.at_work

    def in_hand(self, agent: Agent) -> int:
        """The units of what he is at, without what he was called away from."""
        return sum(
            self.calls[each].units for each in agent.at_work if not self.calls[each].suspended
        )


def forget_at(at: float) -> float:
    """When the floor forgets a call that it may forget then: by the ten seconds, so that many go at once."""
    return ceil(at / FORGET_EVERY_S) * FORGET_EVERY_S
