"""Runs an ASGI application on a port until somebody says stop."""

import asyncio
import contextlib
import ipaddress
import signal
import socket
from collections.abc import Iterator
from typing import Any

import uvicorn

from careline.datadir import CannotError

GRACE_S = 3
LARGEST_SOCKET_MESSAGE = 256 * 1024
"""Bytes; a larger one is not read to its end: close code 1009."""


HEARTBEAT_S = 15.0
"""So often a socket's client is pinged; one that has not answered by the next time is gone (1011)."""


class _Server(uvicorn.Server):
    """uvicorn without signal handlers of its own: ours stop the whole process in order."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listen(host: str, port: int) -> socket.socket:
    """Takes the port now, so that a taken one is told before anything else is started."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise CannotError(
            f"cannot listen on {host}:{port}: {error.strerror}; stop what runs there or choose --port"
        ) from error
    return listener


def stop_requested() -> asyncio.Event:
    """An event that SIGINT and SIGTERM set."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop


def url_of(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return _url(host, port)


def address_of(listener: socket.socket, given: str | None) -> str:
    """Where other machines reach what listens here: `given` may be a host or all of the base URL.

    Without it the host that was listened on counts; on all of them, this machine's name.
    """
    host, port = listener.getsockname()[:2]
    if given is None:
        given = socket.gethostname() if ipaddress.ip_address(host).is_unspecified else host
    return given if "://" in given else _url(given, port)


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@contextlib.asynccontextmanager
async def serving(app: Any, listener: socket.socket, *, heartbeat_s: float = HEARTBEAT_S) -> Any:
    """Serves `app` on `listener` while the block runs; yields the task that serves."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=GRACE_S,
        ws_max_size=LARGEST_SOCKET_MESSAGE,
        ws_ping_interval=heartbeat_s,
        ws_ping_timeout=heartbeat_s,
        # a compressor for each of 2,000 sockets is 600 MB, and their messages are short
        ws_per_message_deflate=False,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]), name="http")
    try:
        yield task
    finally:
        server.should_exit = True
        await asyncio.gather(task, return_exceptions=True)
