"""Whose desk is connected, told to the floor: by comparing what is with what the floor knows, again and again.

So a new leader finds out who has not come back after the old one's death, and nothing is lost when the database is away.
"""

import asyncio
from collections.abc import Iterator

from careline_common.http.problem import Problem
from careline_router.domain import commands as cmd
from careline_router.feeds import Feeds
from careline_router.runtime.floor_actor import FloorActor

EVERY_S = 0.5
SETTLE_S = 5.0
"""After a takeover most desks are back by then; nothing need be written of these."""
MOST_AT_ONCE = 100
"""So many agents are one command: calls have their turn in between."""


class Presence:
    """Runs while this process leads."""

    def __init__(self, *, actor: FloorActor, feeds: Feeds) -> None:
        self._actor = actor
        self._feeds = feeds

    async def run(self) -> None:
        """Goes on until cancelled."""
        await asyncio.sleep(SETTLE_S)
        while True:
            await self.tell()
            await asyncio.sleep(EVERY_S)

    async def tell(self) -> None:
        """Tells the floor what has changed; what could not be told is told the next time."""
        for command in list(self._changes()):
            try:
                await self._actor.submit(command)
            except Problem:
                return

    def _changes(self) -> Iterator[cmd.SetPresence]:
        here, agents = self._feeds.connected, self._actor.floor.agents
        came = [name for name in here if name in agents and not agents[name].connected]
        left = [agent.id for agent in agents.values() if agent.connected and agent.id not in here]
        for start in range(0, max(len(came), len(left)), MOST_AT_ONCE):
            part = slice(start, start + MOST_AT_ONCE)
            yield cmd.SetPresence(came=tuple(sorted(came)[part]), left=tuple(sorted(left)[part]))
