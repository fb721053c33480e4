"""A process that fires due steps until it is killed, with a clock of its own that is wrong.

python step_child.py DATABASE_URL SKEW_S
"""

import asyncio
from datetime import datetime, timedelta
from typing import Any

from careline.bench.due_step import database_at, journal_over, promises
from careline_common.clock import SystemClock
from careline_common.lifecycle import supervise
from careline_tickets.stepping import Stepper

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


def run(url: str, skew_s: float) -> None:
    database = database_at(url, WrongClock(skew_s))
    stepper = Stepper(database, journal_over(promises(STEPS)), batch=5)
    asyncio.run(supervise("steps", stepper.run))
