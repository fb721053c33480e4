"""Calls that bots had: which they have handed over, and how many needed nobody else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_router.db.tables import bot_talk
from careline_router.domain.proportions import wilson_pct

BotBy = Literal["bot", "queue", "line"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BotRow:
    """The calls of one key that a bot had. `contained`: they ended with it, and it says that they are resolved;
    `unresolved`: they ended with it, and it does not; percent of all, with the 95 % Wilson interval."""

    key: str
    entered: int
    contained: int
    unresolved: int
    handed_over: int
    containment_pct: float | None
    low_pct: float | None
    high_pct: float | None


async def add(connection: AsyncConnection, **values: Any) -> None:
    """A call that a bot has handed over; again, when it has had it again, is one talk."""
    await connection.execute(insert(bot_talk).values(**values).on_conflict_do_nothing())


_KEYS: Mapping[BotBy, str] = {"bot": "had.bot", "queue": "had.queue", "line": "had.line"}
_CONTAINMENT = """
    WITH over AS (
        SELECT id, agent, queue, line, resolved FROM call_record
        WHERE ended_at >= :since AND ended_at < :until
    ), had AS (
        SELECT bot_talk.bot, bot_talk.queue, over.line, true AS handed, false AS resolved
        FROM over JOIN bot_talk ON bot_talk.call_id = over.id
        UNION ALL
        SELECT agent, queue, line, false, coalesce(resolved, false) FROM over
        WHERE agent = ANY(:bots)
    )
    SELECT {key} AS key, count(*) AS entered,
        count(*) FILTER (WHERE NOT handed AND resolved) AS contained,
        count(*) FILTER (WHERE NOT handed AND NOT resolved) AS unresolved,
        count(*) FILTER (WHERE handed) AS handed_over
    FROM had GROUP BY 1 ORDER BY 1"""


async def containment(
    connection: AsyncConnection, by: BotBy, bots: Sequence[str], since: datetime, until: datetime
) -> list[BotRow]:
    """Of the calls that ended from `since` until before `until`."""
    values = {"since": since, "until": until, "bots": list(bots)}
    found = await connection.execute(text(_CONTAINMENT.format(key=_KEYS[by])), values)
    rows = []
    for row in found:
        share, low, high = wilson_pct(row.contained, row.entered)
        rows.append(
            BotRow(
                key=row.key,
                entered=row.entered,
                contained=row.contained,
                unresolved=row.unresolved,
                handed_over=row.handed_over,
                containment_pct=share,
                low_pct=low,
                high_pct=high,
            )
        )
    return rows
