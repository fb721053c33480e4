"""Deletes what is old, in parts, so that no transaction is long and the floor never waits for one."""

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_router.db.past import CONFIGURES

_OLD_ROWS = """
    DELETE FROM {table} WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM {table} WHERE {moment} < :before LIMIT :most))"""
_MESSAGES = text(_OLD_ROWS.format(table="agent_message", moment="at"))
_COMMANDS = text(_OLD_ROWS.format(table="pbx_command", moment="created_at"))
_DECISIONS = text(_OLD_ROWS.format(table="decision", moment="at"))
_STEPS = text(_OLD_ROWS.format(table="self_service_step", moment="at"))
_JOURNAL = text("""
    DELETE FROM journal WHERE floor = :floor AND seq IN (
        SELECT seq FROM (
            SELECT seq, at FROM journal
            WHERE floor = :floor
                AND NOT (kind = ANY(:kept))
                AND seq <= (SELECT max(seq) FROM floor_snapshot WHERE floor = :floor)
            ORDER BY seq LIMIT :most) AS oldest
        WHERE at < :before)""")


async def forget_messages(connection: AsyncConnection, before: datetime, *, most: int) -> int:
    """Agents' messages that nobody will ask for again; returns how many there were, up to `most`."""
    gone = await connection.execute(_MESSAGES, {"before": before, "most": most})
    return gone.rowcount


async def forget_commands(connection: AsyncConnection, before: datetime, *, most: int) -> int:
    """Commands, also those that a PBX which is gone has never carried out."""
    gone = await connection.execute(_COMMANDS, {"before": before, "most": most})
    return gone.rowcount


async def forget_decisions(connection: AsyncConnection, before: datetime, *, most: int) -> int:
    """Why offers were made as they were."""
    gone = await connection.execute(_DECISIONS, {"before": before, "most": most})
    return gone.rowcount


async def forget_steps(connection: AsyncConnection, before: datetime, *, most: int) -> int:
    """The way of callers through self-service."""
    gone = await connection.execute(_STEPS, {"before": before, "most": most})
    return gone.rowcount


async def forget_journal(
    connection: AsyncConnection, floor: str, before: datetime, *, most: int
) -> int:
    """The journal's oldest rows, but none that the floor's snapshot does not have in it.

    What has configured the floor stays: each such row has only what changed then, so that every later
    day, and every later decision, is rebuilt from all of them.
    """
    values = {"floor": floor, "before": before, "most": most, "kept": list(CONFIGURES)}
    gone = await connection.execute(_JOURNAL, values)
    return gone.rowcount
