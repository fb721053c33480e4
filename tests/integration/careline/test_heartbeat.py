"""A client that has gone without a word is found out by the heartbeat, and one that lives is left alone."""

import asyncio
from typing import Any

import pytest
import websockets

from careline import serving

pytestmark = pytest.mark.integration

HEARTBEAT_S = 0.1
Asgi = dict[str, Any]


async def test_who_does_not_answer_pings_is_gone_and_who_does_is_not() -> None:
    """Fails when `serving` gives the server no `ws_ping_timeout`."""
    gone: asyncio.Queue[str] = asyncio.Queue()

    async def app(scope: Asgi, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] != "websocket.disconnect":
            await send({"type": "websocket.send", "text": message["text"]})
        gone.put_nowait(scope["path"])

    listener = serving.listen("127.0.0.1", 0)
    listener.listen()  # who comes before the server does waits for it
    url = serving.url_of(listener).replace("http", "ws", 1)
    async with (
        serving.serving(app, listener, heartbeat_s=HEARTBEAT_S),
        websockets.connect(f"{url}/alive", ping_interval=None) as alive,
        websockets.connect(f"{url}/silent", ping_interval=None) as silent,
    ):
        silent.transport.pause_reading()
        async with asyncio.timeout(20):
            assert await gone.get() == "/silent"
            await alive.send("still here")
            assert await alive.recv() == "still here"
        assert gone.empty()
        silent.transport.abort()
