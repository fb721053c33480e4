"""Everything that can be asked of a floor.

Requests of people are legal or `Rejected`. Facts that a PBX tells (`PhoneAnswered`, `OfferFailed`,
`HangUp`, `Digits`) cannot be refused: one that comes too late has no effect.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from careline_router.domain.states import (
    AgentSpec,
    Control,
    FailureCause,
    Outcome,
    Party,
    Payer,
    Priority,
    QueueSpec,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigureQueues:
    """Queues as they are from now on; those not named stay."""

    queues: tuple[QueueSpec, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigureAgents:
    """Agents as they are from now on; those not named stay."""

    agents: tuple[AgentSpec, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterCall:
    """A call came in. It is not routed yet: its flow and its CRM profile are still to come."""

    call_id: str
    pbx: str
    pbx_call_id: str
    line: str
    control: Control = "commands"


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueCall:
    """The flow has decided: wait in this queue for an agent with these skills at these levels."""

    call_id: str
    queue: str
    skills: Mapping[str, int]
    priority: Priority
    payer: Payer = "unknown"
    insurance: str | None = None
    language: str | None = None
    flow: str | None = None
    flow_version: int | None = None
    crm: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseCall:
    """End a call that was never queued, with a message to the caller."""

    call_id: str
    outcome: Outcome
    media: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HangUp:
    """A party is gone (fact)."""

    call_id: str
    by: Party
    cause: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Digits:
    """The caller pressed keys (fact)."""

    call_id: str
    digits: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneAnswered:
    """The agent's phone was answered (fact)."""

    offer_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferFailed:
    """The agent's phone could not be reached or was not answered (fact)."""

    offer_id: str
    cause: FailureCause


@dataclass(frozen=True, slots=True, kw_only=True)
class LogIn:
    """An agent comes to work; he is not ready until he says so. The newer log-in wins."""

    agent_id: str
    endpoint: str | None = None
    site: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogOut:
    agent_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetReady:
    agent_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetNotReady:
    """Takes effect at once, or after this call when the agent is reserved or talking."""

    agent_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptOffer:
    agent_id: str
    offer_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectOffer:
    agent_id: str
    offer_id: str
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CompleteWrapUp:
    """The agent is done with a call; allowed until the floor forgets the call."""

    agent_id: str
    call_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """Move a waiting call to another queue; it keeps its place in time."""

    call_id: str
    queue: str
    skills: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetPriority:
    call_id: str
    priority: Priority


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlTalk:
    """Have the PBX do something to a connected call: `hold bridge record listen transfer`.

    `agent_id` is who asks when it must be the agent of the call; None for supervisors.
    """

    call_id: str
    kind: str
    body: Mapping[str, Any] = field(default_factory=dict)
    agent_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """Time has passed: whatever is due happens."""


Command = (
    ConfigureQueues
    | ConfigureAgents
    | RegisterCall
    | QueueCall
    | CloseCall
    | HangUp
    | Digits
    | PhoneAnswered
    | OfferFailed
    | LogIn
    | LogOut
    | SetReady
    | SetNotReady
    | AcceptOffer
    | RejectOffer
    | CompleteWrapUp
    | Move
    | SetPriority
    | ControlTalk
    | Tick
)
