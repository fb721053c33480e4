"""How late a step of a clock fires in a full journal."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import text

from careline_common import config as common
from careline_common.clock import Clock, SystemClock
from careline_common.db.engine import Database
from careline_common.ids import UuidIds
from careline_common.observability.metrics import MetricsRegistry
from careline_common.observability.pii import PiiHasher
from careline_tickets.adapters.chance import SystemChance
from careline_tickets.config import Rules, working_time
from careline_tickets.db.repository import Repository
from careline_tickets.deadlines import Deadline
from careline_tickets.domain.ticket import Details
from careline_tickets.domain.vocabulary import Channel, Kind, Role
from careline_tickets.domain.workflow import Actor
from careline_tickets.lookup import Lookup
from careline_tickets.metrics import TicketsMetrics
from careline_tickets.service import Journal, NewTicket
from careline_tickets.stepping import Stepper

AGENT = Actor(id="bench", roles=frozenset({Role.AGENT}))
ALL_WEEK = {day: ["00:00-24:00"] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
SPACING_S = 0.05
"""The probes are due one after the other, as steps of appeals of different moments are."""
LEAD_S = 1.0

FILL = """
    INSERT INTO tickets.step (ticket_id, clock, generation, step, fires_at)
    SELECT id, 'statutory', 0, 'bench', now() + interval '1 day' + random() * interval '30 days'
    FROM tickets.ticket WHERE status NOT IN ('closed', 'merged')
    ON CONFLICT DO NOTHING"""
"""One step in the future for each open appeal: what the index on `fires_at` has to stand."""
EMPTY = "DELETE FROM tickets.step WHERE step = 'bench'"
OPEN = "SELECT count(*) FROM tickets.ticket WHERE status NOT IN ('closed', 'merged')"
LATE = """
    SELECT count(fired_at) AS fired,
           max(extract(epoch FROM fired_at - fires_at)) AS worst
    FROM tickets.step WHERE ticket_id = ANY(:ids)"""


def promises(steps: Sequence[dict[str, Any]]) -> Rules:
    """One promise, around the clock: an hour for level 1, thirty days for the citizen."""
    calendar = common.Calendar.model_validate({"id": "c", "zone": "UTC", "weekly": ALL_WEEK})
    deadline = Deadline.model_validate(
        {
            "id": "default",
            "calendar": "c",
            "clocks": {"level1": "1h", "statutory": "30d"},
            "steps": steps,
        }
    )
    group = common.Group.model_validate({"id": "l2", "level": 2, "users": ["spec1", "spec2"]})
    return Rules(
        deadlines=(deadline.rule({"c": working_time(calendar)}),),
        groups={"l2": group},
        subjects={"care": common.Subject(id="care", group="l2")},
    )


def database_at(url: str, clock: Clock, *, pool_size: int = 4) -> Database:
    return Database(
        url, schema="tickets", source="tickets", clock=clock, ids=UuidIds(), pool_size=pool_size
    )


def journal_over(rules: Rules) -> Journal:
    """The journal's use cases as the service has them, under these rules."""
    hasher, chance = PiiHasher("a key of the bench"), SystemChance()
    return Journal(
        repository=Repository(hasher=hasher, chance=chance),
        lookup=Lookup(hasher),
        chance=chance,
        rules=lambda: rules,
        metrics=TicketsMetrics(MetricsRegistry("tickets")),
    )


async def due_step(url: str, *, probes: int = 100) -> dict[str, float | int]:
    """`{"open_appeals", "probes", "max_delay_s"}` of a migrated database, as full as it is.

    Each open appeal is given a step in the future; then so many new appeals get one that escalates
    them and is due within seconds, and one process fires. A delay is from the time a step is due to
    the statement that marks it, both by the database's clock.
    """
    clock = SystemClock()
    database = database_at(url, clock)
    rules = promises([{"clock": "level1", "at": "breach", "do": "escalate", "to_level": 2}])
    journal = journal_over(rules)
    try:
        async with database.unit_of_work() as uow:
            await uow.connection.execute(text(FILL))
        ids = [
            await _probe(database, journal, clock, number * SPACING_S) for number in range(probes)
        ]
        async with database.read() as connection:
            open_appeals = int(await connection.scalar(text(OPEN)) or 0)
        worst = await _fired(database, journal, ids)
        async with database.unit_of_work() as uow:
            await uow.connection.execute(text(EMPTY))
    finally:
        await database.close()
    return {"open_appeals": open_appeals, "probes": probes, "max_delay_s": round(worst, 3)}


async def _probe(database: Database, journal: Journal, clock: Clock, after_s: float) -> str:
    """An appeal whose hour is over so soon; its id."""
    due_in = timedelta(seconds=LEAD_S + after_s)
    new = NewTicket(
        details=Details(channel=Channel.PHONE, kind=Kind.COMPLAINT, subject="care"),
        text="An appeal that is late soon",
        registered_at=clock.now() - timedelta(hours=1) + due_in,
    )
    async with database.unit_of_work() as uow:
        return (await journal.register(uow, new, AGENT)).ticket.id


async def _fired(database: Database, journal: Journal, ids: list[str]) -> float:
    """Fires until all of these have; the longest delay."""
    firing = asyncio.create_task(Stepper(database, journal).run())
    try:
        while True:
            async with database.read() as connection:
                row = (await connection.execute(text(LATE), {"ids": ids})).one()
            if row.fired == len(ids):
                return float(row.worst)
            await asyncio.sleep(0.2)
    finally:
        firing.cancel()
        await asyncio.gather(firing, return_exceptions=True)
