"""What a floor consists of, and the words for it.

Times are seconds since the epoch (UTC). The mutable classes are changed by `Floor.apply` alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

CallState = Literal["arrived", "self_service", "queued", "offered", "connected", "ended"]
AgentState = Literal["logged_out", "not_ready", "ready", "reserved", "talking", "wrap_up"]
OfferState = Literal["offered", "ringing"]
Outcome = Literal[
    "handled", "self_served", "abandoned", "callback", "voicemail", "overflow", "closed", "lost"
]
Payer = Literal["cash", "insured", "unknown"]
Priority = Literal["emergency", "vip", "cash", "insured", "deferrable"]
AcceptMode = Literal["app", "ring", "auto"]
Control = Literal["commands", "dialplan"]
"""How the PBX is steered: it takes commands, or its dialplan asks in a loop."""
Party = Literal["caller", "agent", "system"]
FailureCause = Literal["busy", "rejected", "no_answer", "unreachable"]
OfferEnd = Literal[
    "rejected", "no_accept", "no_answer", "busy", "unreachable", "abandoned", "withdrawn"
]

PRIORITIES: tuple[Priority, ...] = ("emergency", "vip", "cash", "insured", "deferrable")
"""Priority classes from first to last."""
RANK: Mapping[str, int] = {priority: rank for rank, priority in enumerate(PRIORITIES)}
CALL_STATES: tuple[CallState, ...] = (
    "arrived", "self_service", "queued", "offered", "connected", "ended",
)  # fmt: skip
AGENT_STATES: tuple[AgentState, ...] = (
    "logged_out", "not_ready", "ready", "reserved", "talking", "wrap_up",
)  # fmt: skip


class Rejected(Exception):  # noqa: N818 - the word of the field
    """A command that is not legal now. `reason` is a stable slug; `allowed` says what would be."""

    def __init__(self, reason: str, detail: str, *, allowed: tuple[str, ...] = ()) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.allowed = allowed


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSpec:
    """A queue as configured; all durations in seconds."""

    id: str
    target_s: float = 20.0
    max_wait_s: float = 600.0
    offer_timeout_s: float = 15.0
    ring_timeout_s: float = 20.0
    wrap_up_s: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSpec:
    """An agent as configured. Skill levels go from 1 to 10, 10 is best."""

    id: str
    team: str | None = None
    site: str | None = None
    skills: Mapping[str, int] = field(default_factory=dict)
    endpoint: str | None = None
    accept: AcceptMode = "app"


@dataclass(slots=True, kw_only=True)
class Call:
    """A call on the floor. `excluded` are the agents who missed or rejected it."""

    id: str
    pbx: str
    pbx_call_id: str
    line: str
    control: Control
    state: CallState
    arrived_at: float
    version: int = 0
    offers_made: int = 0
    queue: str | None = None
    skills: dict[str, int] = field(default_factory=dict)
    priority: Priority | None = None
    payer: Payer = "unknown"
    insurance: str | None = None
    language: str | None = None
    flow: str | None = None
    flow_version: int | None = None
    crm: dict[str, Any] = field(default_factory=dict)
    queued_at: float | None = None
    answered_at: float | None = None
    ended_at: float | None = None
    offer: str | None = None
    agent: str | None = None
    outcome: Outcome | None = None
    ended_by: Party | None = None
    excluded: set[str] = field(default_factory=set)
    wrapped_up: bool = False


@dataclass(slots=True, kw_only=True)
class Agent:
    """An agent on the floor: as configured, and as he is now."""

    id: str
    spec: AgentSpec
    state: AgentState = "logged_out"
    reason: str | None = None
    since: float = 0.0
    version: int = 0
    endpoint: str | None = None
    site: str | None = None
    offer: str | None = None
    call: str | None = None
    rests_after: str | None = None
    """Reason for which he goes not ready after this call; None: he does not."""
    wrap_up_until: float | None = None
    idle_since: float = 0.0


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Why an offer went to this agent (api.md, `GET /calls/{id}/decisions`)."""

    offer_id: str
    call_id: str
    at: float
    policy: str
    groups: tuple[AgentGroup, ...]
    agents: tuple[str, ...]
    chosen: str
    flow_version: int | None
    crm: Mapping[str, Any]
