"""A limit on how fast rows go into the database, over all sources that one process reads.

When fifty insurers send a year at six in the morning, callers are waiting too: the same database and
the same processors carry their calls. Rows can wait.
"""

import asyncio

from careline_common.clock import Clock

BATCH_S = 0.25
"""Of the limit a batch has the rows of so long."""


class Pace:
    """Has its callers wait so that all of them together stay below the limit. What they did not use
    while there was nothing to do is not made up for."""

    def __init__(self, rows_per_s: float | None, clock: Clock) -> None:
        """None: no limit."""
        self._rows_per_s = rows_per_s
        self._clock = clock
        self._free_at = clock.monotonic()

    def batch_rows(self, most: int) -> int:
        """How many rows to write at a time: few enough under a limit that whoever works on them next has
        them spread over the second as well."""
        if self._rows_per_s is None:
            return most
        return max(1, min(most, int(self._rows_per_s * BATCH_S)))

    def due_in_s(self, rows: int) -> float:
        """Counts rows that have been written; how long nobody should write the next ones."""
        if self._rows_per_s is None:
            return 0.0
        now = self._clock.monotonic()
        self._free_at = max(self._free_at, now) + rows / self._rows_per_s
        return self._free_at - now

    async def after(self, rows: int) -> None:
        await asyncio.sleep(self.due_in_s(rows))
