"""What the router tells: calls, appeals that agents accept, agents. Subjects: the call's or item's id, the agent's id."""

from datetime import datetime
from typing import ClassVar, Literal

from careline_common.events.event import Event

Payer = Literal["cash", "insured", "unknown"]
CallOutcome = Literal[
    "handled", "self_served", "abandoned", "callback", "voicemail", "overflow", "closed", "lost"
]


class CallArrived(Event):
    TYPE: ClassVar[str] = "careline.call.arrived.v1"

    call_id: str
    pbx: str
    pbx_call_id: str
    line: str
    arrived_at: datetime


class CallQueued(Event):
    TYPE: ClassVar[str] = "careline.call.queued.v1"

    call_id: str
    queue: str
    payer: Payer
    priority: str
    queued_at: datetime


class CallConnected(Event):
    TYPE: ClassVar[str] = "careline.call.connected.v1"

    call_id: str
    offer_id: str
    agent: str
    queue: str
    answered_at: datetime
    wait_s: float


class CallEnded(Event):
    """A call is over. `contact` is there so that the patient can be asked how it went."""

    TYPE: ClassVar[str] = "careline.call.ended.v1"

    call_id: str
    line: str
    outcome: CallOutcome
    payer: Payer = "unknown"
    insurance: str | None = None
    queue: str | None = None
    agent: str | None = None
    team: str | None = None
    language: str | None = None
    arrived_at: datetime
    answered_at: datetime | None = None
    ended_at: datetime
    wait_s: float = 0.0
    talk_s: float = 0.0
    transferred: bool = False
    survey: str | None = None
    contact: str | None = None
    insurer: str | None = None
    callback: bool = False
    """True when we called the patient, False when he called us."""


class CallKeyed(Event):
    """The caller pressed keys after his call was over: the PBX has asked him how it went."""

    TYPE: ClassVar[str] = "careline.call.keyed.v1"

    call_id: str
    keys: str
    """The answers in turn, each ended by `#` but the last: `5#10#1`."""
    keyed_at: datetime


class CallWrappedUp(Event):
    TYPE: ClassVar[str] = "careline.call.wrapped_up.v1"

    call_id: str
    agent: str
    queue: str
    disposition: str
    resolved: bool
    subjects: tuple[str, ...] = ()
    booking: str | None = None
    """`booked`, or what else came of the wish for an appointment; None when there was none."""
    appointment: str | None = None
    wrapped_up_at: datetime


class RecordingReady(Event):
    TYPE: ClassVar[str] = "careline.call.recording_ready.v1"

    call_id: str
    duration_s: float
    at: datetime


class WorkAccepted(Event):
    """An agent has accepted an appeal of the journal that he was offered. Subject: the item on the floor."""

    TYPE: ClassVar[str] = "careline.work.accepted.v1"

    work_id: str
    ticket_id: str
    agent: str
    accepted_at: datetime


class AgentStateChanged(Event):
    TYPE: ClassVar[str] = "careline.agent.state_changed.v1"

    agent: str
    state: Literal["logged_out", "not_ready", "ready", "reserved", "talking", "wrap_up"]
    reason: str | None = None
    since: datetime
