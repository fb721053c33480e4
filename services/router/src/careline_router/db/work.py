"""Appeals that are to be offered to agents, and how those stand that are on the floor."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, and_, case, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_router.db.tables import appeal, call_record
from careline_router.domain.work import JOURNAL

WORKABLE = ("new", "in_work")
"""An appeal's statuses in which somebody here has to do something."""
_a = appeal.c
_URGENCY = case({"urgent": 0, "high": 1}, value=_a.priority, else_=2)


def is_nobodys(status: str, owner: str | None) -> bool:
    """Whether an appeal is to be worked on here, and nobody has it."""
    return owner is None and status in WORKABLE


async def standing(
    connection: AsyncConnection, ticket_ids: Sequence[str]
) -> dict[str, Row[*tuple[Any, ...]]]:
    """How these appeals stand, as far as is known."""
    found = await connection.execute(select(appeal).where(_a.ticket_id.in_(ticket_ids)))
    return {row.ticket_id: row for row in found}


async def wanted(
    connection: AsyncConnection, groups: Sequence[str], *, ungrouped: bool, most: int
) -> Sequence[Row[*tuple[Any, ...]]]:
    """Appeals of these groups, or of none, that nobody owns and that are not on the floor; the most urgent first.

    One that was accepted the last time waits for the journal's word about that, lest it be offered twice.
    """
    ours = [_a.group_id.in_(groups), *([_a.group_id.is_(None)] if ungrouped else [])]
    last = call_record.alias("last")
    waits_for_word = and_(
        last.c.answered_at.is_not(None),
        func.coalesce(_a.settled_sequence, 0) <= _a.offered_sequence,
    )
    statement = (
        select(appeal)
        .outerjoin(
            last,
            and_(
                last.c.pbx == JOURNAL,
                last.c.pbx_call_id == func.concat(_a.ticket_id, ".", _a.offered),
            ),
        )
        .where(
            _a.owner.is_(None),
            _a.status.in_(WORKABLE),
            or_(*ours),
            or_(last.c.id.is_(None), and_(last.c.ended_at.is_not(None), ~waits_for_word)),
        )
        .order_by(_URGENCY, _a.due_at.nulls_last(), _a.ticket_id)
        .limit(most)
    )
    return (await connection.execute(statement)).all()


async def note_offered(
    connection: AsyncConnection, ticket_id: str, *, number: int, sequence: int
) -> None:
    """That it is on the floor for the how many-th time, and how it stood then."""
    await connection.execute(
        update(appeal)
        .where(_a.ticket_id == ticket_id)
        .values(offered=number, offered_sequence=sequence)
    )


async def note_settled(connection: AsyncConnection, ticket_id: str, sequence: int) -> None:
    """That somebody had it then, or nobody had to; whatever is known of before or after."""
    await connection.execute(
        update(appeal)
        .where(_a.ticket_id == ticket_id)
        .values(settled_sequence=func.greatest(_a.settled_sequence, sequence))
    )
