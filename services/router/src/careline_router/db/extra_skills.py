"""Skills that supervisors have given agents for a day."""

from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_router.db.tables import extra_skill
from careline_router.views import ExtraSkill


async def after(connection: AsyncConnection, now: datetime) -> tuple[ExtraSkill, ...]:
    """Those that still hold."""
    found = await connection.execute(
        select(extra_skill).where(extra_skill.c.until > now).order_by(extra_skill.c.until)
    )
    return tuple(ExtraSkill(**row) for row in found.mappings())


async def put(connection: AsyncConnection, given: ExtraSkill) -> None:
    """The last one given holds. Those that are over go."""
    values = {name: getattr(given, name) for name in extra_skill.c.keys()}  # noqa: SIM118 - no mapping
    await connection.execute(delete(extra_skill).where(extra_skill.c.until <= given.at))
    await connection.execute(
        insert(extra_skill)
        .values(values)
        .on_conflict_do_update(index_elements=["agent", "skill"], set_=values)
    )


async def remove(connection: AsyncConnection, agent: str, skill: str) -> None:
    await connection.execute(
        delete(extra_skill).where(extra_skill.c.agent == agent, extra_skill.c.skill == skill)
    )
