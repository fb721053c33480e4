"""An agent's softphone: the WebSocket of api.md, which finds its way back after a broken line."""

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import websockets

Message = dict[str, Any]


class Softphone:
    """Keeps every message it was sent, in order, over any number of connections."""

    def __init__(self, http: httpx.AsyncClient, router: str) -> None:
        self._http = http
        self._router = router
        self._socket: websockets.ClientConnection | None = None
        self._numbers = itertools.count(1)
        self._news = asyncio.Condition()
        self.messages: list[Message] = []
        self.last_seq = 0
        self.answers: dict[str, Message] = {}

    async def log_in(self) -> None:
        (await self._http.post(f"{self._router}/v1/agents/me/session", json={})).raise_for_status()

    async def stay_connected(self) -> None:
        """Connects and reads; connects again when the router goes away."""
        while True:
            try:
                await self._read_once()
            except (OSError, httpx.HTTPError, websockets.WebSocketException):
                self._socket = None
            await asyncio.sleep(0.1)

    async def _read_once(self) -> None:
        ticket = (
            await self._http.post(f"{self._router}/v1/agents/me/ws-ticket")
        ).raise_for_status()
        address = self._router.replace("http", "ws", 1)
        query = f"ticket={ticket.json()['ticket']}&after={self.last_seq}"
        async with websockets.connect(f"{address}/v1/agents/me/ws?{query}") as socket:
            async for text in socket:
                await self._hear(socket, json.loads(text))

    async def _hear(self, socket: websockets.ClientConnection, message: Message) -> None:
        async with self._news:
            if message["type"] in {"ack", "error"}:
                self.answers[message["id"]] = message
            else:
                self.messages.append(message)
                self.last_seq = max(self.last_seq, message.get("seq") or 0)
            self._socket = socket
            self._news.notify_all()

    async def say(self, kind: str, **data: Any) -> Message:
        """Sends a message and waits for its `ack` or `error`; says it again after a broken line."""
        number = str(next(self._numbers))
        async with asyncio.timeout(30):
            while number not in self.answers:
                with contextlib.suppress(
                    websockets.WebSocketException, AttributeError, TimeoutError
                ):
                    await self._socket.send(json.dumps({"type": kind, "id": number, "data": data}))
                    async with asyncio.timeout(3), self._news:
                        await self._news.wait_for(lambda: number in self.answers)
                    break
                await asyncio.sleep(0.1)
        return self.answers[number]

    async def hear(
        self, kind: str, accept: Callable[[Message], bool] = lambda _: True, *, within: float = 30
    ) -> Message:
        """The first message of a kind that `accept` likes, heard already or soon."""

        def found() -> Message | None:
            return next((m for m in self.messages if m["type"] == kind and accept(m)), None)

        async with asyncio.timeout(within), self._news:
            await self._news.wait_for(lambda: found() is not None)
        message = found()
        assert message is not None
        return message

    async def ready(self) -> None:
        await self.connected()
        answer = await self.say("state.set", state="ready")
        assert answer["type"] == "ack", answer

    async def connected(self) -> None:
        async with asyncio.timeout(30), self._news:
            await self._news.wait_for(lambda: self._socket is not None)


@contextlib.asynccontextmanager
async def at_work(http: httpx.AsyncClient, router: str) -> AsyncIterator[Softphone]:
    """An agent who has logged in, is connected and ready."""
    phone = Softphone(http, router)
    await phone.log_in()
    reading = asyncio.create_task(phone.stay_connected())
    try:
        await phone.ready()
        yield phone
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
