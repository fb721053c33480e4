"""Answers, and the sums that scores are made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Integer, and_, case, distinct, func, literal, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_surveys.db.tables import answer, content, invitation
from careline_surveys.domain.definitions import Metric
from careline_surveys.domain.invitations import Answer
from careline_surveys.domain.scoring import CSI_SATISFIED, NPS_DETRACTOR, NPS_PROMOTER, Tally

By = Literal["agent", "team", "queue", "service", "organisation"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The sums of one agent, team, queue, service or organisation."""

    key: str
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


async def groups(
    connection: AsyncConnection,
    *,
    by: By,
    metric: Metric,
    begin: datetime | None,
    end: datetime | None,
) -> Sequence[Group]:
    """Sums over the invitations that were sent in [begin, end) and ask for this metric."""
    key = invitation.c[by]
    joined = invitation.outerjoin(
        answer, and_(answer.c.invitation_id == invitation.c.id, answer.c.kind == metric)
    )
    delivered = case((invitation.c.delivered_at.is_not(None), invitation.c.id))
    statement = (
        select(
            key.label("key"),
            func.count(answer.c.id).label("n"),
            _sum(_good(metric)).label("good"),
            _sum(answer.c.score <= NPS_DETRACTOR).label("bad"),
            func.max(invitation.c.min_n).label("min_n"),
            func.count(distinct(delivered)).label("delivered"),
            func.count(distinct(answer.c.invitation_id)).label("answered"),
        )
        .select_from(joined)
        .where(
            key.is_not(None),
            invitation.c.sent_at.is_not(None),
            literal(metric) == func.any(invitation.c.metrics),
        )
        .group_by(key)
        .order_by(key)
    )
    if begin is not None:
        statement = statement.where(invitation.c.sent_at >= begin)
    if end is not None:
        statement = statement.where(invitation.c.sent_at < end)
    return [
        Group(
            key=row.key,
            tally=Tally(n=row.n, good=row.good, bad=row.bad if metric == "nps" else 0),
            min_n=row.min_n,
            delivered=row.delivered,
            answered=row.answered,
        )
        for row in await connection.execute(statement)
    ]
