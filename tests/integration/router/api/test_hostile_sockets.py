"""Clients that break the rules of a socket, at the server that is shipped: each is closed with a code that says why."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
import websockets
from pydantic_core import from_json, to_json
from websockets.exceptions import ConnectionClosed

from careline import serving
from careline_router.api import socket_link

pytestmark = pytest.mark.integration

TEXT, CONTINUED, RESERVED = 0x81, 0x01, 0x83
MASK = b"\x00\x00\x00\x00"


def frame(first: int, payload: bytes) -> bytes:
    """A client's frame of up to 64 KiB; its mask changes nothing (RFC 6455, 5.2)."""
    return bytes([first, 0x80 | 126]) + len(payload).to_bytes(2, "big") + MASK + payload


@pytest_asyncio.fixture
async def address(router) -> AsyncIterator[str]:
    """Of a server with small buffers, so that a client that does not read is noticed soon."""
    listener = serving.listen("127.0.0.1", 0)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    listener.listen()
    async with serving.serving(router.service.app, listener):
        yield serving.url_of(listener).removeprefix("http://")


@asynccontextmanager
async def connected(
    router: Any, address: str, *, after: str = "", sock: socket.socket | None = None
) -> AsyncIterator[websockets.ClientConnection]:
    answer = await router.client.post("/v1/agents/me/ws-ticket", headers=router.agent())
    url = f"ws://{address}/v1/agents/me/ws?ticket={answer.json()['ticket']}{after}"
    if sock is not None:
        host, port = address.split(":")
        sock.connect((host, int(port)))
        sock.setblocking(False)
    async with websockets.connect(url, sock=sock, compression=None, max_queue=None) as desk:
        yield desk


async def until_told(desk: websockets.ClientConnection, kind: str) -> Any:
    while (message := from_json(await desk.recv()))["type"] != kind:
        pass
    return message


BROKEN = {
    "no text": (frame(TEXT, b"\xff\xfe no UTF-8"), 1007),
    "no such frame": (frame(RESERVED, b"of no known kind"), 1002),
    "unmasked": (bytes([TEXT, 5]) + b"plain", 1002),
    "http": (b"GET / HTTP/1.1\r\n\r\n", 1002),
    "begun again": (frame(CONTINUED, b"x" * 60_000) * 5, 1002),
    "never ending": (frame(CONTINUED, b"x" * 60_000) + frame(0x00, b"x" * 60_000) * 5, 1009),
}


async def test_what_is_no_message_at_all_ends_the_socket(router, desk):
    """Past 256 KiB the server does not even read a message to its end."""
    for name, (sent, code) in BROKEN.items():
        async with desk() as client:
            await client.receive()
            client.connection.transport.write(sent)
            with pytest.raises(ConnectionClosed) as closed:
                await client.until("never")
            assert closed.value.rcvd.code == code, name


async def test_nesting_and_numbers_without_end_are_answered(router, desk):
    """JSON that is dear to read is refused like any that is wrong; the socket goes on, and its heartbeat is answered."""
    async with desk() as client:
        for text in ("[" * 60_000, '{"id":"x","type":"state.set","data":' + "9" * 60_000 + "}"):
            await client.connection.send(text)
            assert (await client.answer())["problem"]["status"] in {400, 413, 422}
        assert (await client.send("heartbeat"))["type"] == "ack"


async def test_who_does_not_read_is_closed_and_misses_nothing(router, address, monkeypatch):
    """His buffers are full: he is told so, and hears what he has missed when he comes back.

    Fails when `SocketLink.put` waits for ever.
    """
    monkeypatch.setattr(socket_link, "SEND_S", 0.2)
    await router.ready()
    slow = socket.socket()
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    async with connected(router, address, sock=slow) as desk:
        seen = from_json(await desk.recv())["seq"]
        desk.transport.pause_reading()
        for number in range(190):
            await desk.send(to_json({"id": f"{number:0200}", "type": "tea.make"}).decode())
        await asyncio.sleep(0.5)
        change = {"state": "not_ready", "reason": "lunch"}
        await router.client.put("/v1/agents/me/state", json=change, headers=router.agent())
        desk.transport.resume_reading()
        with pytest.raises(ConnectionClosed) as closed:
            await until_told(desk, "never")
        assert closed.value.rcvd.code == 4429
    async with connected(router, address, after=f"&after={seen}") as desk:
        assert (await until_told(desk, "state.changed"))["data"]["reason"] == "lunch"
