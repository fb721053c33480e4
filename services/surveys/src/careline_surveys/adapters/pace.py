"""A rate limit: so many messages a second, evenly, and no more in hand than leave soon."""

import asyncio
import math


class Pace:
    """Of one provider. `per_second` None is without a limit."""

    def __init__(self, per_second: float | None) -> None:
        self._per_second = per_second
        self._next_at = 0.0

    def room(self, window: int, in_hand: int) -> int:
        """The window, but never more than leave within a second.

        What waits in hand for its pace would be given up as left behind, or be unknown after a crash.
        """
        if self._per_second is None:
            return window
        ahead_s = max(0.0, self._next_at - asyncio.get_running_loop().time())
        soon = math.ceil(self._per_second * (1 - ahead_s))
        return min(window, in_hand + max(0, soon))

    async def wait(self) -> None:
        """Returns when the next message may leave."""
        if self._per_second is None:
            return
        now = asyncio.get_running_loop().time()
        at = max(now, self._next_at)
        self._next_at = at + 1 / self._per_second
        await asyncio.sleep(at - now)
