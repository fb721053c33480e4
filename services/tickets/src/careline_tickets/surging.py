"""Surges as the journal handles them: found, told, given a case, closed."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import structlog
from sqlalchemy import Row

from careline_common.clock import Clock
from careline_common.db.engine import Database
from careline_common.db.unit_of_work import UnitOfWork
from careline_common.events.tickets import SurgeClosed, SurgeOpened
from careline_tickets.config import Rules
from careline_tickets.db import surges as stored
from careline_tickets.domain.surges.alarms import Alert
from careline_tickets.domain.surges.series import Key
from careline_tickets.domain.surges.watch import LONGEST_ALERT
from careline_tickets.domain.ticket import Details, External
from careline_tickets.domain.vocabulary import Channel, Kind, Role
from careline_tickets.domain.workflow import Actor
from careline_tickets.service import Journal, NewTicket
from careline_tickets.surge_looking import Look, alerts_of

log = structlog.get_logger()

LATE = timedelta(days=7)
"""Appeals that partners report late still open an alert for so long."""
LOOK_EVERY_S = 15.0
RESTS = 20
"""A look is followed by a rest of so many times as long: looking takes a twentieth of a processor at most."""
WATCH = Actor(id="surges", roles=frozenset({Role.SYSTEM}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What a look at some days has changed."""

    opened: int
    closed: int


class SurgeDesk:
    """Looks for surges, in the present and in days that are over."""

    def __init__(self, database: Database, journal: Journal, clock: Clock) -> None:
        self._database = database
        self._journal = journal
        self._clock = clock

    @property
    def _rules(self) -> Rules:
        return self._journal.rules()

    def today(self) -> date:
        return self._clock.now().astimezone(self._rules.zone).date()

    async def replay(self, first: date, last: date) -> Looked:
        """Judges days that are over, as if each were the present; the same days again change nothing."""
        alerts = await self._alerts(first, last, known={})
        found = [alert for alert in alerts if alert.opened >= first]
        return await self._keep(found, first, replayed=True)

    async def look(self) -> Looked:
        """Judges the present. Alerts that are open are closed once it is calm again."""
        today = self.today()
        async with self._database.read() as connection:
            rows = await stored.open_surges(connection)
        alerts = await self._alerts(
            today - LATE, today, known={_key(row): row.opened_on for row in rows}
        )
        found = [
            alert
            for alert in alerts
            if _matching(rows, alert) or (alert.closed is None and alert.opened >= today - LATE)
        ]
        return await self._keep(found, today - LATE, replayed=False)

    async def _alerts(self, first: date, last: date, *, known: dict[Key, date]) -> list[Alert]:
        rules = self._rules
        look = Look(first=first, last=last, zone=str(rules.zone), quiet=rules.closed, known=known)
        return await alerts_of(self._database, look)

    async def _keep(self, alerts: Iterable[Alert], first: date, *, replayed: bool) -> Looked:
        opened = closed = 0
        async with self._database.unit_of_work() as uow:
            await stored.take_turn(uow.connection)
            rows = await stored.since(uow.connection, self._end(first) - timedelta(days=1))
            for alert in alerts:
                row = _matching(rows, alert)
                if row is None:
                    await self._open(uow, alert, replayed=replayed)
                    opened += 1
                    closed += alert.closed is not None
                else:
                    closed += await self._follow(uow, row, alert, replayed=replayed)
            if not replayed:
                closed += await self._forget(uow, rows)
        return Looked(opened=opened, closed=closed)

    async def _open(self, uow: UnitOfWork, alert: Alert, *, replayed: bool) -> None:
        surge_id, now = uow.ids.new(), uow.clock.now()
        began = alert.opened - timedelta(days=alert.window - 1)
        insurers = await stored.insurers_of(
            uow.connection, alert.key, first=began, last=alert.opened, zone=self._rules.zone
        )
        registered = await self._journal.register(uow, _case(surge_id, alert, now), WATCH)
        values = {
            "id": surge_id,
            **alert.key._asdict(),
            "opened_on": alert.opened,
            "opened_at": min(self._end(alert.opened), now) if replayed else now,
            "closed_at": None if alert.closed is None else min(self._end(alert.closed), now),
            "observed": alert.observed,
            "expected": round(alert.expected, 2),
            "days": alert.window,
            "insurers": insurers,
            "ticket_id": registered.ticket.id,
            "version": 1,
        }
        await stored.add(uow.connection, values)
        if alert.closed is None:
            _tell_opened(uow, values)

    async def _follow(
        self, uow: UnitOfWork, row: Row[Any], alert: Alert, *, replayed: bool
    ) -> bool:
        """Brings a surge that is known to what the days say; True when that closes it."""
        values: dict[str, Any] = {}
        now = uow.clock.now()
        if replayed and self._end(alert.opened) < row.opened_at:
            values |= {"opened_at": self._end(alert.opened), "opened_on": alert.opened}
        if alert.closed is not None and row.closed_at is None:
            values |= {"closed_at": min(self._end(alert.closed), now)}
        elif alert.closed is None and row.closed_at is not None and not replayed:
            values |= {"closed_at": None}
        if _key(row) != alert.key and row.closed_at is None:
            values |= alert.key._asdict()
        if not values:
            return False
        values["version"] = row.version + 1
        await stored.change(uow.connection, row.id, values)
        after = {**row._mapping, **values}  # noqa: SLF001 - its public name
        if values.get("closed_at") is not None:
            _tell_closed(uow, after)
            return True
        if row.closed_at is None or "closed_at" in values:  # open under another name, or again
            _tell_opened(uow, after)
        return False

    async def _forget(self, uow: UnitOfWork, rows: Sequence[Row[Any]]) -> int:
        """Closes what nobody has looked at for so long that it would have ended by itself."""
        closed = 0
        for row in rows:
            last = row.opened_on + timedelta(days=LONGEST_ALERT)
            if row.closed_at is None and last < self.today() - LATE:
                values = {"closed_at": self._end(last), "version": row.version + 1}
                await stored.change(uow.connection, row.id, values)
                _tell_closed(uow, {**row._mapping, **values})  # noqa: SLF001 - its public name
                closed += 1
        return closed

    def _end(self, day: date) -> datetime:
        """The last second of a day, in which a day that is over is judged."""
        return datetime.combine(day, time(23, 59, 59), self._rules.zone)


def _key(row: Row[Any]) -> Key:
    return Key(row.organisation, row.subject, row.territory)


def _matching(rows: Sequence[Row[Any]], alert: Alert) -> Row[Any] | None:
    """The surge of this series that was open at some time of the alert's."""
    for row in rows:
        if _key(row) in {alert.key, *alert.before}:
            over_before = row.closed_at is not None and row.closed_at.date() < alert.opened
            begun_after = alert.closed is not None and row.opened_on > alert.closed
            if not over_before and not begun_after:
                return row
    return None


def _case(surge_id: str, alert: Alert, now: datetime) -> NewTicket:
    days = "day" if alert.window == 1 else f"{alert.window} days"
    text = (
        f"Surge: {alert.observed} appeals in the {days} up to {alert.opened},"
        f" where {alert.expected:.1f} were expected."
    )
    return NewTicket(
        details=Details(
            channel=Channel.APP,
            kind=Kind.APPLICATION,
            organisation=alert.key.organisation,
            subject=alert.key.subject,
            territory=alert.key.territory,
            external=External(source=stored.SOURCE, id=surge_id),
        ),
        text=text,
        registered_at=now,
    )


def _tell_opened(uow: UnitOfWork, surge: dict[str, Any]) -> None:
    event = SurgeOpened(
        surge_id=surge["id"],
        organisation=surge["organisation"],
        subject=surge["subject"],
        territory=surge["territory"],
        insurers=surge["insurers"],
        ticket_id=surge["ticket_id"],
        opened_at=surge["opened_at"],
        observed=surge["observed"],
        expected=surge["expected"],
    )
    uow.emit(event, subject=surge["id"], sequence=surge["version"])


def _tell_closed(uow: UnitOfWork, surge: dict[str, Any]) -> None:
    event = SurgeClosed(
        surge_id=surge["id"],
        organisation=surge["organisation"],
        subject=surge["subject"],
        territory=surge["territory"],
        insurers=surge["insurers"],
        ticket_id=surge["ticket_id"],
        closed_at=surge["closed_at"],
    )
    uow.emit(event, subject=surge["id"], sequence=surge["version"])


def watching(desk: SurgeDesk, database: Database) -> Callable[[], Any]:
    """Looks when something was registered, and when a new day has begun."""

    async def watch() -> None:
        elapsed = asyncio.get_running_loop().time
        seen: tuple[str | None, date] | None = None
        while True:
            began = elapsed()
            async with database.read() as connection:
                now = (await stored.newest(connection), desk.today())
            if now != seen:
                looked = await desk.look()
                seen = now
                if looked.opened or looked.closed:
                    log.info("surges.looked", opened=looked.opened, closed=looked.closed)
            await asyncio.sleep(max(LOOK_EVERY_S, RESTS * (elapsed() - began)))

    return watch
