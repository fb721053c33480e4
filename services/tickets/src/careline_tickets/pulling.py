"""Which appeal is next for somebody who asks for one."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, or_, select

from careline_common.db.unit_of_work import UnitOfWork
from careline_tickets.config import Rules
from careline_tickets.db import tables
from careline_tickets.db.repository import Stored
from careline_tickets.domain.vocabulary import Role
from careline_tickets.domain.workflow import Actor
from careline_tickets.service import Journal

HIGHEST_LEVEL = {Role.AGENT: 1, Role.SPECIALIST: 2, Role.CONTACT_ADMIN: 3}
t = tables.ticket.c
UNOWNED = (t.owner.is_(None), t.status.in_(("new", "in_work")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """Conditions that narrow together; None narrows nothing."""

    level: int | None = None
    group: str | None = None
    subject: str | None = None


async def next_for(uow: UnitOfWork, journal: Journal, actor: Actor, queue: Queue) -> Stored | None:
    """The most urgent appeal without an owner that is for this actor, locked; None without any.

    What somebody else is just taking is passed over, so that two who ask at once get two.
    """
    chosen = (
        select(t.id)
        .where(*UNOWNED, *_narrowed(queue), *_own(journal.rules(), actor))
        .order_by(t.priority, t.due_at.nulls_last(), t.registered_at, t.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    ticket_id = await uow.connection.scalar(chosen)
    if ticket_id is None:
        return None
    return await journal.repository.find(uow.connection, ticket_id)


def _narrowed(queue: Queue) -> list[ColumnElement[bool]]:
    pairs = ((t.level, queue.level), (t.group_id, queue.group), (t.subject, queue.subject))
    return [column == value for column, value in pairs if value is not None]


def _own(rules: Rules, actor: Actor) -> list[ColumnElement[bool]]:
    """What is for this actor: up to his role's level, and of groups only those he is in."""
    level = max((HIGHEST_LEVEL[role] for role in actor.roles if role in HIGHEST_LEVEL), default=0)
    conditions: list[ColumnElement[bool]] = [t.level <= level]
    if Role.CONTACT_ADMIN not in actor.roles:
        groups = [name for name, group in rules.groups.items() if actor.id in group.users]
        conditions.append(or_(t.group_id.is_(None), t.group_id.in_(groups)))
    return conditions
