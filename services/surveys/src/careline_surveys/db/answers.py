"""Answers, and the sums that scores are made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ColumnElement,
    Date,
    Integer,
    case,
    cast,
    distinct,
    func,
    literal,
    null,
    select,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_surveys.db.tables import answer, content, invitation
from careline_surveys.domain.definitions import Metric
from careline_surveys.domain.invitations import Answer
from careline_surveys.domain.scoring import CSI_SATISFIED, NPS_DETRACTOR, NPS_PROMOTER, Tally

By = Literal["agent", "team", "queue", "service", "organisation", "insurer"]
Period = Literal["day", "week", "month"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The sums of one agent, team, queue, service, organisation or insurer.

    `period` is the first day of the day, week (Monday) or month; None over all the time asked for.
    """

    key: str
    period: date | None
    tally: Tally
    min_n: int
    delivered: int
    answered: int


async def add(
    connection: AsyncConnection,
    *,
    answer_id: str,
    new: Answer,
    content_id: str | None,
    channel: str,
    topics: Sequence[str] | None = None,
) -> bool:
    """Writes an answer; False when the question is answered already."""
    added = await connection.execute(
        insert(answer)
        .values(
            id=answer_id,
            invitation_id=new.invitation_id,
            question=new.question,
            kind=new.kind,
            score=new.score,
            content_id=content_id,
            language=new.language,
            channel=channel,
            topics=None if topics is None else list(topics),
            at=new.at,
        )
        .on_conflict_do_nothing()
        .returning(answer.c.id)
    )
    return added.first() is not None


async def answered_questions(
    connection: AsyncConnection, invitation_id: str
) -> Mapping[str, int | None]:
    """The scores of the questions that are answered; None for free text."""
    found = await connection.execute(
        select(answer.c.question, answer.c.score).where(answer.c.invitation_id == invitation_id)
    )
    return {row.question: row.score for row in found}


async def has_comment(connection: AsyncConnection, invitation_id: str) -> bool:
    found = await connection.execute(
        select(answer.c.id).where(
            answer.c.invitation_id == invitation_id, answer.c.topics.is_not(None)
        )
    )
    return found.first() is not None


async def of_invitations(
    connection: AsyncConnection, invitation_ids: Sequence[str]
) -> Mapping[str, Sequence[Answer]]:
    """All answers, by invitation, in the order in which they came."""
    statement = (
        select(
            answer.c.invitation_id,
            answer.c.question,
            answer.c.kind,
            answer.c.score,
            content.c.text,
            answer.c.language,
            answer.c.at,
        )
        .outerjoin(content, content.c.id == answer.c.content_id)
        .where(answer.c.invitation_id.in_(invitation_ids))
        .order_by(answer.c.id)
    )
    found: dict[str, list[Answer]] = {}
    for row in await connection.execute(statement):
        found.setdefault(row.invitation_id, []).append(Answer(**row._mapping))  # noqa: SLF001
    return found


def _good(metric: Metric) -> ColumnElement[bool]:
    least = {"csi": CSI_SATISFIED, "nps": NPS_PROMOTER, "fcr": 1}[metric]
    return answer.c.score >= least


def _sum(condition: ColumnElement[bool]) -> ColumnElement[Any]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0).cast(Integer)


def _total(column: ColumnElement[Any]) -> ColumnElement[Any]:
    return func.coalesce(func.sum(column), 0).cast(Integer)


def begin_of(
    period: Period | None, moment: ColumnElement[datetime], zone: ZoneInfo
) -> ColumnElement[Any]:
    """The first day of the period of a moment in a zone; null without a period."""
    if period is None:
        return cast(null(), Date)
    return cast(func.date_trunc(period, func.timezone(zone.key, moment)), Date)


async def groups(
    connection: AsyncConnection,
    *,
    by: By,
    metric: Metric,
    period: Period | None = None,
    zone: ZoneInfo,
    begin: datetime | None,
    end: datetime | None,
    key: str | None = None,
) -> Sequence[Group]:
    """Sums over the invitations that were sent in [begin, end) and ask for this metric."""
    given = (
        select(
            answer.c.invitation_id,
            func.count().label("n"),
            _sum(_good(metric)).label("good"),
            _sum(answer.c.score <= NPS_DETRACTOR).label("bad"),
        )
        .where(answer.c.kind == metric)
        .group_by(answer.c.invitation_id)
        .subquery()
    )
    column = invitation.c[by]
    asked = select(
        column.label("key"),
        begin_of(period, invitation.c.sent_at, zone).label("period"),
        invitation.c.min_n,
        invitation.c.delivered_at,
        given.c.n,
        given.c.good,
        given.c.bad,
    ).where(
        column.is_not(None),
        invitation.c.sent_at.is_not(None),
        literal(metric) == func.any(invitation.c.metrics),
    )
    if begin is not None:
        asked = asked.where(invitation.c.sent_at >= begin)
    if end is not None:
        asked = asked.where(invitation.c.sent_at < end)
    if key is not None:
        asked = asked.where(column == key)
    each = asked.outerjoin_from(
        invitation, given, given.c.invitation_id == invitation.c.id
    ).subquery()
    statement = (
        select(
            each.c.key,
            each.c.period,
            *(_total(each.c[name]).label(name) for name in ("n", "good", "bad")),
            func.max(each.c.min_n).label("min_n"),
            func.count(each.c.delivered_at).label("delivered"),
            func.count(each.c.n).label("answered"),
        )
        .group_by(each.c.key, each.c.period)
        .order_by(each.c.key, each.c.period)
    )
    return [
        Group(
            key=row.key,
            period=row.period,
            tally=Tally(n=row.n, good=row.good, bad=row.bad if metric == "nps" else 0),
            min_n=row.min_n,
            delivered=row.delivered,
            answered=row.answered,
        )
        for row in await connection.execute(statement)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicCount:
    """How many comments a word of ours stands in; `entry` is `subject:word`."""

    entry: str
    comments: int


async def topic_sums(
    connection: AsyncConnection,
    *,
    by: By | None,
    key: str | None,
    begin: datetime | None,
    end: datetime | None,
) -> tuple[int, Mapping[str, int], Sequence[TopicCount]]:
    """(comments, comments a subject, comments a word) of the comments given in [begin, end)."""
    found = select(answer.c.id, answer.c.topics).where(answer.c.topics.is_not(None))
    if by is not None:
        found = found.join(invitation, invitation.c.id == answer.c.invitation_id).where(
            invitation.c[by] == key
        )
    if begin is not None:
        found = found.where(answer.c.at >= begin)
    if end is not None:
        found = found.where(answer.c.at < end)
    each = found.subquery()
    total = (await connection.execute(select(func.count()).select_from(each))).scalar_one()
    entries = select(each.c.id, func.unnest(each.c.topics).label("entry")).subquery()
    subject = func.split_part(entries.c.entry, ":", 1)
    subjects = await connection.execute(
        select(subject.label("subject"), func.count(distinct(entries.c.id)).label("n")).group_by(
            "subject"
        )
    )
    words = await connection.execute(
        select(entries.c.entry, func.count().label("n"))
        .group_by(entries.c.entry)
        .order_by(func.count().desc(), entries.c.entry)
    )
    return (
        int(total),
        {row.subject: row.n for row in subjects},
        [TopicCount(entry=row.entry, comments=row.n) for row in words],
    )
