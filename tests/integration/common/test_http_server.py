"""The edge behind a real server: what only shows on a socket."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
import uvicorn
from fastapi import APIRouter, Request

from careline_common.clock import ManualClock
from careline_common.http.app import create_app
from careline_common.http.health import Readiness
from careline_common.http.issuer import LocalIssuer
from careline_common.observability.metrics import MetricsRegistry
from careline_common.testing.http import authenticator_of, settings_for
from careline_common.testing.waiting import eventually

pytestmark = pytest.mark.integration

LIMIT = 100_000

router = APIRouter(prefix="/v1")


@router.post("/notes")
async def notes(request: Request) -> int:
    return len(await request.body())


@router.get("/notes/{note}")
async def note(note: str) -> str:
    return note


@pytest.fixture
def metrics() -> MetricsRegistry:
    return MetricsRegistry("notes")


@pytest.fixture
async def port(
    issuer: LocalIssuer, manual_clock: ManualClock, metrics: MetricsRegistry
) -> AsyncIterator[int]:
    app = create_app(
        title="Notes",
        version="1",
        description="",
        readiness=Readiness(),
        authenticator=authenticator_of(issuer, manual_clock),
        settings=settings_for(issuer.path, max_body_bytes=LIMIT),
        metrics_registry=metrics,
        clock=manual_clock,
    )
    app.include_router(router)
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    await eventually(lambda: server.started)
    yield int(listener.getsockname()[1])
    server.should_exit = True
    await serving


async def _exchange(port: int, *parts: bytes) -> bytes:
    """Sends the parts and reads until the server closes or is done with one answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        with suppress(ConnectionError):
            for part in parts:
                writer.write(part)
                await writer.drain()
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
        length = next(
            int(line.split(b":")[1])
            for line in head.lower().split(b"\r\n")
            if line.startswith(b"content-length")
        )
        return head + await asyncio.wait_for(reader.readexactly(length), 10)
    finally:
        writer.close()


def _head(method: str, path: str, *headers: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: careline.test", *headers, "", ""]
    return "\r\n".join(lines).encode()


async def test_a_declared_length_over_the_limit_is_refused_before_the_body_comes(
    port: int,
) -> None:
    head = _head("POST", "/v1/notes", "Content-Length: 999999999")
    answer = await _exchange(port, head)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b'"type":"too-large"' in answer
    assert b"connection: close" in answer.lower()


async def test_a_client_that_sends_it_all_first_still_reads_the_answer(port: int) -> None:
    body = b"x" * (20 * LIMIT)
    for headers in (f"Content-Length: {len(body)}", "Transfer-Encoding: chunked"):
        framed = body if "Length" in headers else b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        answer = await _exchange(port, _head("POST", "/v1/notes", headers), framed)
        assert answer.startswith(b"HTTP/1.1 413 ")


async def test_a_body_without_end_is_refused_at_the_limit(port: int) -> None:
    chunk = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
    head = _head("POST", "/v1/notes", "Transfer-Encoding: chunked")
    answer = await _exchange(port, head, *[chunk] * 8)
    assert answer.startswith(b"HTTP/1.1 413 ")


async def test_a_body_up_to_the_limit_is_taken(port: int) -> None:
    head = _head("POST", "/v1/notes", f"Content-Length: {LIMIT}")
    answer = await _exchange(port, head, b"x" * LIMIT)
    assert answer.endswith(b"\r\n\r\n100000")


async def test_a_client_that_goes_away_is_no_failure(
    port: int, metrics: MetricsRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    _reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(_head("POST", "/v1/notes", "Content-Length: 1000") + b"half")
    await writer.drain()
    writer.close()
    await writer.wait_closed()

    def counted() -> float:
        labels = {"method": "POST", "route": "/v1/notes", "status": "499"}
        return metrics.value("http_requests_total", **labels)

    await eventually(counted)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


@pytest.mark.parametrize("path", ["/v1/notes/%00", "/v1/notes/%ff%fe", "/v1/notes/..%2f..%2fetc"])
async def test_a_strange_path_is_answered(port: int, path: str) -> None:
    answer = await _exchange(port, _head("GET", path))
    assert answer.startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 404 "))
