"""Appeals as the API shows them."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from pydantic import BaseModel
from sqlalchemy import Row

from careline_tickets.db.likeness import Duplicate
from careline_tickets.db.repository import Content
from careline_tickets.domain.clocks import ClockKind
from careline_tickets.domain.person import Person
from careline_tickets.domain.ticket import TextKind, Ticket
from careline_tickets.domain.workflow import Actor, allowed

KINDS = tuple(ClockKind)
"""In this order clocks are shown."""


class ClockOut(BaseModel):
    """A clock that runs or is paused; paused, `due_at` is when it would be due if it went on now."""

    kind: str
    due_at: datetime
    paused: bool
    breached: bool


class DuplicateOut(BaseModel):
    id: str
    score: float
    why: str


class DuplicatesOut(BaseModel):
    items: list[DuplicateOut]


class ExternalOut(BaseModel):
    source: str
    id: str


class PersonOut(BaseModel):
    phone: str | None
    name: str | None
    birth_date: date | None
    policy_number: str | None


class ContentOut(BaseModel):
    kind: str
    at: datetime
    by: str
    text: str


class TicketOut(BaseModel):
    """An appeal. What is personal is null for who sees only the facts."""

    id: str
    number: str
    tracking_code: str
    status: str
    level: int
    owner: str | None
    owner_state: str | None = None
    """The state in which the router has last seen the owner; of one appeal, for who reads all."""
    group: str | None
    expert: str | None
    due_at: datetime | None
    overdue: bool
    clocks: list[ClockOut]
    duplicates: list[DuplicateOut] = []
    returns: int
    reopens: int
    priority: str
    extended_days: int
    root_cause: str | None
    insured_in: str | None
    forwarded_to: str | None
    follows: str | None
    followed_by: str | None
    policy: str | None
    """What was promised, by the id of the policy."""
    outcome: str | None
    answered_by: str | None
    merged_into: str | None
    call_id: str | None
    invitation_id: str | None
    version: int
    channel: str
    kind: str
    subject: str | None
    territory: str | None
    organisation: str | None
    insurer: str | None
    external: ExternalOut | None
    registered_at: datetime
    updated_at: datetime
    closed_at: datetime | None
    allowed: list[str]
    """What the caller may do now."""
    text: str | None = None
    transcript: str | None = None
    """What was said, as it was typed last."""
    person: PersonOut | None = None
    contents: list[ContentOut] | None = None


class HistoryOut(BaseModel):
    """One change. Texts stand as digests by the id of the text."""

    version: int
    when: datetime
    who: str
    action: str
    before: dict[str, object]
    after: dict[str, object]
    contents: dict[str, str]
    hash: str


class TrackOut(BaseModel):
    """All that a citizen sees without a token."""

    status: str
    updated_at: datetime
    due_at: datetime | None
    answered_by_channel: str | None = None


def shown_duplicates(duplicates: Sequence[Duplicate]) -> list[DuplicateOut]:
    return [DuplicateOut(id=one.id, score=one.score, why=one.why) for one in duplicates]


def shown_person(person: Person) -> PersonOut:
    return PersonOut(
        phone=person.phone,
        name=person.name,
        birth_date=person.birth_date,
        policy_number=person.policy_number,
    )


def shown_change(row: Row[Any]) -> HistoryOut:
    return HistoryOut(
        version=row.version,
        when=row.at,
        who=row.actor,
        action=row.action,
        before=row.before,
        after=row.after,
        contents=row.contents,
        hash=bytes(row.hash).hex(),
    )


def shown_ticket(ticket: Ticket, actor: Actor, now: datetime) -> TicketOut:
    """The facts of an appeal; what is personal is added by who may show it."""
    details, external, due = ticket.details, ticket.details.external, ticket.due_at
    return TicketOut(
        id=ticket.id,
        number=ticket.number,
        tracking_code=ticket.tracking_code,
        status=ticket.status,
        level=ticket.level,
        owner=ticket.owner,
        group=ticket.group,
        expert=ticket.expert,
        due_at=due,
        overdue=due is not None and due < now,
        clocks=_shown_clocks(ticket, now),
        returns=ticket.returns,
        reopens=ticket.reopens,
        priority=ticket.priority,
        extended_days=ticket.extended_days,
        root_cause=ticket.root_cause,
        insured_in=details.insured_in,
        forwarded_to=ticket.forwarded_to,
        follows=ticket.follows,
        followed_by=ticket.followed_by,
        policy=ticket.policy.id if ticket.policy else None,
        outcome=ticket.outcome,
        answered_by=ticket.answered_by,
        merged_into=ticket.merged_into,
        call_id=details.call_id,
        invitation_id=details.invitation_id,
        version=ticket.version,
        channel=details.channel,
        kind=details.kind,
        subject=details.subject,
        territory=details.territory,
        organisation=details.organisation,
        insurer=details.insurer,
        external=ExternalOut(source=external.source, id=external.id) if external else None,
        registered_at=ticket.registered_at,
        updated_at=ticket.updated_at,
        closed_at=ticket.closed_at,
        allowed=list(allowed(ticket.facts, actor)),
    )


def text_of(contents: Sequence[Content], kind: TextKind = TextKind.TEXT) -> str | None:
    """An appeal's own text, as it was amended last, or its last one of another kind; None when there is none
    or it was erased."""
    texts = [content.body for content in contents if content.kind == kind]
    return texts[-1] if texts else None


def with_personal(view: TicketOut, person: Person, contents: Sequence[Content]) -> TicketOut:
    """The view with the person and every text."""
    return view.model_copy(
        update={
            "text": text_of(contents),
            "transcript": text_of(contents, TextKind.TRANSCRIPT),
            "person": shown_person(person),
            "contents": [
                ContentOut(kind=one.kind, at=one.at, by=one.author, text=one.body)
                for one in contents
            ],
        }
    )


def _shown_clocks(ticket: Ticket, now: datetime) -> list[ClockOut]:
    if ticket.policy is None:
        return []
    return [
        ClockOut(
            kind=clock.kind,
            due_at=clock.due_if_resumed(ticket.policy, now),
            paused=clock.paused,
            breached=clock.breached(now),
        )
        for clock in sorted(ticket.clocks, key=lambda clock: KINDS.index(clock.kind))
        if not clock.stopped
    ]
