"""What the router knows of consultations at PBXs."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_router.db.tables import pbx_command


async def asked(connection: AsyncConnection, call_ids: Sequence[str]) -> frozenset[str]:
    """The consultations of these calls whose `consult` the PBX has carried out."""
    found = await connection.execute(
        select(pbx_command.c.body["consult_id"].astext).where(
            pbx_command.c.call_id.in_(call_ids),
            pbx_command.c.type == "consult",
            pbx_command.c.ok,
        )
    )
    return frozenset(found.scalars())
