"""The queues as every desk is told them: worked out once for all sockets."""

import asyncio
from typing import Any

from careline_common.clock import Clock
from careline_router.queries import Queries

EVERY_S = 5.0


class QueueStats:
    """The live queues, at most `EVERY_S` old."""

    def __init__(self, queries: Queries, clock: Clock) -> None:
        self._queries = queries
        self._clock = clock
        self._turn = asyncio.Lock()
        self._queues: list[dict[str, Any]] = []
        self._until = float("-inf")

    async def now(self) -> list[dict[str, Any]]:
        """`[{"id","waiting","oldest_wait_s","agents"}]`."""
        async with self._turn:
            if self._clock.monotonic() >= self._until:
                self._queues = [
                    {
                        "id": queue.id,
                        "waiting": queue.waiting,
                        "oldest_wait_s": queue.oldest_wait_s,
                        "agents": dict(queue.agents),
                    }
                    for queue in await self._queries.queues()
                ]
                self._until = self._clock.monotonic() + EVERY_S
            return self._queues
