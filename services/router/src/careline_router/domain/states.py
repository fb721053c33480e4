"""What a floor consists of.

Times are seconds since the epoch (UTC). The mutable classes are changed by `Floor.apply` alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from careline_router.domain.specs import AgentSpec
from careline_router.domain.terms import NO_TERMS, Terms
from careline_router.domain.words import (
    AgentState,
    CallbackMode,
    CallbackOrigin,
    CallState,
    ConsultState,
    Control,
    Kind,
    OfferState,
    Outcome,
    Party,
    Payer,
    Priority,
)


class Rejected(Exception):  # noqa: N818 - the word of the field
    """A command that is not legal now. `reason` is a stable slug; `allowed` says what would be."""

    def __init__(self, reason: str, detail: str, *, allowed: tuple[str, ...] = ()) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.allowed = allowed


@dataclass(frozen=True, slots=True, kw_only=True)
class Consultation:
    """Whom an agent asks while his caller is held: `agent` is None for an endpoint outside the floor."""

    id: str
    endpoint: str
    agent: str | None = None
    state: ConsultState = "ringing"


@dataclass(slots=True, kw_only=True)
class Call:
    """An item of work on the floor, mostly a call. `excluded` are the agents who missed or rejected it.

    Times are None until they have come. `needs` are the skills it needs now; `skills` those it came
    with, before anything was relaxed. What it holds is replaced, never changed.
    """

    id: str
    pbx: str
    pbx_call_id: str
    line: str
    control: Control
    state: CallState
    arrived_at: float
    kind: Kind = "call"
    units: int = 1
    interruptible: bool = False
    version: int = 0
    offers_made: int = 0
    queue: str | None = None
    skills: Mapping[str, int] = field(default_factory=dict)
    needs: Mapping[str, int] = field(default_factory=dict)
    relaxed: int = 0
    """How many steps of its queue's recipe have been taken."""
    priority: Priority | None = None
    payer: Payer = "unknown"
    insurance: str | None = None
    language: str | None = None
    hears: str | None = None
    """The tag by which what he hears is chosen (see `prompts`); None: his language."""
    flow: str | None = None
    flow_version: int | None = None
    crm: Mapping[str, Any] = field(default_factory=dict)
    person: str | None = None
    """Who calls, as a key that says nothing (a keyed hash of the number)."""
    due_at: float | None = None
    """When the appeal that this is about is due."""
    preferred: str | None = None
    preferred_until: float | None = None
    not_before: float | None = None
    queued_at: float | None = None
    answered_at: float | None = None
    ended_at: float | None = None
    offer: str | None = None
    agent: str | None = None
    outcome: Outcome | None = None
    ended_by: Party | None = None
    excluded: frozenset[str] = frozenset()
    wrapped_up: bool = False
    forgotten_at: float | None = None
    """When the floor forgets it, once it has ended."""
    estimate_s: float | None = None
    """The wait that was estimated when it was queued, if anybody was."""
    node: str | None = None
    """Where in its flow's self-service the caller is, while he is."""
    node_tries: int = 0
    served: bool = False
    """Whether he has heard there what one may call for."""
    asked_until: float | None = None
    """Until then he may press keys; None while he is served: he has pressed none in time."""
    forwarded_to: str | None = None
    suspended: bool = False
    """Its agent was called away from it, and comes back."""
    put_back: bool = False
    """Its agent dropped out of the talk: it goes first at its place, as if it had waited its longest."""
    offers_callback: bool = True
    terms: Terms = NO_TERMS
    """What its flow says of it in place of what its queue says."""
    ways_told: tuple[int, ...] = ()
    """The ways out of its `terms` that it has been told of, by place."""
    recording_refused_at: float | None = None
    leaving: bool = False
    """The PBX is passing it on to an endpoint outside the floor."""
    left: bool = False
    """And its agent has gone meanwhile."""
    transferred: bool = False
    """It was passed on by an agent."""
    consultation: Consultation | None = None
    callback_offered_at: float | None = None
    callback: "Callback | None" = None

    @property
    def records(self) -> bool:
        """Whether its talk is to be recorded."""
        return self.terms.records and self.recording_refused_at is None


@dataclass(slots=True, kw_only=True)
class Callback:
    """What a call of kind `callback` has besides."""

    origin: CallbackOrigin
    mode: CallbackMode
    promised_at: float
    promise_due: float | None
    """Until when it was promised; None: nobody was promised anything."""
    utc_offset_s: float = 0.0
    attempts: int = 0
    dialling: bool = False
    due: bool = False
    """Its promise is due: it waits at its place in the queue, whoever else does."""


def may_take_callback(call: Call) -> bool:
    """Whether the caller has been offered to be called back, still waits, and can be called at all."""
    return (
        call.callback_offered_at is not None
        and call.person is not None
        and call.state in {"queued", "offered"}
    )


@dataclass(slots=True, kw_only=True)
class Agent:
    """An agent on the floor: as configured, and as he is now."""

    id: str
    spec: AgentSpec
    order: int = 0
    """His place among all agents as they were configured."""
    state: AgentState = "logged_out"
    reason: str | None = None
    since: float = 0.0
    version: int = 0
    endpoint: str | None = None
    site: str | None = None
    offer: str | None = None
    call: str | None = None
    """The call he is offered, has, or is wrapping up; of several the newest."""
    at_work: tuple[str, ...] = ()
    """All items he has in hand, the oldest first."""
    rests_after: str | None = None
    """Reason for which he goes not ready after this call; None: he does not."""
    wrap_up_until: float | None = None
    wrap_up_began: float | None = None
    idle_since: float = 0.0
    last_call_ended: float = 0.0
    calls_taken: int = 0
    busy: float = 0.0
    """Decayed seconds of work, for his occupancy (see `occupancy`)."""
    busy_at: float = 0.0
    rested_at: float | None = None
    """Until then the occupancy cap keeps calls from him."""
    connected: bool = False
    """Whether his desk has a connection."""
    gone_at: float | None = None
    """When he counts as gone, unless his desk, which was cut off, is back by then."""


@dataclass(slots=True, kw_only=True)
class Offer:
    """An open offer: a call reserved for an agent until `deadline`."""

    id: str
    call: str
    agent: str
    state: OfferState
    endpoint: str
    made_at: float
    deadline: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentGroup:
    """All logged-in agents of one skill signature, as a decision saw them."""

    signature: str
    idle: int
    removed_by: str | None = None
    score: float | None = None
