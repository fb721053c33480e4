"""What each action of the workflow's table does to an appeal."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType

from careline_tickets.domain import timekeeping
from careline_tickets.domain.blank import is_blank
from careline_tickets.domain.clocks import Terms
from careline_tickets.domain.ticket import (
    HIGHEST_LEVEL,
    Command,
    Group,
    InvalidCommandError,
    Ticket,
)
from careline_tickets.domain.vocabulary import Action, Answerer, Outcome, Priority, Status
from careline_tickets.domain.workflow import Actor

MAX_EXTENSION_DAYS = 365


def _required(value: str | None, path: str) -> str:
    if value is None or is_blank(value):
        raise InvalidCommandError(path, "is required")
    return value


def _require_outcome(command: Command) -> Outcome:
    if command.outcome is None:
        raise InvalidCommandError("outcome", "is required")
    return command.outcome


def _take(ticket: Ticket, _command: Command, actor: Actor, _now: datetime) -> Ticket:
    return replace(ticket, owner=actor.id)


def _escalate(ticket: Ticket, command: Command, _actor: Actor, _now: datetime) -> Ticket:
    group = command.escalate_to
    if group is None:
        raise InvalidCommandError("to_level", "give to_level or to_group")
    if not ticket.level <= group.level <= HIGHEST_LEVEL:
        raise InvalidCommandError(
            "to_level", f"must lie from {ticket.level}, where the appeal is, to {HIGHEST_LEVEL}"
        )
    if group.level == ticket.level and group.id == ticket.group:
        raise InvalidCommandError("to_level", "the appeal is there already")
    return _given(ticket, group)


def _invite_expert(ticket: Ticket, command: Command, _actor: Actor, _now: datetime) -> Ticket:
    user = _required(command.user, "user")
    return replace(ticket, expert=user, experts=ticket.experts | {user})


def _expert_answer(ticket: Ticket, command: Command, _actor: Actor, _now: datetime) -> Ticket:
    _required(command.text, "text")
    return replace(ticket, expert=None)


def _send_to_insurer(ticket: Ticket, command: Command, _actor: Actor, _now: datetime) -> Ticket:
    insurer = _required(command.insurer, "insurer")
    return replace(ticket, details=replace(ticket.details, insurer=insurer))


def _answer(ticket: Ticket, command: Command, _actor: Actor, _now: datetime) -> Ticket:
    _required(command.text, "text")
    return replace(ticket, answered_by=Answerer.STAFF)


def _insurer_answer(ticket: Ticket, command: Command, _actor: Actor, _now: datetime) -> Ticket:
    _required(command.text, "text")
    return replace(ticket, answered_by=Answerer.INSURER)


def _accept(ticket: Ticket, command: Command, _actor: Actor, _now: datetime) -> Ticket:
    return replace(ticket, outcome=_require_outcome(command), root_cause=command.root_cause)


def _return(ticket: Ticket, command: Command, _actor: Actor, _now: datetime) -> Ticket:
    """Back to who had answered; after as many returns as were agreed, to the head of department."""
    _required(command.reason, "reason")
    returned = replace(ticket, returns=ticket.returns + 1)
    if returned.returns > _terms(ticket).returns:
        head = command.escalate_to or Group(id=None, level=HIGHEST_LEVEL)
        return _given(replace(returned, status=Status.IN_WORK), head)
    by_insurer = ticket.answered_by is Answerer.INSURER
    status = Status.WITH_INSURER if by_insurer else Status.IN_WORK
    return replace(returned, status=status)


def _close(ticket: Ticket, command: Command, _actor: Actor, _now: datetime) -> Ticket:
    outcome = _require_outcome(command)
    _required(command.text, "answer")
    return replace(
        ticket, outcome=outcome, answered_by=Answerer.STAFF, root_cause=command.root_cause
    )


def _reopen(ticket: Ticket, command: Command, _actor: Actor, _now: datetime) -> Ticket:
    _required(command.reason, "reason")
    return replace(
        ticket,
        outcome=None,
        root_cause=None,
        answered_by=None,
        closed_at=None,
        forwarded_to=None,
        reopens=ticket.reopens + 1,
        reopen_clocks=_terms(ticket).reopen_clocks,
    )


def _extend(ticket: Ticket, command: Command, actor: Actor, now: datetime) -> Ticket:
    _required(command.reason, "reason")
    if command.days is None or not 1 <= command.days <= MAX_EXTENSION_DAYS:
        raise InvalidCommandError("days", f"must be from 1 to {MAX_EXTENSION_DAYS}")
    clocks = timekeeping.extended(ticket, command.days, now)
    if clocks is None:
        raise InvalidCommandError("days", "the appeal has no deadline that could be extended")
    return replace(ticket, clocks=clocks, extended_by=command.approver or actor.id)


def _wait(ticket: Ticket, command: Command, _actor: Actor, _now: datetime) -> Ticket:
    _required(command.waiting_for, "for")
    return ticket


def _resume(ticket: Ticket, _command: Command, _actor: Actor, _now: datetime) -> Ticket:
    return ticket


def _merge(ticket: Ticket, command: Command, _actor: Actor, _now: datetime) -> Ticket:
    into = _required(command.into, "into")
    if into == ticket.id:
        raise InvalidCommandError("into", "is this appeal itself")
    return replace(ticket, merged_into=into)


def _forward(ticket: Ticket, command: Command, _actor: Actor, _now: datetime) -> Ticket:
    """Closed here, with what the citizen is told; the answer itself is given there."""
    _required(command.text, "text")
    return replace(
        ticket,
        forwarded_to=ticket.details.insured_in,
        outcome=Outcome.INFORMATION,
        answered_by=Answerer.STAFF,
    )


def _import_answer(ticket: Ticket, command: Command, _actor: Actor, _now: datetime) -> Ticket:
    _required(command.text, "text")
    amended = _amend(ticket, command, _actor, _now)
    by_insurer = amended.details.insurer is not None
    return replace(amended, answered_by=Answerer.INSURER if by_insurer else Answerer.STAFF)


def _withdraw(ticket: Ticket, command: Command, actor: Actor, _now: datetime) -> Ticket:
    return replace(_amend(ticket, command, actor, _now), outcome=Outcome.WITHDRAWN)


def _amend(ticket: Ticket, command: Command, _actor: Actor, _now: datetime) -> Ticket:
    return ticket if command.details is None else replace(ticket, details=command.details)


def _step_escalate(ticket: Ticket, command: Command, _actor: Actor, _now: datetime) -> Ticket:
    """Never down: who has it meanwhile at a higher level keeps it."""
    group = command.escalate_to
    return ticket if group is None or group.level < ticket.level else _given(ticket, group)


def _step_reassign(ticket: Ticket, command: Command, _actor: Actor, _now: datetime) -> Ticket:
    return replace(ticket, owner=command.user)


def _step_raise_priority(
    ticket: Ticket, _command: Command, _actor: Actor, _now: datetime
) -> Ticket:
    return replace(ticket, priority=ticket.priority.raised)


def _absorb(ticket: Ticket, command: Command, _actor: Actor, now: datetime) -> Ticket:
    """Keeps the earliest registration and, clock by clock, the strictest deadline."""
    other = command.other
    assert other is not None
    return replace(
        ticket,
        registered_at=min(ticket.registered_at, other.registered_at),
        priority=min(ticket.priority, other.priority, key=tuple(Priority).index),
        clocks=timekeeping.strictest(ticket.clocks, other.clocks, now),
    )


def _follow_up(ticket: Ticket, command: Command, _actor: Actor, _now: datetime) -> Ticket:
    return replace(ticket, followed_by=command.followed_by)


def _apply_policy(ticket: Ticket, command: Command, _actor: Actor, now: datetime) -> Ticket:
    return timekeeping.under(ticket, command.policy, now)


def _transcribe(ticket: Ticket, command: Command, _actor: Actor, _now: datetime) -> Ticket:
    _required(command.text, "text")
    return ticket


def _given(ticket: Ticket, group: Group) -> Ticket:
    return replace(ticket, level=group.level, group=group.id, owner=group.assignee)


def _terms(ticket: Ticket) -> Terms:
    return Terms() if ticket.policy is None else ticket.policy.terms


EFFECTS: Mapping[Action, Callable[[Ticket, Command, Actor, datetime], Ticket]] = MappingProxyType(
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
        Action.FORWARD: _forward,
        Action.IMPORT_ANSWER: _import_answer,
        Action.WITHDRAW: _withdraw,
        Action.AMEND: _amend,
        Action.STEP_ESCALATE: _step_escalate,
        Action.STEP_REASSIGN: _step_reassign,
        Action.STEP_RAISE_PRIORITY: _step_raise_priority,
        Action.ABSORB: _absorb,
        Action.FOLLOW_UP: _follow_up,
        Action.APPLY_POLICY: _apply_policy,
        Action.TRANSCRIBE: _transcribe,
    }
)
