"""How an appeal comes to be and how it changes.

`register` and `act` are the only ways. Both are pure: they return the new appeal and one `Change`,
which says what the history keeps.
"""

from dataclasses import replace
from datetime import datetime

from careline_tickets.domain import timekeeping
from careline_tickets.domain.clocks import Policy, start_all
from careline_tickets.domain.effects import EFFECTS
from careline_tickets.domain.ticket import (
    REGISTER,
    Change,
    Command,
    Details,
    TextKind,
    Ticket,
)
from careline_tickets.domain.vocabulary import Action, Status
from careline_tickets.domain.workflow import Actor, check


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
    follows: str | None = None,
    transcript: str | None = None,
) -> tuple[Ticket, Change]:
    """A new appeal; its clocks start at `registered_at`, which may lie before `now`."""
    ticket = Ticket(
        id=ticket_id,
        number=number,
        tracking_code=tracking_code,
        details=details,
        registered_at=registered_at,
        updated_at=now,
        follows=follows,
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
        texts=tuple(
            (kind, body)
            for kind, body in ((TextKind.TEXT, text), (TextKind.TRANSCRIPT, transcript))
            if body
        ),
    )
    return ticket, change


def act(ticket: Ticket, command: Command, actor: Actor, now: datetime) -> tuple[Ticket, Change]:
    """Does one action.

    Raises `NotPermitted`, then `NotNow`, then `InvalidCommandError`.
    """
    rule = check(ticket.facts, command.action, actor)
    draft = EFFECTS[command.action](ticket, command, actor, now)
    status = draft.status if rule.to is None else rule.to
    closing = status is Status.CLOSED and ticket.status is not Status.CLOSED
    draft = replace(
        draft,
        status=status,
        closed_at=now if closing else draft.closed_at,
        version=ticket.version + 1,
        updated_at=now,
    )
    draft = replace(draft, clocks=timekeeping.after_move(ticket, draft, now))
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
        "reopens": ticket.reopens,
        "reopen_clocks": ticket.reopen_clocks and str(ticket.reopen_clocks),
        "root_cause": ticket.root_cause,
        "priority": str(ticket.priority),
        "extended_days": ticket.extended_days,
        "extended_by": ticket.extended_by,
        "follows": ticket.follows,
        "followed_by": ticket.followed_by,
        "insured_in": details.insured_in,
        "forwarded_to": ticket.forwarded_to,
        "policy": ticket.policy and ticket.policy.id,
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
    Action.TRANSCRIBE: TextKind.TRANSCRIPT,
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
