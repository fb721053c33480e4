"""What has happened on a floor. The journal is these, in order; replaying them gives the floor back.

No event carries a number or a name of a patient: the journal is kept for long.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from careline_router.domain.states import (
    AgentSpec,
    AgentState,
    Control,
    OfferEnd,
    OfferState,
    Outcome,
    Party,
    Payer,
    Priority,
    QueueSpec,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """`at` is the floor's time: seconds since the epoch, never running backwards."""

    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuesConfigured(Event):
    queues: tuple[QueueSpec, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentsConfigured(Event):
    agents: tuple[AgentSpec, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRegistered(Event):
    call_id: str
    pbx: str
    pbx_call_id: str
    line: str
    control: Control


@dataclass(frozen=True, slots=True, kw_only=True)
class CallQueued(Event):
    call_id: str
    queue: str
    skills: Mapping[str, int]
    priority: Priority
    payer: Payer
    insurance: str | None = None
    language: str | None = None
    flow: str | None = None
    flow_version: int | None = None
    crm: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallMoved(Event):
    call_id: str
    queue: str
    skills: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class PriorityChanged(Event):
    call_id: str
    priority: Priority


@dataclass(frozen=True, slots=True, kw_only=True)
class DigitsPressed(Event):
    """How many keys the caller pressed; which ones may be personal."""

    call_id: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferMade(Event):
    """The agent is reserved. `state` is `ringing` when his phone rings with the offer."""

    offer_id: str
    call_id: str
    agent_id: str
    state: OfferState
    endpoint: str
    deadline: float
    timeout_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferAccepted(Event):
    """The agent took the offer on his screen; now his phone rings until `deadline`."""

    offer_id: str
    call_id: str
    agent_id: str
    endpoint: str
    deadline: float
    timeout_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferClosed(Event):
    """An offer ended without a talk. `rings`: his phone still rings and has to be stopped.
    `excluded`: this agent is not offered this call again."""

    offer_id: str
    call_id: str
    agent_id: str
    end: OfferEnd
    rings: bool
    excluded: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ExclusionLifted(Event):
    """The agent may be offered the call again: nobody else is there who could serve it."""

    call_id: str
    agent_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallConnected(Event):
    offer_id: str
    call_id: str
    agent_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlRequested(Event):
    call_id: str
    kind: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEnded(Event):
    """`media` is what the caller still hears, for calls that were closed."""

    call_id: str
    outcome: Outcome
    by: Party
    agent_id: str | None = None
    media: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallWrappedUp(Event):
    call_id: str
    agent_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallsForgotten(Event):
    """Calls long ended leave the floor's memory; their records stay."""

    call_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentLoggedIn(Event):
    agent_id: str
    endpoint: str
    site: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentStateChanged(Event):
    """`until` is the end of a wrap-up, `keeps_idle` an agent who keeps his place among the idle."""

    agent_id: str
    state: AgentState
    reason: str | None = None
    until: float | None = None
    keeps_idle: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RestPlanned(Event):
    """The agent goes not ready after this call; `reason` None takes that back."""

    agent_id: str
    reason: str | None


EVENTS: tuple[type[Event], ...] = (
    QueuesConfigured, AgentsConfigured, CallRegistered, CallQueued, CallMoved, PriorityChanged,
    DigitsPressed, OfferMade, OfferAccepted, OfferClosed, ExclusionLifted, CallConnected,
    ControlRequested, CallEnded, CallWrappedUp, CallsForgotten, AgentLoggedIn, AgentStateChanged,
    RestPlanned,
)  # fmt: skip
"""Every event, for the journal's reader."""
