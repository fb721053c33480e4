"""Recordings of calls, as the PBX has told of them."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_router.db.tables import call_record, pbx_command


async def of_call(connection: AsyncConnection, call_id: str) -> Row[*tuple[Any, ...]] | None:
    """`pbx`, `recording` and `recording_refused_at` of a call."""
    of = call_record.c
    found = await connection.execute(
        select(of.pbx, of.recording, of.recording_refused_at).where(of.id == call_id)
    )
    return found.one_or_none()


async def missed(
    connection: AsyncConnection, pbx: str, since: datetime
) -> list[tuple[str, datetime, datetime]]:
    """Calls that came since then, were recorded and are over, but of whose recording nothing was told: id, and
    when they were answered and ended."""
    of = call_record.c
    started = select(pbx_command.c.id).where(
        pbx_command.c.call_id == of.id,
        pbx_command.c.type == "record",
        pbx_command.c.body["action"].astext == "start",
        pbx_command.c.ok,
    )
    found = await connection.execute(
        select(of.id, of.answered_at, of.ended_at).where(
            of.pbx == pbx,
            of.arrived_at > since,
            of.answered_at.is_not(None),
            of.ended_at.is_not(None),
            of.recording.is_(None),
            started.exists(),
        )
    )
    return [(row.id, row.answered_at, row.ended_at) for row in found]
