"""Resolved at first contact: what agents say, and whether callers called again."""

from datetime import datetime, timedelta

from pydantic import BaseModel

from careline_common.db.engine import Database
from careline_router.db.first_contacts import By, first_contacts
from careline_router.domain.proportions import wilson_pct
from careline_router.views import Viewer


class FirstContactRow(BaseModel):
    """The calls with one key that were wrapped up; null is the key of calls that have none.

    `resolved_pct` is resolved by the agents' word of all wrapped up. `fcr_pct` is, of the first contacts (numbers that
    had no talk in the days before), those that were resolved and whose number has not called again in as many days
    after; with its 95 % Wilson interval.
    """

    key: str | None
    wrapped_up: int
    resolved: int
    resolved_pct: float | None
    first_contacts: int
    resolved_at_first: int
    fcr_pct: float | None
    low_pct: float | None
    high_pct: float | None


async def first_contact_rows(
    database: Database,
    viewer: Viewer,
    by: By,
    since: datetime,
    until: datetime,
    *,
    within: timedelta,
) -> list[FirstContactRow]:
    """By key. Of agents and teams a supervisor sees his own."""
    limited = by in {"agent", "team"} and not (viewer.everything or viewer.overview)
    teams = sorted(viewer.teams) if limited else None
    async with database.read() as connection:
        found = await first_contacts(connection, by, since, until, within=within, only_teams=teams)
    rows = []
    for row in found:
        said, _, _ = wilson_pct(row.resolved, row.wrapped_up)
        share, low, high = wilson_pct(row.resolved_at_first, row.first_contacts)
        rows.append(
            FirstContactRow(
                key=row.key,
                wrapped_up=row.wrapped_up,
                resolved=row.resolved,
                resolved_pct=said,
                first_contacts=row.first_contacts,
                resolved_at_first=row.resolved_at_first,
                fcr_pct=share,
                low_pct=low,
                high_pct=high,
            )
        )
    return rows
