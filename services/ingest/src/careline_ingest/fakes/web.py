"""A small web server for fakes of partners: one handler, and what goes wrong before it is asked."""

import asyncio
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import parse_qsl, urlsplit

from careline_ingest.fakes.listening import Listening

MOST_BODY_BYTES = 16 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request; names of headers are in small letters, of parameters each has its last value."""

    method: str
    path: str
    params: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """An answer."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(slots=True, kw_only=True)
class WebFaults:
    """What goes wrong from now on; may be changed while the server runs."""

    next_answers: list[Said] = field(default_factory=list)
    """The next requests get these, whatever they ask."""
    hang: bool = False
    """Requests are never answered."""
    cut: list[int] = field(default_factory=list)
    """The next bodies break off after so many bytes."""
    lose_answers: int = 0
    """So many requests are dealt with, and then the connection breaks without an answer."""


Handler = Callable[[Asked], Said]


class FakeWeb(Listening):
    """The server; `async with` starts and stops it."""

    def __init__(
        self, handler: Handler, *, tls: ssl.SSLContext | None = None, port: int = 0
    ) -> None:
        self.faults = WebFaults()
        self.asked: list[Asked] = []
        self._handler = handler
        super().__init__(tls=tls, port=port)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await _read(reader)
        self.asked.append(asked)
        if self.faults.hang:
            await reader.read()
        await self._answer(asked, writer)

    async def _answer(self, asked: Asked, writer: asyncio.StreamWriter) -> None:
        faults = self.faults
        said = faults.next_answers.pop(0) if faults.next_answers else self._handler(asked)
        if faults.lose_answers:
            faults.lose_answers -= 1
            writer.transport.abort()
            return
        lines = [f"HTTP/1.1 {said.status} {HTTPStatus(said.status).phrase}", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in said.headers.items()]
        lines.append(f"Content-Length: {len(said.body)}")
        cut = faults.cut.pop(0) if faults.cut else None
        writer.write("\r\n".join([*lines, "", ""]).encode("latin-1") + said.body[:cut])
        await writer.drain()
        writer.close()
        await writer.wait_closed()


async def _read(reader: asyncio.StreamReader) -> Asked:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.split("\r\n")
    pairs = (line.partition(":") for line in lines if line)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    method, target, _ = first.split(" ", 2)
    length = min(int(headers.get("content-length", "0")), MOST_BODY_BYTES)
    parts = urlsplit(target)
    return Asked(
        method=method,
        path=parts.path,
        params=dict(parse_qsl(parts.query, keep_blank_values=True)),
        headers=headers,
        body=await reader.readexactly(length),
    )
