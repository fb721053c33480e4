"""What has happened on a floor. The journal is these, in order; replaying them gives the floor back.

No event carries a number or a name of a patient: the journal is kept for long.
"""

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from careline_router.domain.records import record
from careline_router.domain.specs import AgentSpec, FloorSpec, QueueSpec
from careline_router.domain.terms import NO_TERMS, Terms
from careline_router.domain.words import (
    AgentState,
    CallbackMode,
    CallbackOrigin,
    Control,
    FailureCause,
    Kind,
    OfferEnd,
    OfferState,
    Outcome,
    Party,
    Payer,
    PbxState,
    Priority,
    SiteState,
)


@record
class Event:
    """`at` is the floor's time: seconds since the epoch, never running backwards."""

    at: float


@record
class FloorConfigured(Event):
    floor: FloorSpec


@record
class QueuesConfigured(Event):
    queues: tuple[QueueSpec, ...]


@record
class AgentsConfigured(Event):
    agents: tuple[AgentSpec, ...]


@record
class CallRegistered(Event):
    call_id: str
    pbx: str
    pbx_call_id: str
    line: str
    control: Control
    kind: Kind = "call"


@record
class CallerAsked(Event):
    """The caller hears `media` and may press keys until `until`; which he pressed may be personal, and
    stands with his contact. `first`: nothing was asked him before."""

    call_id: str
    node: str
    tries: int
    media: tuple[str, ...]
    until: float
    first: bool
    served: bool = False
    flow: str | None = None
    flow_version: int | None = None


@record
class CallerSilent(Event):
    """He was asked and has pressed nothing in time."""

    call_id: str


@record
class CallQueued(Event):
    call_id: str
    queue: str
    skills: Mapping[str, int]
    priority: Priority
    payer: Payer
    insurance: str | None = None
    language: str | None = None
    hears: str | None = None
    flow: str | None = None
    flow_version: int | None = None
    crm: Mapping[str, Any] = field(default_factory=dict)
    person: str | None = None
    due_at: float | None = None
    preferred: str | None = None
    preferred_until: float | None = None
    estimate_s: float | None = None
    media: tuple[str, ...] = ()
    offers_callback: bool = True
    terms: Terms = NO_TERMS


@record
class CallReleased(Event):
    """The call is held back no more: it waits in its queue, at its place in time."""

    call_id: str


@record
class CallPressed(Event):
    """The appeal that the call is about is due soon now: it weighs more."""

    call_id: str


@record
class RequirementRelaxed(Event):
    """A step of the queue's recipe was taken; the call needs this from now on, and waits here."""

    call_id: str
    step: int
    needs: Mapping[str, int]
    queue: str
    priority: Priority


@record
class CallMoved(Event):
    """`terms` None: it takes the queue's clocks and keeps the rest of its own."""

    call_id: str
    queue: str
    skills: Mapping[str, int]
    terms: Terms | None = None


@record
class PriorityChanged(Event):
    call_id: str
    priority: Priority


@record
class WayOutOffered(Event):
    """The waiting caller is told of a way out of the queue: which of his flow's, from 0."""

    call_id: str
    place: int


@record
class RecordingRefused(Event):
    """The caller does not want to be recorded: his talk is not, or no more."""

    call_id: str


@record
class DigitsPressed(Event):
    """How many keys the caller pressed; which ones may be personal."""

    call_id: str
    count: int


@record
class OfferMade(Event):
    """The agent is reserved. `state` is `ringing` when his phone rings with the offer."""

    offer_id: str
    call_id: str
    agent_id: str
    state: OfferState
    endpoint: str
    deadline: float
    timeout_s: float
    tokens: float | None = None
    """What is left of the policy's tokens; None: as before."""


@record
class OfferAccepted(Event):
    """The agent took the offer on his screen; now his phone rings until `deadline`."""

    offer_id: str
    call_id: str
    agent_id: str
    endpoint: str
    deadline: float
    timeout_s: float


@record
class OfferClosed(Event):
    """An offer ended without a talk. `rings`: his phone still rings and has to be stopped.
    `excluded`: this agent is not offered this call again."""

    offer_id: str
    call_id: str
    agent_id: str
    end: OfferEnd
    rings: bool
    excluded: bool


@record
class ExclusionLifted(Event):
    """The agent may be offered the call again: nobody else is there who could serve it."""

    call_id: str
    agent_id: str


@record
class CallConnected(Event):
    offer_id: str
    call_id: str
    agent_id: str


@record
class CallRequeued(Event):
    """The agent's phone dropped out of the talk: the caller waits again, at his place in time. `leg` is the offer by
    which a leg may still be there, to be taken down."""

    call_id: str
    agent_id: str
    cause: str
    leg: str | None = None


@record
class WorkInterrupted(Event):
    """The agent leaves this item for one that may not wait."""

    call_id: str
    agent_id: str


@record
class WorkResumed(Event):
    """The agent takes up again what he was interrupted in."""

    call_id: str
    agent_id: str


@record
class CallbackOffered(Event):
    """The caller may choose to be called back; `wait_band` is what he may be told of his wait, as
    from and to in seconds, None when no estimate can be trusted."""

    call_id: str
    wait_band: tuple[float, float | None] | None = None


@record
class CallbackMade(Event):
    """Somebody is to be called back. `place` is since when this counts as waiting; `from_call` the
    call that it comes from."""

    call_id: str
    from_call: str | None
    pbx: str
    line: str
    control: Control
    queue: str
    skills: Mapping[str, int]
    priority: Priority
    payer: Payer
    person: str | None
    origin: CallbackOrigin
    mode: CallbackMode
    place: float
    promise_due: float | None
    not_before: float | None
    utc_offset_s: float
    insurance: str | None = None
    language: str | None = None


@record
class CallbackDue(Event):
    """Its promise has to be kept now: it waits at its place in the queue as if it were a caller."""

    call_id: str


@record
class DialRequested(Event):
    """The agent is there: call the person."""

    call_id: str
    offer_id: str
    agent_id: str


@record
class DialEnded(Event):
    """The person was reached, or was not and is tried again from `not_before` on."""

    call_id: str
    agent_id: str
    reached: bool
    cause: FailureCause | None = None
    not_before: float | None = None


@record
class ControlRequested(Event):
    call_id: str
    kind: str
    body: Mapping[str, Any]


@record
class CallAssigned(Event):
    """The waiting call is for this agent alone until then, and goes first at its place."""

    call_id: str
    agent_id: str
    until: float


@record
class CallAnnounced(Event):
    """The waiting caller is told something by a supervisor."""

    call_id: str
    media: str


@record
class CallEnded(Event):
    """`media` is what the caller still hears, after what comes `before`, of a call that was closed;
    `endpoint` where he is put through."""

    call_id: str
    outcome: Outcome
    by: Party
    agent_id: str | None = None
    media: str | None = None
    before: tuple[str, ...] = ()
    endpoint: str | None = None


@record
class CallWrappedUp(Event):
    call_id: str
    agent_id: str


@record
class CallsForgotten(Event):
    """Calls long ended leave the floor's memory; their records stay."""

    call_ids: tuple[str, ...]


@record
class SiteChanged(Event):
    site: str
    state: SiteState


@record
class PbxChanged(Event):
    pbx: str
    state: PbxState


@record
class AgentLoggedIn(Event):
    agent_id: str
    endpoint: str
    site: str | None


@record
class AgentStateChanged(Event):
    """`until` is the end of a wrap-up, `keeps_idle` an agent who keeps his place among the idle."""

    agent_id: str
    state: AgentState
    reason: str | None = None
    until: float | None = None
    keeps_idle: bool = False


@record
class WrapUpExtended(Event):
    agent_id: str
    until: float


@record
class OccupancyCapped(Event):
    """The agent has been busy for too long a share of his time: nothing is offered him until then."""

    agent_id: str
    until: float
    occupancy_pct: float


@record
class OccupancyFreed(Event):
    agent_id: str


@record
class RestPlanned(Event):
    """The agent goes not ready after this call; `reason` None takes that back."""

    agent_id: str
    reason: str | None
