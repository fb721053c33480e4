"""HTTP for the load of `careline bench router`: keep-alive, one request a connection at a time.

The load shares a core with PostgreSQL, and a general client would cost it several times as much a request:
what was measured then would be the client.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from pydantic_core import from_json, to_json


class Wire:
    """Connections to one server, opened as they are needed and kept."""

    def __init__(self, base: str) -> None:
        parts = urlsplit(base)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        self._free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self._opened: set[asyncio.StreamWriter] = set()

    async def ask(
        self, method: str, path: str, headers: str = "", body: bytes = b""
    ) -> tuple[int, Any]:
        """Status and document of an answer. `headers` are lines with their ends."""
        reader, writer = await self._connection()
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: {self._host}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n{headers}\r\n"
        )
        writer.write(head.encode() + body)
        shown = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        status = int(shown[9:12])
        length = shown.partition("content-length:")[2].partition("\r\n")[0]
        content = await reader.readexactly(int(length)) if length.strip() else b""
        self._free.append((reader, writer))
        return status, from_json(content) if content else None

    async def _connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """One that is free; the server closes those that nobody has used for seconds."""
        while self._free:
            reader, writer = self._free.pop()
            if not reader.at_eof():
                return reader, writer
            self._opened.discard(writer)
            writer.close()
        reader, writer = await asyncio.open_connection(self._host, self._port)
        self._opened.add(writer)
        return reader, writer

    async def close(self) -> None:
        for writer in self._opened:
            writer.close()
        closings = (writer.wait_closed() for writer in self._opened)
        await asyncio.gather(*closings, return_exceptions=True)


def bearer(token: str) -> str:
    return f"Authorization: Bearer {token}\r\n"


def document(**fields: Any) -> bytes:
    return to_json(fields)


@asynccontextmanager
async def wire(base: str) -> AsyncIterator[Wire]:
    made = Wire(base)
    try:
        yield made
    finally:
        await made.close()
