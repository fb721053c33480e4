"""A CRM for tests: a real HTTP server that can be switched off."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import unquote


class Crm:
    """Answers `GET /customers/{phone}` once `answers` is set, as it is at first; `asked` keeps every phone
    it was asked for."""

    def __init__(self, customers: dict[str, dict[str, Any]], port: int) -> None:
        self.customers = customers
        self.port = port
        self.asked: list[str] = []
        self.answers = asyncio.Event()
        self.answers.set()
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/customers/{{phone}}"

    async def switch_on(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def switch_off(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            request = (await reader.readuntil(b"\r\n\r\n")).decode()
            phone = unquote(request.split()[1].rsplit("/", 1)[1])
            self.asked.append(phone)
            await self.answers.wait()
            customer = self.customers.get(phone)
            status, body = ("200 OK", customer) if customer else ("404 Not Found", {})
            content = json.dumps(body).encode()
            head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(content)}\r\nconnection: close\r\n\r\n"
            writer.write(head.encode() + content)
            await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def crm(customers: dict[str, dict[str, Any]], port: int) -> AsyncIterator[Crm]:
    server = Crm(customers, port)
    await server.switch_on()
    try:
        yield server
    finally:
        await server.switch_off()
