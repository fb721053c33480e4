"""An appeal in the journal, and what can happen to it.

`register` and `act` are the only ways in which an appeal comes to be and changes. Both are pure:
they return the new appeal and one `Change`, which says what the history keeps.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from careline_tickets.domain import timekeeping
from careline_tickets.domain.clocks import Clock, Policy, next_due, start_all
from careline_tickets.domain.vocabulary import (
    Action,
    Answerer,
    Channel,
    Kind,
    Outcome,
    Status,
)
from careline_tickets.domain.workflow import Actor, Facts, check

REGISTER = "register"
HIGHEST_LEVEL = 3
MAX_EXTENSION_DAYS = 365


class InvalidCommandError(Exception):
    """A value that the action needs is missing or cannot be; `path` names it."""

    def __init__(self, path: str, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"{path}: {reason}")


class TextKind(StrEnum):
    """What a deletable piece of text in the journal is."""

    TEXT = "text"
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
    returns: int = 0
    merged_into: str | None = None
    closed_at: datetime | None = None
    policy: Policy | None = None
    clocks: tuple[Clock, ...] = ()

    @property
    def due_at(self) -> datetime | None:
        """The earliest clock that runs."""
        return next_due(self.clocks)

    @property
    def facts(self) -> Facts:
        return Facts(
            status=self.status,
            level=self.level,
            kind=self.details.kind,
            owner=self.owner,
            expert=self.expert,
            insurer=self.details.insurer,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A group of people that an appeal can be escalated to; `assignee` is who takes it there."""

    id: str | None
    level: int
    assignee: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """An action with what it needs; `escalate_to` is what `to_level` or `to_group` stand for."""

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
    reason: str | None = None
    days: int | None = None
    waiting_for: str | None = None
    into: str | None = None
    details: Details | None = None


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


def register(
    *,
    ticket_id: str,
    number: str,
    tracking_code: str,
    details: Details,
    text: str,
    policy: Policy | None,
    registered_at: datetime,
    actor: Actor,
    now: datetime,
) -> tuple[Ticket, Change]:
    """A new appeal; its clocks start at `registered_at`, which may lie before `now`."""
    ticket = Ticket(
        id=ticket_id,
        number=number,
        tracking_code=tracking_code,
        details=details,
        registered_at=registered_at,
        updated_at=now,
        policy=policy,
        clocks=start_all(policy, registered_at),
    )
    change = Change(
        action=REGISTER,
        actor=actor.id,
        at=now,
        version=ticket.version,
        before={},
        after=_recorded(ticket),
        texts=((TextKind.TEXT, text),) if text else (),
    )
    return ticket, change


def act(ticket: Ticket, command: Command, actor: Actor, now: datetime) -> tuple[Ticket, Change]:
    """Does one action.

    Raises `NotPermitted`, then `NotNow`, then `InvalidCommandError`.
    """
    rule = check(ticket.facts, command.action, actor)
    draft = _EFFECTS[command.action](ticket, command, actor)
    if rule.to is not None:
        draft = replace(draft, status=rule.to)
    if draft.status is Status.CLOSED and ticket.status is not Status.CLOSED:
        draft = replace(draft, closed_at=now)
    draft = replace(
        draft,
        clocks=timekeeping.after_move(ticket, draft, now),
        version=ticket.version + 1,
        updated_at=now,
    )
    before, after = _recorded(ticket), _recorded(draft)
    changed = [name for name in after if before[name] != after[name]]
    change = Change(
        action=command.action,
        actor=actor.id,
        at=now,
        version=draft.version,
        before={name: before[name] for name in changed},
        after={name: after[name] for name in changed},
        texts=_texts(command),
    )
    return draft, change


def _recorded(ticket: Ticket) -> dict[str, object]:
    """The fields that the history keeps; none of them is personal data of a patient."""
    details = ticket.details
    return {
        "status": str(ticket.status),
        "level": ticket.level,
        "owner": ticket.owner,
        "group": ticket.group,
        "expert": ticket.expert,
        "channel": str(details.channel),
        "kind": str(details.kind),
        "subject": details.subject,
        "territory": details.territory,
        "organisation": details.organisation,
        "insurer": details.insurer,
        "answered_by": ticket.answered_by and str(ticket.answered_by),
        "outcome": ticket.outcome and str(ticket.outcome),
        "returns": ticket.returns,
        "merged_into": ticket.merged_into,
        "registered_at": ticket.registered_at.isoformat(),
        "due_at": ticket.due_at and ticket.due_at.isoformat(),
        "external_version": details.external.version if details.external else None,
    }


_TEXT_OF_ACTION = {
    Action.EXPERT_ANSWER: TextKind.EXPERT_ANSWER,
    Action.INSURER_ANSWER: TextKind.INSURER_ANSWER,
    Action.ANSWER: TextKind.ANSWER,
    Action.CLOSE: TextKind.ANSWER,
    Action.AMEND: TextKind.TEXT,
}


def _texts(command: Command) -> tuple[tuple[TextKind, str], ...]:
    kind = _TEXT_OF_ACTION.get(command.action, TextKind.ANSWER)
    if command.action is Action.IMPORT_ANSWER:
        by_insurer = command.details is not None and command.details.insurer is not None
        kind = TextKind.INSURER_ANSWER if by_insurer else TextKind.ANSWER
    pairs = (
        (kind, command.text),
        (TextKind.REASON, command.reason),
        (TextKind.REMEDY, command.remedy),
        (TextKind.WAITING_FOR, command.waiting_for),
        (TextKind.NOTE, command.note),
    )
    return tuple((kind, text) for kind, text in pairs if text)


def _required(value: str | None, path: str) -> str:
    if value is None or not value.strip():
        raise InvalidCommandError(path, "is required")
    return value


def _require_outcome(command: Command) -> Outcome:
    if command.outcome is None:
        raise InvalidCommandError("outcome", "is required")
    return command.outcome


def _take(ticket: Ticket, _command: Command, actor: Actor) -> Ticket:
    return replace(ticket, owner=actor.id)


def _escalate(ticket: Ticket, command: Command, _actor: Actor) -> Ticket:
    group = command.escalate_to
    if group is None:
        raise InvalidCommandError("to_level", "give to_level or to_group")
    if not ticket.level <= group.level <= HIGHEST_LEVEL:
        raise InvalidCommandError(
            "to_level", f"must lie from {ticket.level}, where the appeal is, to {HIGHEST_LEVEL}"
        )
    if group.level == ticket.level and group.id == ticket.group:
        raise InvalidCommandError("to_level", "the appeal is there already")
    return replace(ticket, level=group.level, group=group.id, owner=group.assignee)


def _invite_expert(ticket: Ticket, command: Command, _actor: Actor) -> Ticket:
    user = _required(command.user, "user")
    return replace(ticket, expert=user, experts=ticket.experts | {user})


def _expert_answer(ticket: Ticket, command: Command, _actor: Actor) -> Ticket:
    _required(command.text, "text")
    return replace(ticket, expert=None)


def _send_to_insurer(ticket: Ticket, command: Command, _actor: Actor) -> Ticket:
    insurer = _required(command.insurer, "insurer")
    return replace(ticket, details=replace(ticket.details, insurer=insurer))


def _answer(ticket: Ticket, command: Command, _actor: Actor) -> Ticket:
    _required(command.text, "text")
    return replace(ticket, answered_by=Answerer.STAFF)


def _insurer_answer(ticket: Ticket, command: Command, _actor: Actor) -> Ticket:
    _required(command.text, "text")
    return replace(ticket, answered_by=Answerer.INSURER)


def _accept(ticket: Ticket, command: Command, _actor: Actor) -> Ticket:
    return replace(ticket, outcome=_require_outcome(command))


def _return(ticket: Ticket, command: Command, _actor: Actor) -> Ticket:
    _required(command.reason, "reason")
    by_insurer = ticket.answered_by is Answerer.INSURER
    status = Status.WITH_INSURER if by_insurer else Status.IN_WORK
    return replace(ticket, status=status, returns=ticket.returns + 1)


def _close(ticket: Ticket, command: Command, _actor: Actor) -> Ticket:
    outcome = _require_outcome(command)
    _required(command.text, "answer")
    return replace(ticket, outcome=outcome, answered_by=Answerer.STAFF)


def _reopen(ticket: Ticket, command: Command, _actor: Actor) -> Ticket:
    _required(command.reason, "reason")
    return replace(ticket, outcome=None, answered_by=None, closed_at=None)


def _extend(ticket: Ticket, command: Command, _actor: Actor) -> Ticket:
    _required(command.reason, "reason")
    if command.days is None or not 1 <= command.days <= MAX_EXTENSION_DAYS:
        raise InvalidCommandError("days", f"must be from 1 to {MAX_EXTENSION_DAYS}")
    clocks = timekeeping.extended(ticket, command.days)
    if clocks is None:
        raise InvalidCommandError("days", "the appeal has no deadline that could be extended")
    return replace(ticket, clocks=clocks)


def _wait(ticket: Ticket, command: Command, _actor: Actor) -> Ticket:
    _required(command.waiting_for, "for")
    return ticket


def _resume(ticket: Ticket, _command: Command, _actor: Actor) -> Ticket:
    return ticket


def _merge(ticket: Ticket, command: Command, _actor: Actor) -> Ticket:
    into = _required(command.into, "into")
    if into == ticket.id:
        raise InvalidCommandError("into", "is this appeal itself")
    return replace(ticket, merged_into=into)


def _import_answer(ticket: Ticket, command: Command, _actor: Actor) -> Ticket:
    _required(command.text, "text")
    amended = _amend(ticket, command, _actor)
    by_insurer = amended.details.insurer is not None
    return replace(amended, answered_by=Answerer.INSURER if by_insurer else Answerer.STAFF)


def _withdraw(ticket: Ticket, command: Command, actor: Actor) -> Ticket:
    return replace(_amend(ticket, command, actor), outcome=Outcome.WITHDRAWN)


def _amend(ticket: Ticket, command: Command, _actor: Actor) -> Ticket:
    return ticket if command.details is None else replace(ticket, details=command.details)


_EFFECTS: Mapping[Action, Callable[[Ticket, Command, Actor], Ticket]] = MappingProxyType(
    {
        Action.TAKE: _take,
        Action.ESCALATE: _escalate,
        Action.INVITE_EXPERT: _invite_expert,
        Action.EXPERT_ANSWER: _expert_answer,
        Action.SEND_TO_INSURER: _send_to_insurer,
        Action.ANSWER: _answer,
        Action.INSURER_ANSWER: _insurer_answer,
        Action.ACCEPT: _accept,
        Action.RETURN: _return,
        Action.CLOSE: _close,
        Action.REOPEN: _reopen,
        Action.EXTEND: _extend,
        Action.WAIT: _wait,
        Action.RESUME: _resume,
        Action.MERGE: _merge,
        Action.IMPORT_ANSWER: _import_answer,
        Action.WITHDRAW: _withdraw,
        Action.AMEND: _amend,
    }
)
