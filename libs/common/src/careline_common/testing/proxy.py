"""A TCP proxy in front of a broker or database, for the faults that networks have."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import parse_qs, urlsplit, urlunsplit

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Connect = Callable[[], Coroutine[Any, Any, Streams]]


class Proxy:
    """Listens on a port of 127.0.0.1 and passes bytes on, until it is told otherwise."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._asking = asyncio.Event()
        self._answering = asyncio.Event()
        self.pass_on()
        self.port = 0

    async def open(self) -> None:
        """Takes connections, again on the same port."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Resets every connection and refuses new ones."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self.reset()

    def reset(self) -> None:
        """Resets every connection."""
        for writer in list(self._writers):
            writer.transport.abort()

    def swallow(self) -> None:
        """From now on bytes go nowhere and nobody is told: a black hole."""
        self._asking.clear()
        self._answering.clear()

    def swallow_answers(self) -> None:
        """From now on the server hears everything, and its answers are lost."""
        self._answering.clear()

    def strand(self) -> None:
        """The connections of this moment end in a black hole for good; new ones get through."""
        self.swallow()
        self._asking, self._answering = asyncio.Event(), asyncio.Event()
        self.pass_on()

    def pass_on(self) -> None:
        """Ends the black hole; what was held back arrives."""
        self._asking.set()
        self._answering.set()

    async def close(self) -> None:
        await self.cut()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await self._connect()
        except OSError:
            writer.transport.abort()
            return
        if self._server is None:  # it was cut meanwhile
            for each in (writer, far_writer):
                each.transport.abort()
            return
        self._writers |= {writer, far_writer}
        for source, sink, gate in (
            (reader, far_writer, self._asking),
            (far_reader, writer, self._answering),
        ):
            task = asyncio.create_task(self._pump(source, sink, gate))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pump(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, gate: asyncio.Event
    ) -> None:
        with suppress(OSError):
            while data := await source.read(65536):
                await gate.wait()
                sink.write(data)
                await sink.drain()
        self._writers.discard(sink)
        sink.close()


def _upstream(url: str) -> Connect:
    """How to reach the server of a URL, over TCP or PostgreSQL's Unix socket."""
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    if "host" in query:
        path = os.path.join(query["host"][0], f".s.PGSQL.{query['port'][0]}")  # noqa: PTH118
        return lambda: asyncio.open_unix_connection(path)
    host, port = parts.hostname, parts.port
    return lambda: asyncio.open_connection(host, port)


@asynccontextmanager
async def proxied(url: str) -> AsyncIterator[tuple[str, Proxy]]:
    """A proxy in front of the server of `url`, and the URL by which to go through it."""
    proxy = Proxy(_upstream(url))
    await proxy.open()
    parts = urlsplit(url)
    user = parts.netloc.rpartition("@")[0]
    address = parts._replace(netloc=f"{user}@127.0.0.1:{proxy.port}", query="")
    try:
        yield urlunsplit(address), proxy
    finally:
        await proxy.close()
