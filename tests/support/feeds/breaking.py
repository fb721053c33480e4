"""A way to a server that breaks off once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


@asynccontextmanager
async def breaking_proxy(port: int, after_bytes: int) -> AsyncIterator[int]:
    """The port of a proxy to a local port; its first connection is cut after so many bytes of
    answers, the others are whole."""
    left: list[int] = [after_bytes]

    async def pump(
        source: asyncio.StreamReader, sink: asyncio.StreamWriter, limit: int | None
    ) -> None:
        with suppress(OSError):
            while data := await source.read(1 << 14):
                sink.write(data[:limit])
                await sink.drain()
                if limit is not None:
                    limit -= len(data)
                    if limit <= 0:
                        break
        sink.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        limit = left.pop() if left else None
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(pump(reader, far_writer, None), pump(far_reader, writer, limit))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
