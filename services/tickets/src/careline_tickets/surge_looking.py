"""The alerts that some days give: of a large journal found by a process of its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from careline_common.db.engine import Database, sqlalchemy_url
from careline_tickets.adapters.apart import apart
from careline_tickets.db import surges as stored
from careline_tickets.domain.surges.alarms import Alert
from careline_tickets.domain.surges.series import Arrivals, Key
from careline_tickets.domain.surges.watch import Watch

HISTORY = timedelta(days=200)
"""What came before the days that are judged, and is learned from."""
AT_HAND = 3000
"""Days with no more appeals are looked at here; to start a process for them would take longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What is judged: the days from `first` to `last`. `known` are the open alerts with their first days."""

    first: date
    last: date
    zone: str
    quiet: frozenset[date]
    known: Mapping[Key, date]

    @property
    def span(self) -> stored.Span:
        """What is to be known for it."""
        return {"first": self.first - HISTORY, "last": self.last, "zone": ZoneInfo(self.zone)}

    def alerts(self, arrivals: Arrivals) -> list[Alert]:
        return Watch(arrivals, since=self.first, quiet=self.quiet, known=self.known).run(self.last)


async def alerts_of(database: Database, look: Look, at_hand: int = AT_HAND) -> list[Alert]:
    """Raises `ApartError` when the process that looks has ended."""
    async with database.read() as connection:
        many = await stored.more_than(connection, at_hand, **look.span)
        arrivals = None if many else await stored.arrivals(connection, **look.span)
    return await apart(_alerts, database.url, look) if arrivals is None else look.alerts(arrivals)


async def _alerts(database_url: str, look: Look) -> list[Alert]:
    engine = create_async_engine(sqlalchemy_url(database_url), poolclass=NullPool)
    async with engine.connect() as connection:
        arrivals = await stored.arrivals(connection, **look.span)
    return look.alerts(arrivals)
