"""Everything that can be asked of a floor.

Requests of people are legal or `Rejected`. Facts that a PBX tells (`PhoneAnswered`, `OfferFailed`,
`HangUp`, `Digits`) cannot be refused: one that comes too late has no effect.
"""

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from careline_router.domain.records import record
from careline_router.domain.specs import AgentSpec, FloorSpec, QueueSpec
from careline_router.domain.terms import NO_TERMS, Terms
from careline_router.domain.transfer_orders import (
    Consult,
    ConsultAnswered,
    ConsultGone,
    EndConsult,
    TransferEnded,
    TransferIn,
    TransferOut,
)
from careline_router.domain.words import (
    CallbackMode,
    CallbackOrigin,
    Control,
    FailureCause,
    Kind,
    OfferFailure,
    Outcome,
    Party,
    Payer,
    PbxState,
    Priority,
    SiteState,
)
from careline_router.domain.work import EndWork, OfferWork


@record
class ConfigureFloor:
    """The floor's policy and rules from now on; `unknown-policy` when there is no such policy."""

    floor: FloorSpec


@record
class ConfigureQueues:
    """Queues as they are from now on; those not named stay."""

    queues: tuple[QueueSpec, ...]


@record
class ConfigureAgents:
    """Agents as they are from now on; those not named stay."""

    agents: tuple[AgentSpec, ...]


@record
class RegisterCall:
    """A call came in, or other work. It is not routed yet: its flow and CRM profile are still to come."""

    call_id: str
    pbx: str
    pbx_call_id: str
    line: str
    control: Control = "commands"
    kind: Kind = "call"


@record
class AskCaller:
    """The flow serves the caller by itself: he hears `media`, and has `wait_s` seconds to press keys.

    `node` is where in its flow he is, for the how many-th time is `tries`; `served` tells that he has heard
    what one may call for: when he hangs up, he has served himself. What he presses stands with his contact.
    """

    call_id: str
    node: str
    media: tuple[str, ...]
    wait_s: float
    tries: int = 0
    served: bool = False
    flow: str | None = None
    flow_version: int | None = None


@record
class QueueCall:
    """The flow has decided: wait in this queue for an agent with these skills at these levels.

    A skill `@SITE` asks for an agent of that site. `person` is a key that says nothing about him,
    `due_at` when the appeal that this is about is due. For `preferred_for_s` seconds it waits for the
    agent `preferred` alone, while he is at work. `hears` is the tag by which what he hears later is chosen (None: his
    language), `media` what he hears before the music; without
    `offers_callback` he is not asked whether he wants to be called back. `terms` hold in place of the queue's.
    """

    call_id: str
    queue: str
    skills: Mapping[str, int]
    priority: Priority
    payer: Payer = "unknown"
    insurance: str | None = None
    language: str | None = None
    hears: str | None = None
    flow: str | None = None
    flow_version: int | None = None
    crm: Mapping[str, Any] = field(default_factory=dict)
    person: str | None = None
    due_at: float | None = None
    preferred: str | None = None
    preferred_for_s: float = 0.0
    media: tuple[str, ...] = ()
    offers_callback: bool = True
    terms: Terms = NO_TERMS


@record
class CloseCall:
    """End a call that was never queued, with a message to the caller, after what he still hears `before`.
    With an `endpoint` he is put through there (`overflow`), as `voicemail` he may speak.

    Who may be called back later (`person`, and the queue to do it) is, if the floor's rules say so.
    """

    call_id: str
    outcome: Outcome
    media: str | None
    before: tuple[str, ...] = ()
    endpoint: str | None = None
    person: str | None = None
    queue: str | None = None
    skills: Mapping[str, int] = field(default_factory=dict)
    utc_offset_s: float = 0.0


@record
class LeaveQueue:
    """A waiting call goes elsewhere: `overflow` (to `endpoint`), `voicemail` or `self_served`."""

    call_id: str
    outcome: Outcome
    media: str | None = None
    endpoint: str | None = None


@record
class TakeWayOut:
    """A waiting caller has pressed the key of a way out of the queue that he was told of."""

    call_id: str
    key: str


@record
class RefuseRecording:
    """The caller does not want to be recorded (fact)."""

    call_id: str


@record
class RequestCallback:
    """Somebody is to be called back, at `not_before` or as soon as there are agents for it.

    `call_id` is the callback's own. `known-person` when he is to be called back already.
    """

    call_id: str
    pbx: str
    line: str
    queue: str
    skills: Mapping[str, int]
    priority: Priority
    person: str
    origin: CallbackOrigin = "requested"
    payer: Payer = "unknown"
    mode: CallbackMode = "defer"
    not_before: float | None = None
    utc_offset_s: float = 0.0


@record
class AcceptCallback:
    """A waiting caller wants to be called back instead; `callback_id` is the new item's."""

    call_id: str
    callback_id: str
    utc_offset_s: float = 0.0


@record
class CancelCallback:
    """Nobody is to be called back by this any more; `callback-begun` when he is being called."""

    call_id: str


@record
class DialReached:
    """The person who was called back has answered (fact)."""

    call_id: str


@record
class DialFailed:
    """The person who was called back was not reached (fact)."""

    call_id: str
    cause: FailureCause


@record
class HangUp:
    """A party is gone (fact). An agent whose `cause` is one of `DROPS` did not mean to go: his caller
    is put back at the head of the queue."""

    call_id: str
    by: Party
    cause: str | None = None
    utc_offset_s: float = 0.0
    """The caller's zone, for the hours in which he may be called back."""
    back_by: str | None = None
    """His PBX is gone and he with it: this one calls him back, if who gives up is called back."""


@record
class Digits:
    """The caller pressed keys (fact)."""

    call_id: str
    digits: str


@record
class PhoneAnswered:
    """The agent's phone was answered (fact)."""

    offer_id: str


@record
class OfferFailed:
    """The agent's phone could not be reached or was not answered (fact). With `lost` that is no fault of his."""

    offer_id: str
    cause: OfferFailure


@record
class LogIn:
    """An agent comes to work; he is not ready until he says so. The newer log-in wins."""

    agent_id: str
    endpoint: str | None = None
    site: str | None = None


@record
class LogOut:
    agent_id: str


@record
class SetReady:
    agent_id: str


@record
class SetNotReady:
    """Takes effect at once, or after this call when the agent is reserved or talking."""

    agent_id: str
    reason: str


@record
class AcceptOffer:
    agent_id: str
    offer_id: str


@record
class RejectOffer:
    agent_id: str
    offer_id: str
    reason: str | None = None


@record
class CompleteWrapUp:
    """The agent is done with a call; allowed until the floor forgets the call."""

    agent_id: str
    call_id: str


@record
class ExtendWrapUp:
    """The agent needs so many seconds more, up to his queue's limit; `wrap-up-limit` beyond it."""

    agent_id: str
    seconds: float


@record
class Move:
    """Move a waiting call to another queue; it keeps its place in time. Without `terms` it takes the queue's
    clocks and keeps the rest of its own."""

    call_id: str
    queue: str
    skills: Mapping[str, int]
    terms: Terms | None = None


@record
class SetPriority:
    call_id: str
    priority: Priority


@record
class ControlTalk:
    """Have the PBX do something to a connected call: `hold bridge record listen transfer`.

    `agent_id` is who asks when it must be the agent of the call; None for supervisors.
    """

    call_id: str
    kind: str
    body: Mapping[str, Any] = field(default_factory=dict)
    agent_id: str | None = None


@record
class Assign:
    """A waiting call is for this agent alone, first at its place, for `for_s` seconds."""

    call_id: str
    agent_id: str
    for_s: float


@record
class WithdrawOffer:
    """Takes an offer back from its agent, who is not offered the call again."""

    offer_id: str


@record
class Announce:
    """Has all who wait hear something, or those of one queue."""

    media: str
    queue: str | None = None


@record
class SetSite:
    """A site is `open`, `drained` (what is under way is finished) or `down` (nobody can be reached there)."""

    site: str
    state: SiteState


@record
class SetPbx:
    """A PBX is `down`: it does not answer, so none of its calls is offered until it is `up` again."""

    pbx: str
    state: PbxState


@record
class SetPresence:
    """Whose desks are connected now, and whose are no more (fact); for those not named nothing changes."""

    came: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


@record
class Tick:
    """Time has passed: whatever is due happens."""


Command = (
    ConfigureFloor
    | ConfigureQueues
    | ConfigureAgents
    | RegisterCall
    | AskCaller
    | QueueCall
    | CloseCall
    | LeaveQueue
    | TakeWayOut
    | RefuseRecording
    | RequestCallback
    | AcceptCallback
    | CancelCallback
    | DialReached
    | DialFailed
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
    | ExtendWrapUp
    | Move
    | SetPriority
    | ControlTalk
    | TransferOut
    | TransferIn
    | Consult
    | EndConsult
    | ConsultAnswered
    | ConsultGone
    | TransferEnded
    | Assign
    | WithdrawOffer
    | Announce
    | SetSite
    | SetPbx
    | SetPresence
    | OfferWork
    | EndWork
    | Tick
)
