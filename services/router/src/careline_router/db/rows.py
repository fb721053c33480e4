"""The rows that a batch writes; fields are named as columns.

Tuples are rows that are only added, and their JSON is text that is ready to be sent. Dictionaries are
what changes.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple, TypedDict


class JournalRow(NamedTuple):
    floor: str
    seq: int
    at: datetime
    kind: str
    data: str


class CallRow(NamedTuple):
    """A call that is new on the floor."""

    id: str
    pbx: str
    pbx_call_id: str
    line: str
    control: str
    queue: str | None
    payer: str
    insurance: str | None
    priority: str | None
    language: str | None
    state: str
    arrived_at: datetime
    queued_at: datetime | None
    answered_at: datetime | None
    ended_at: datetime | None
    agent: str | None
    team: str | None
    outcome: str | None
    ended_by: str | None
    crm: str
    target_s: float | None
    recording_refused_at: datetime | None


class CallProgress(TypedDict):
    """What changes of a call while it is offered, talked to and ended."""

    id: str
    state: str
    answered_at: datetime | None
    ended_at: datetime | None
    agent: str | None
    team: str | None
    outcome: str | None
    ended_by: str | None


class CallChange(CallProgress):
    """Everything that can change of a call."""

    queue: str | None
    payer: str
    insurance: str | None
    priority: str | None
    language: str | None
    queued_at: datetime | None
    crm: Mapping[str, Any]
    target_s: float | None
    recording_refused_at: datetime | None


class AgentChange(TypedDict):
    """An agent as the floor has him, and the number of his last message."""

    agent: str
    state: str
    reason: str | None
    since: datetime
    endpoint: str | None
    site: str | None
    call_id: str | None
    message_seq: int


class OfferRow(NamedTuple):
    id: str
    call_id: str
    agent: str
    state: str
    endpoint: str
    made_at: datetime
    deadline: datetime
    timeout_s: float
    closed_at: datetime | None = None


class OfferChange(TypedDict):
    """What became of an offer; a deadline and timeout that are None stay as they are."""

    id: str
    state: str
    deadline: datetime | None
    timeout_s: float | None
    closed_at: datetime | None


class DecisionRow(NamedTuple):
    offer_id: str
    call_id: str
    at: datetime
    policy: str
    groups: str
    agents: str
    chosen: str
    took_us: float
    flow_version: int | None
    crm: str
    rule: str
    calls: str


class CommandRow(NamedTuple):
    """A command for a PBX; it takes its number by its place among the rows."""

    id: str
    pbx: str
    call_id: str
    pbx_call_id: str
    offer_id: str | None
    type: str
    body: str
    created_at: datetime


class MessageRow(NamedTuple):
    agent: str
    seq: int
    at: datetime
    type: str
    data: str


class OvertakenChange(TypedDict):
    """Commands of a call that nobody shall carry out any more, from `done_at` on: of all types if
    `types` is None, of all offers if `offer_id` is."""

    call_id: str
    types: str | None
    """With commas between them."""
    offer_id: str | None
    done_at: datetime


class LookRow(NamedTuple):
    """Who was shown whose data."""

    at: datetime
    who: str
    roles: list[str]
    what: str
    call_ids: list[str]
