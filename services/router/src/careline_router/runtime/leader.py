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
        self._known = asyncio.Event()
        self._relying: set[asyncio.Timeout] = set()

    def is_at(self, address: str | None) -> None:
        """Tells where it is now, and ends what relied on the one before."""
        if address == self.address:
            return
        self.address = address
        if address is None:
            self._known.clear()
        else:
            self._known.set()
        relying, self._relying = self._relying, set()
        for block in relying:
            block.reschedule(asyncio.get_running_loop().time())

    async def known(self) -> None:
        """Returns as soon as another process is known to lead."""
        await self._known.wait()

    @asynccontextmanager
    async def relied_on(self) -> AsyncIterator[None]:
        """Ends the block with a `TimeoutError` as soon as the leader is not where it was."""
        async with asyncio.timeout(None) as block:
            self._relying.add(block)
            try:
                yield
            finally:
                self._relying.discard(block)
