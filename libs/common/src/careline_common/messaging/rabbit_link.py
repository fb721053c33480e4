"""A connection to RabbitMQ that is made when it is needed and made anew when it was lost.

Not aio-pika's robust connection: what is lost fails at once and openly, and whoever needs it declares
everything again, so that a queue that vanished is as good as a broker that did.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from aio_pika import Connection
from aio_pika.abc import AbstractChannel, AbstractConnection
from aio_pika.exceptions import CONNECTION_EXCEPTIONS
from yarl import URL

CONNECT_TIMEOUT_S = 5
HEARTBEAT_S = 10
CLOSE_TIMEOUT_S = 2

LOST = (*CONNECTION_EXCEPTIONS, TimeoutError)
"""What a call on a lost connection or channel can raise."""


class _Connection(Connection):
    """aio-pika's own closes itself when it is collected, by a coroutine that nobody may be there to await:
    a frozen broker leaves one that could not be closed in time."""

    def __del__(self) -> None:
        """Whoever made it has closed it, or given it up."""


class Link:
    """One connection; `purpose` is its name in the broker's list. `?heartbeat=` in the URL, in
    seconds, goes before ours: a connection that is silent for about three times as long is lost."""

    def __init__(self, url: str, *, purpose: str) -> None:
        given = URL(url)
        heartbeat = given.query.get("heartbeat", str(HEARTBEAT_S))
        self._url = given.update_query(heartbeat=heartbeat, name=purpose)
        self._connection: AbstractConnection | None = None
        self._connecting = asyncio.Lock()

    async def connection(self) -> AbstractConnection:
        """The connection, made if need be; raises one of `LOST`."""
        async with self._connecting:
            if self._connection is None or not self._connection.connected.is_set():
                await self.drop()  # what is left of a lost one
                self._connection = await self._connect()
            return self._connection

    async def _connect(self) -> AbstractConnection:
        """What could not be connected, or was given up meanwhile, is closed."""
        connection = _Connection(self._url)
        try:
            await connection.connect(timeout=CONNECT_TIMEOUT_S)
        except BaseException:
            await connection.close()
            raise
        return connection

    @asynccontextmanager
    async def channel(self) -> AsyncIterator[AbstractChannel]:
        """A channel for as long as the block; what was not acknowledged by then comes again."""
        connection = await self.connection()
        channel = connection.channel(publisher_confirms=False)
        await channel.initialize(CONNECT_TIMEOUT_S)
        try:
            yield channel
        finally:
            await _close(channel)

    async def publishing_channel(self) -> AbstractChannel:
        """A channel with confirms, on which what cannot be routed raises."""
        connection = await self.connection()
        channel = connection.channel(publisher_confirms=True, on_return_raises=True)
        await channel.initialize(CONNECT_TIMEOUT_S)
        return channel

    async def drop(self) -> None:
        """Closes the connection, for good or because nothing is heard on it any more."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await _close(connection)


async def _close(closable: AbstractChannel | AbstractConnection) -> None:
    with suppress(*LOST):
        async with asyncio.timeout(CLOSE_TIMEOUT_S):
            await closable.close()
