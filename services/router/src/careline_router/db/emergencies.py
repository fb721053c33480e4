"""How the emergency switch stands, and how it came to."""

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_router.db.tables import emergency
from careline_router.emergency import EmergencySwitch


async def last(connection: AsyncConnection) -> EmergencySwitch:
    found = await connection.execute(select(emergency).order_by(emergency.c.id.desc()).limit(1))
    row = found.one_or_none()
    if row is None:
        return EmergencySwitch()
    return EmergencySwitch(on=row.on, announcement=row.announcement, by=row.by, at=row.at)


async def add(connection: AsyncConnection, switch: EmergencySwitch) -> None:
    await connection.execute(
        insert(emergency).values(
            on=switch.on, announcement=switch.announcement, by=switch.by, at=switch.at
        )
    )
