"""What people think and suggest, month by month, for the authority that makes the policy."""

import asyncio
from datetime import date, datetime
from typing import Self

from pydantic import BaseModel, ConfigDict
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_tickets.config import Rules
from careline_tickets.db import opinions as stored
from careline_tickets.db.likeness import Shares
from careline_tickets.departments import Department
from careline_tickets.domain.opinions import Group, grouped
from careline_tickets.domain.periods import Period

MOST_APPEALS = 5
"""So many appeals of a group are named, to be looked at by who may."""


class OpinionGroup(BaseModel):
    """Opinions on one subject that are alike: how many, from how many people, in which words, and
    some of the appeals, the most typical first. Words are those that two people or more have used."""

    model_config = ConfigDict(frozen=True)

    subject: str | None
    opinions: int
    people: int
    words: list[str]
    tickets: list[str]

    @classmethod
    def of(cls, group: Group) -> Self:
        return cls(
            subject=group.subject,
            opinions=len(group.opinions),
            people=group.people,
            words=list(group.words),
            tickets=[each.id for each in group.opinions[:MOST_APPEALS]],
        )


class OpinionReport(BaseModel):
    """A month's suggestions; `before` is how many there were the month before. `single` are those that
    no other is like, by subject (null: of none); the others stand in `items`, the largest group first."""

    model_config = ConfigDict(frozen=True)

    period: str
    first_day: date
    last_day: date
    department: str | None
    language: str
    made_at: datetime
    total: int
    before: int
    items: list[OpinionGroup]
    single: list[tuple[str | None, int]]


async def make_opinions(
    connection: AsyncConnection,
    period: Period,
    rules: Rules,
    now: datetime,
    *,
    department: Department | None,
    language: str,
) -> OpinionReport:
    """The report of a month as the journal stands now."""
    subjects = [] if department is None else department.subjects
    start, end = period.bounds(rules.zone)
    earlier = period.before.bounds(rules.zone)
    opinions = await stored.registered(connection, start=start, end=end, subjects=subjects)
    before = await stored.number(connection, start=earlier[0], end=earlier[1], subjects=subjects)
    common = await Shares().now(connection, now)
    groups = await asyncio.to_thread(grouped, opinions, common)
    alone: dict[str | None, int] = {}
    for group in groups:
        if len(group.opinions) == 1:
            alone[group.subject] = alone.get(group.subject, 0) + 1
    return OpinionReport(
        period=period.name,
        first_day=period.first,
        last_day=period.last,
        department=None if department is None else department.id,
        language=language,
        made_at=now,
        total=len(opinions),
        before=before,
        items=[OpinionGroup.of(group) for group in groups if len(group.opinions) > 1],
        single=sorted(alone.items(), key=lambda each: (-each[1], each[0] or "")),
    )
