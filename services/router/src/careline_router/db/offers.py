"""Offers that are over."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_router.db.tables import offer


async def end_of(connection: AsyncConnection, offer_id: str, agent: str) -> str | None:
    """How an offer to this agent has ended (`domain.words.OfferEnd`); None when it was not his, or has not."""
    statement = select(offer.c.state).where(
        offer.c.id == offer_id, offer.c.agent == agent, offer.c.closed_at.is_not(None)
    )
    end: str | None = (await connection.execute(statement)).scalar_one_or_none()
    return end
