"""A process that fires due steps until it is killed, with a clock of its own that is wrong.

    python step_child.py DATABASE_URL SKEW_S

`promises` and `journal_over` are what the test itself registers its appeals with.
"""

import asyncio
import sys
from datetime import datetime, timedelta
from typing import Any

from careline_common import config as common
from careline_common.clock import SystemClock
from careline_common.db.engine import Database
from careline_common.ids import UuidIds
from careline_common.observability.metrics import MetricsRegistry
from careline_common.observability.pii import PiiHasher
from careline_tickets.adapters.chance import SystemChance
from careline_tickets.config import Rules, working_time
from careline_tickets.db.repository import Repository
from careline_tickets.deadlines import Deadline
from careline_tickets.lookup import Lookup
from careline_tickets.metrics import TicketsMetrics
from careline_tickets.service import Journal
from careline_tickets.stepping import Stepper

ALL_WEEK = {day: ["00:00-24:00"] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
STEPS: list[dict[str, Any]] = [
    {"id": "warn", "clock": "level1", "at": "50%", "do": "notify", "to": "group"},
    {"id": "louder", "clock": "level1", "at": "-10m", "do": "raise_priority"},
    {"id": "up", "clock": "level1", "at": "breach", "do": "escalate", "to_level": 2},
    {"id": "later", "clock": "statutory", "at": "-1d", "do": "event"},
]
"""Three that are due for an appeal of two hours ago, and one that is not for a month."""


class WrongClock(SystemClock):
    """The machine's clock, so many seconds off."""

    def __init__(self, skew_s: float) -> None:
        self._skew = timedelta(seconds=skew_s)

    def now(self) -> datetime:
        return super().now() + self._skew


def promises() -> Rules:
    """One promise: an hour for level 1, thirty days for the citizen, with `STEPS`."""
    calendar = common.Calendar.model_validate({"id": "c", "zone": "UTC", "weekly": ALL_WEEK})
    deadline = Deadline.model_validate(
        {
            "id": "default",
            "calendar": "c",
            "clocks": {"level1": "1h", "statutory": "30d"},
            "steps": STEPS,
        }
    )
    group = common.Group.model_validate({"id": "l2", "level": 2, "users": ["spec1", "spec2"]})
    return Rules(
        deadlines=(deadline.rule({"c": working_time(calendar)}),),
        groups={"l2": group},
        subjects={"care": common.Subject(id="care", group="l2")},
    )


def database_at(url: str, skew_s: float = 0.0, pool_size: int = 4) -> Database:
    return Database(
        url, schema="tickets", source="tickets", clock=WrongClock(skew_s), ids=UuidIds(),
        pool_size=pool_size,
    )  # fmt: skip


def journal_over(rules: Rules) -> Journal:
    hasher, chance = PiiHasher("a key of this test"), SystemChance()
    return Journal(
        repository=Repository(hasher=hasher, chance=chance),
        lookup=Lookup(hasher),
        chance=chance,
        rules=lambda: rules,
        metrics=TicketsMetrics(MetricsRegistry("tickets")),
    )


async def main(url: str, skew_s: float) -> None:
    database = database_at(url, skew_s)
    await Stepper(database, journal_over(promises()), batch=3).run()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], float(sys.argv[2])))
