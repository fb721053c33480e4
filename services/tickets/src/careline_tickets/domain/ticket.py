"""An appeal in the journal, and the shapes of what happens to it (`domain/acting.py`)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from careline_tickets.domain.clocks import Clock, Policy, ReopenClocks, next_due
from careline_tickets.domain.vocabulary import (
    Action,
    Answerer,
    Channel,
    Kind,
    Outcome,
    Priority,
    Status,
)
from careline_tickets.domain.workflow import Facts

REGISTER = "register"
ENDED = frozenset({Status.CLOSED, Status.MERGED})
HIGHEST_LEVEL = 3


class InvalidCommandError(Exception):
    """A value that the action needs is missing or cannot be; `path` names it."""

    def __init__(self, path: str, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"{path}: {reason}")


class TextKind(StrEnum):
    """What a deletable piece of text in the journal is."""

    TEXT = "text"
    TRANSCRIPT = "transcript"
    NOTE = "note"
    REASON = "reason"
    ANSWER = "answer"
    EXPERT_ANSWER = "expert_answer"
    INSURER_ANSWER = "insurer_answer"
    REMEDY = "remedy"
    WAITING_FOR = "waiting_for"


ANSWERS = frozenset({TextKind.ANSWER, TextKind.INSURER_ANSWER})


@dataclass(frozen=True, slots=True, kw_only=True)
class External:
    """Where an appeal came from outside: the same source and id are the same appeal."""

    source: str
    id: str
    version: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """What an appeal is about, as far as it is no personal data."""

    channel: Channel
    kind: Kind
    subject: str | None = None
    territory: str | None = None
    organisation: str | None = None
    insurer: str | None = None
    language: str | None = None
    insured_in: str | None = None
    """The territory where the person is insured, when that is another one."""
    call_id: str | None = None
    invitation_id: str | None = None
    external: External | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """One appeal. Person and texts are kept apart, so that they can be erased."""

    id: str
    number: str
    tracking_code: str
    details: Details
    registered_at: datetime
    updated_at: datetime
    version: int = 1
    status: Status = Status.NEW
    level: int = 1
    owner: str | None = None
    group: str | None = None
    expert: str | None = None
    """The expert who is invited now."""
    experts: frozenset[str] = frozenset()
    """All experts who were ever invited."""
    answered_by: Answerer | None = None
    outcome: Outcome | None = None
    root_cause: str | None = None
    """A word of the centre's own list, for the report; never a patient's words."""
    returns: int = 0
    reopens: int = 0
    reopen_clocks: ReopenClocks | None = None
    """What was done with the clocks when it was last reopened."""
    priority: Priority = Priority.NORMAL
    extended_by: str | None = None
    """Who approved of the last extension."""
    follows: str | None = None
    """The appeal that could not be reopened any more, from which this one goes on."""
    followed_by: str | None = None
    forwarded_to: str | None = None
    """The territory to which it was forwarded."""
    merged_into: str | None = None
    closed_at: datetime | None = None
    policy: Policy | None = None
    clocks: tuple[Clock, ...] = ()

    @property
    def ended(self) -> bool:
        """Whether nobody works on it any more."""
        return self.status in ENDED

    @property
    def due_at(self) -> datetime | None:
        """The earliest clock that runs."""
        return next_due(self.clocks)

    @property
    def extended_days(self) -> int:
        """By so many days its promises were extended, all in all."""
        return max((clock.extended_days for clock in self.clocks), default=0)

    @property
    def facts(self) -> Facts:
        return Facts(
            status=self.status,
            level=self.level,
            kind=self.details.kind,
            owner=self.owner,
            expert=self.expert,
            insurer=self.details.insurer,
            insured_in=self.details.insured_in,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A group of people that an appeal can be escalated to; `assignee` is who takes it there."""

    id: str | None
    level: int
    assignee: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """An action with what it needs; `escalate_to` is what `to_level` or `to_group` stand for, for
    `return` the head of department, who gets it after too many of them."""

    action: Action
    note: str | None = None
    to_level: int | None = None
    to_group: str | None = None
    escalate_to: Group | None = None
    user: str | None = None
    insurer: str | None = None
    text: str | None = None
    outcome: Outcome | None = None
    remedy: str | None = None
    root_cause: str | None = None
    approver: str | None = None
    reason: str | None = None
    days: int | None = None
    waiting_for: str | None = None
    into: str | None = None
    details: Details | None = None
    other: "Ticket | None" = None
    """absorb: the appeal that is merged into this one."""
    policy: Policy | None = None
    """apply_policy: what is promised now."""
    followed_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One line of the history: the fields that changed, and the texts that came with it."""

    action: str
    actor: str
    at: datetime
    version: int
    before: Mapping[str, object]
    after: Mapping[str, object]
    texts: tuple[tuple[TextKind, str], ...] = field(default=(), repr=False)
