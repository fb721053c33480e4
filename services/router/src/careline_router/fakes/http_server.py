"""A small HTTP/1.1 server whose every answer can be made to go wrong, down to the single byte."""

import asyncio
import contextlib
import json
import ssl
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from types import TracebackType
from typing import Any, Protocol, Self
from urllib.parse import SplitResult, urlsplit

LONGEST_BODY = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """`headers` have lower-case names."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def parts(self) -> SplitResult:
        return urlsplit(self.target)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer; as a fault, one that is given instead of the true one."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @classmethod
    def json(cls, document: Any, status: int = 200, **headers: str) -> Self:
        body = json.dumps(document, ensure_ascii=False).encode()
        return cls(
            status=status, headers={"Content-Type": "application/json", **headers}, body=body
        )

    def written(self) -> bytes:
        reason = HTTPStatus(self.status).phrase
        headers = {"Content-Length": str(len(self.body)), **self.headers}
        lines = [f"HTTP/1.1 {self.status} {reason}", *(f"{k}: {v}" for k, v in headers.items())]
        return "\r\n".join([*lines, "", ""]).encode() + self.body


@dataclass(frozen=True, slots=True)
class Slow:
    """The true answer, so many seconds late."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Hang:
    """No answer until `Desk.release`, then the true one."""


@dataclass(frozen=True, slots=True)
class Cut:
    """The first bytes of the true answer, then the end of the connection."""

    after: int


@dataclass(frozen=True, slots=True)
class Garbage:
    """These bytes instead of HTTP, then the end of the connection."""

    raw: bytes = b"\x16\x03\x01 what?\r\n\r\n"


Fault = Reply | Slow | Hang | Cut | Garbage


class Desk:
    """One part of a server: what it was asked, and what goes wrong next.

    Each fault of the `script` is for one request; `always` holds for all when the script is over.
    """

    def __init__(self) -> None:
        self.asked: list[Request] = []
        self.script: deque[Fault] = deque()
        self.always: Fault | None = None
        self.hanging = 0
        self._released = asyncio.Event()

    def next(self, *faults: Fault) -> None:
        self.script.extend(faults)

    def release(self) -> None:
        """Lets all requests that hang have their answers."""
        self._released.set()
        self._released = asyncio.Event()

    def fault(self, request: Request) -> Fault | None:
        self.asked.append(request)
        return self.script.popleft() if self.script else self.always

    async def hang(self) -> None:
        self.hanging += 1
        try:
            await self._released.wait()
        finally:
            self.hanging -= 1


class Handler(Protocol):
    """What a fake knows: to which desk a request goes, and its true answer."""

    def desk(self, request: Request) -> Desk: ...

    def reply(self, request: Request) -> Reply: ...


class FakeServer:
    """Serves a handler at `127.0.0.1` while the block runs; port 0 takes a free one.

    Given `tls` it speaks https.
    """

    def __init__(
        self,
        handler: Handler,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._handler = handler
        self._host, self._port, self._tls = host, port, tls
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        assert self._server is not None, "not started"
        scheme = "http" if self._tls is None else "https"
        return f"{scheme}://{self._host}:{self._server.sockets[0].getsockname()[1]}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(
            self._connected, self._host, self._port, ssl=self._tls
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def serve_forever(self) -> None:
        assert self._server is not None, "not started"
        await self._server.serve_forever()

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(OSError, EOFError, ValueError, asyncio.LimitOverrunError):
                while await self._answer(await _request(reader), writer):
                    pass
        finally:
            writer.close()

    async def _answer(self, request: Request, writer: asyncio.StreamWriter) -> bool:
        """Answers one request; False when the connection is to end."""
        desk = self._handler.desk(request)
        fault = desk.fault(request)
        if isinstance(fault, Slow):
            await asyncio.sleep(fault.seconds)
        if isinstance(fault, Hang):
            await desk.hang()
        if isinstance(fault, Garbage):
            writer.write(fault.raw)
        elif isinstance(fault, Cut):
            writer.write(self._handler.reply(request).written()[: fault.after])
        else:
            reply = fault if isinstance(fault, Reply) else self._handler.reply(request)
            writer.write(reply.written())
        await writer.drain()
        return not isinstance(fault, Garbage | Cut)


async def _request(reader: asyncio.StreamReader) -> Request:
    """The next request of a connection; raises ValueError or EOFError when there is none."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
    method, target, _version = first.split(" ")
    headers = {name.strip().lower(): value.strip() for name, _, value in _split(lines)}
    length = int(headers.get("content-length", "0"))
    if not 0 <= length <= LONGEST_BODY:
        raise ValueError("the body is too long")
    return Request(
        method=method, target=target, headers=headers, body=await reader.readexactly(length)
    )


def _split(lines: Sequence[str]) -> list[tuple[str, str, str]]:
    return [line.partition(":") for line in lines]
