"""Where the floor's leader is, as a process sees it that stands by."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Leader:
    """The base URL of another process that leads the floor; None while none is known.

    Belongs to one event loop.
    """

    def __init__(self) -> None:
        self.address: str | None = None
        self._relying: set[asyncio.Timeout] = set()

    def is_at(self, address: str | None) -> None:
        """Tells where it is now, and ends what relied on the one before."""
        if address == self.address:
            return
        self.address = address
        relying, self._relying = self._relying, set()
        for block in relying:
            block.reschedule(asyncio.get_running_loop().time())

    @asynccontextmanager
    async def relied_on(self) -> AsyncIterator[None]:
        """Ends the block with a `TimeoutError` as soon as the leader is not where it was."""
        async with asyncio.timeout(None) as block:
            self._relying.add(block)
            try:
                yield
            finally:
                self._relying.discard(block)
