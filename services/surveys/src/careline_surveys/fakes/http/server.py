"""The fake provider itself: a small HTTP server that does what its script says, then what is right."""

import asyncio
import contextlib
import itertools
import sys
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from careline_surveys.fakes.http.dialect import (
    Answer,
    Dialect,
    NotOursError,
    Request,
    Sent,
    Trouble,
)

What = Literal[
    "ok", "throttled", "account", "refused_number", "silence", "cut", "lost", "garbage", "empty", "500", "302",
]  # fmt: skip
"""`silence`, `cut`, `garbage`, `empty` and `500` have the message, `lost` does not; none says so."""
WORDS: tuple[What, ...] = get_args(What)
TROUBLES: tuple[Trouble, ...] = get_args(Trouble)
NONSENSE = {
    "garbage": Answer(content=b"<html>proxy error</html>", kind="text/html"),
    "empty": Answer(content=b"{}"),
    "500": Answer(status=500, content=b"{}"),
    "302": Answer(status=302),
}


@dataclass
class FakeHttpProvider:
    """Listens between `open` and `close`; `sent` is all that it took, in order."""

    dialect: Dialect
    script: list[What] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)
    asked: int = 0
    wrong: list[str] = field(default_factory=list)
    """What was wrong with requests that it could not take."""
    port: int = 0

    def __post_init__(self) -> None:
        self._ids = itertools.count(1_000_001)
        self._server: asyncio.Server | None = None

    @property
    def entry(self) -> dict[str, Any]:
        return self.dialect.entry(f"http://127.0.0.1:{self.port}")

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            request = await _read(reader)
            answer = self._answer(request)
            if answer is None:
                await reader.read()
            elif answer is not CUT:
                writer.write(_written(answer))
                await writer.drain()
        writer.close()

    def _answer(self, request: Request) -> Answer | None:
        try:
            found = self.dialect.asked(request, self.sent)
            if found is not None:
                self.asked += 1
                return found
            message = self.dialect.read(request, str(next(self._ids)))
        except (NotOursError, KeyError, ValueError) as error:
            self.wrong.append(f"{type(error).__name__}: {error}")
            return Answer(status=400, content=b"wrong request", kind="text/plain")
        return self._do(self.script.pop(0) if self.script else "ok", message)

    def _do(self, what: What, message: Sent) -> Answer | None:
        if what in TROUBLES:
            return self.dialect.trouble(what)
        if what == "lost":
            return None
        self.sent.append(message)
        if what == "silence":
            return None
        if what == "cut":
            return CUT
        return NONSENSE.get(what) or self.dialect.taken(message)


CUT = Answer(status=0)
"""No answer at all: the connection is closed."""


async def _read(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, target, _ = head[0].split(" ", 2)
    headers = {
        name.lower(): value.strip()
        for name, _, value in (line.partition(":") for line in head[1:] if line)
    }
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(method=method, target=target, headers=headers, body=body)


def _written(answer: Answer) -> bytes:
    head = (
        f"HTTP/1.1 {answer.status} X\r\ncontent-type: {answer.kind}\r\n"
        f"content-length: {len(answer.content)}\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + answer.content


async def serve(dialect: Dialect, port: int, script: list[What]) -> None:
    """Serves until cancelled, telling where and what for `careline apply`."""
    fake = FakeHttpProvider(dialect, script=script, port=port)
    await fake.open()
    sys.stdout.write(f"ready 127.0.0.1:{fake.port}\nsms: [{fake.entry}]\n")
    sys.stdout.flush()
    try:
        await asyncio.Event().wait()
    finally:
        await fake.close()
