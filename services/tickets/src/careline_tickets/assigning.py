"""Groups and people of the configuration, as they stand now, for an appeal that is passed on."""

from collections.abc import Sequence

from careline_common import config as common
from careline_common.db.unit_of_work import UnitOfWork
from careline_tickets.config import Rules
from careline_tickets.db import staffing
from careline_tickets.domain.assignment import (
    Absence,
    Floor,
    Scope,
    Work,
    Worker,
    assignee,
    most_specific,
)
from careline_tickets.domain.ticket import HIGHEST_LEVEL, Group, Ticket


def work_of(ticket: Ticket) -> Work:
    details = ticket.details
    return Work(
        subject=details.subject,
        territory=details.territory,
        insurer=details.insurer,
        language=details.language,
    )


def group_at(rules: Rules, ticket: Ticket, level: int) -> str | None:
    """The group of the appeal's subject where it is of this level, else whose conditions fit best."""
    subject = rules.subjects.get(ticket.details.subject or "")
    named = subject.group if subject is not None else None
    if named in rules.groups and rules.groups[named].level == level:
        return named
    groups = ((name, _scope(one)) for name, one in rules.groups.items() if one.level == level)
    return most_specific(groups, work_of(ticket))


def department_of(rules: Rules, ticket: Ticket) -> common.Group | None:
    """The group that has the appeal, else that of its subject."""
    subject = rules.subjects.get(ticket.details.subject or "")
    name = ticket.group or (subject.group if subject is not None else None)
    return rules.groups.get(name or "")


def head_of(rules: Rules, ticket: Ticket) -> Group:
    """The head of department as the one who gets an appeal; nobody's where none is configured."""
    department = department_of(rules, ticket)
    return Group(
        id=department.id if department is not None else ticket.group,
        level=HIGHEST_LEVEL,
        assignee=department.head if department is not None else None,
    )


async def in_group(
    uow: UnitOfWork, rules: Rules, ticket: Ticket, group: common.Group, *, but: str | None = None
) -> str | None:
    """Which of the group gets the appeal, None when nobody can."""
    return await pick(uow, rules, ticket, group.users, but=but)


async def pick(
    uow: UnitOfWork, rules: Rules, ticket: Ticket, users: Sequence[str], *, but: str | None = None
) -> str | None:
    """Which of these gets the appeal, or stands in for who would; None when nobody can."""
    if not users:
        return None
    everybody = {name: _worker(user) for name, user in rules.users.items()}
    asked = {*users, *(a.substitute for w in everybody.values() for a in w.absences)} - {None}
    floor = Floor(
        everybody=everybody,
        loads=await staffing.loads(uow.connection, sorted(filter(None, asked))),
        present=await staffing.present(uow.connection, users),
        day=uow.clock.now().astimezone(rules.zone).date(),
    )
    return assignee(users, work_of(ticket), floor, but=but)


def _worker(user: common.User) -> Worker:
    absences = (
        Absence(first=one.first, last=one.last, substitute=one.substitute) for one in user.absences
    )
    return Worker(id=user.id, scope=_scope(user), max_open=user.max_open, absences=tuple(absences))


def _scope(entry: common.User | common.Group) -> Scope:
    return Scope(
        subjects=frozenset(entry.subjects),
        territories=frozenset(entry.territories),
        insurers=frozenset(entry.insurers),
        languages=frozenset(entry.languages),
    )
