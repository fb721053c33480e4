"""What the router shows of itself: the answers of `GET`s, as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from careline_router.domain.bookings import AppointmentState, Order
from careline_router.domain.words import (
    AgentState,
    CallbackOrigin,
    CallbackState,
    CallState,
    Control,
    Outcome,
    Payer,
    Priority,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """Who looks: decides whose `caller` is shown and on which calls one may act.

    `teams` are the teams he leads. `everything` is for role `floor` and for PBXs: all teams are his.
    `overview` is for who may see all agents and calls, but nothing personal; `recordings` for who
    may have the addresses of recordings besides; `steers_all` for who may give any agent orders.
    `subject` is who he is, for the record of what he does.
    """

    subject: str = ""
    agent: str | None = None
    teams: frozenset[str] = frozenset()
    everything: bool = False
    overview: bool = False
    recordings: bool = False
    steers_all: bool = False

    def sees_caller(self, agent: str | None, team: str | None) -> bool:
        """Whether he may know who calls, of a call of this agent and team."""
        return (
            self.everything
            or (agent is not None and agent == self.agent)
            or (team is not None and team in self.teams)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CallView:
    """A call. `caller` is None for a viewer who may not see it; `team` is its agent's. `ticket_id` is the appeal
    that it is in place of a call."""

    id: str
    pbx: str
    pbx_call_id: str
    caller: str | None
    line: str
    queue: str | None
    payer: Payer
    insurance: str | None
    priority: Priority | None
    language: str | None
    state: CallState
    arrived_at: datetime
    queued_at: datetime | None
    answered_at: datetime | None
    ended_at: datetime | None
    agent: str | None
    team: str | None
    outcome: Outcome | None
    control: Control
    crm: Mapping[str, Any]
    recording: Mapping[str, Any] | None
    recording_refused_at: datetime | None
    wrap_up: Mapping[str, Any] | None
    ticket_id: str | None = None

    @property
    def begun_here(self) -> bool:
        """Whether no caller has begun it: a callback has at its PBX the id that it has here."""
        return self.pbx_call_id == self.id


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackView:
    """A callback. `phone` is None for a viewer who may not see it; `agent` whoever has it now, or had
    it last; `promise_due` is None when nobody was promised anything."""

    id: str
    state: CallbackState
    origin: CallbackOrigin
    phone: str | None
    queue: str | None
    priority: Priority | None
    pbx: str
    line: str
    from_call: str | None
    made_at: datetime
    promise_due: datetime | None
    not_before: datetime | None
    attempts: int
    agent: str | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AppointmentView:
    """An appointment that was ordered in a call; `id` is ours, `external_id` the booking system's.

    `order` is what was ordered last and has no known outcome yet (state `unknown`); `reason` why the
    last order was not carried out.
    """

    id: str
    call_id: str
    state: AppointmentState
    order: Order | None
    clinic: str
    speciality: str | None
    slot_id: str | None
    starts_at: datetime | None
    ends_at: datetime | None
    external_id: str | None
    agent: str
    made_at: datetime
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackUnderWay:
    """A callback whose agent has answered his phone: its person is being called, or talks.

    `begun`: the PBX has been asked to dial, or is being asked.
    """

    call_id: str
    offer_id: str
    dialling: bool
    begun: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PbxCommand:
    """A command for a PBX. `body` are the fields of its type; `as_json` is the wire form."""

    id: str
    pbx: str
    type: str
    call_id: str
    pbx_call_id: str
    body: Mapping[str, Any] = field(default_factory=dict)

    @property
    def begun_here(self) -> bool:
        """Whether no caller has begun the call: a callback has at its PBX the id that it has here."""
        return self.pbx_call_id == self.call_id

    def as_json(self) -> dict[str, Any]:
        """`{"id","type","call_id","pbx_call_id",…}`."""
        return {
            "id": self.id,
            "type": self.type,
            "call_id": self.call_id,
            "pbx_call_id": self.pbx_call_id,
            **self.body,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class PbxAnswer:
    """The answer to an event of a PBX."""

    call: CallView
    commands: tuple[PbxCommand, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteStep:
    """What a dialplan does next: `action` as in `POST /pbx/{pbx}/route`."""

    action: str
    endpoint: str | None = None
    offer_id: str | None = None
    media: str | None = None
    timeout_s: float | None = None
    record: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferView:
    """An open offer; `customer` is what the CRM said and `desk` what the configuration gives to work with, for
    the agent who has the offer alone. `ticket_id` is the appeal that is offered, if it is no call."""

    id: str
    call_id: str
    state: str
    expires_at: datetime
    caller: str | None
    line: str
    queue: str | None
    payer: Payer
    customer: Mapping[str, Any] | None
    desk: Mapping[str, Any] | None = None
    ticket_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentView:
    """`GET /agents/me` and the `snapshot` of a `resync`."""

    id: str
    state: AgentState
    reason: str | None
    since: datetime | None
    skills: Mapping[str, int]
    team: str | None
    site: str | None
    name: str | None
    endpoint: str | None
    offer: OfferView | None
    call: CallView | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtraSkill:
    """A skill that an agent was given for a day; `until` is when it ends, `by` who gave it, `at` when."""

    agent: str
    skill: str
    level: int
    until: datetime
    by: str
    at: datetime


@dataclass(slots=True, kw_only=True)  # to freeze it would make it twice as dear to make
class AgentMessage:
    """One message on an agent's socket; `seq` counts from 1 for each agent."""

    seq: int
    type: str
    at: datetime
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimateView:
    """What callers of a queue are told of their wait: from and to, None while it cannot be trusted
    (`to` None: longer than `from`); and how far the last `n` were from what came, in seconds.

    `bias_s` above 0: callers waited less than they were told.
    """

    band_s: tuple[float, float | None] | None
    mae_s: float | None
    p90_s: float | None
    bias_s: float | None
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PromisesView:
    """Callbacks promised, called in time, called late, and not called at all; since the floor began."""

    made: int = 0
    kept: int = 0
    late: int = 0
    dropped: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueView:
    """A queue now, and since midnight (UTC) in the fields of `GET /reports/intervals`."""

    id: str
    waiting: int
    oldest_wait_s: float | None
    agents: Mapping[str, int]
    offered: int
    answered: int
    abandoned: int
    in_target: int
    sl_offered_pct: float | None
    sl_short_abandon_pct: float | None
    asa_s: float | None
    aht_s: float | None
    lcr_pct: float | None
    p95_s: float | None
    p99_s: float | None
    occupancy_pct: float | None
    estimate: EstimateView
    promises: PromisesView


@dataclass(frozen=True, slots=True, kw_only=True)
class WrapUp:
    """What an agent says of a call when he is done with it."""

    disposition: str
    resolved: bool
    subjects: tuple[str, ...] = ()
    booking: Mapping[str, Any] | None = None
    notes: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisorActionView:
    """What a supervisor did: `what` is the action, `target` the id of a call, an offer, an agent or a queue,
    `detail` what he asked for; nothing personal."""

    at: datetime
    who: str
    what: str
    target: str | None
    detail: Mapping[str, Any]
