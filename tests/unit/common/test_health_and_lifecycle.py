"""Readiness, and services that wait for what they need."""

import asyncio

import httpx
import pytest
from fastapi import FastAPI
from structlog.contextvars import bound_contextvars

from careline_common.clock import ManualClock
from careline_common.http.client import http_client
from careline_common.http.health import Readiness, ready_answer
from careline_common.http.issuer import LocalIssuer, ServiceTokens
from careline_common.lifecycle import Service

pytestmark = pytest.mark.unit


def test_readiness_tells_what_is_missing() -> None:
    readiness = Readiness()
    assert readiness.ready
    readiness.need("database")
    readiness.need("broker")
    assert readiness.reasons == {"database": "not yet", "broker": "not yet"}
    readiness.met("broker")
    readiness.unmet("database", "connection refused")
    assert readiness.reasons == {"database": "connection refused"}
    assert readiness.lacks("database")
    assert not readiness.lacks("broker")
    readiness.need("broker")
    readiness.met("database")
    assert readiness.ready


def test_a_reason_never_shows_a_password() -> None:
    readiness = Readiness()
    readiness.unmet("database", "cannot connect to postgresql://careline:s3cr3t@db:5432/careline")
    readiness.unmet("broker", "amqp://user:p%40ss@mq/ and amqp://token@mq refused")
    assert readiness.reasons == {
        "database": "cannot connect to postgresql://***@db:5432/careline",
        "broker": "amqp://***@mq/ and amqp://***@mq refused",
    }


def test_one_answer_stands_for_several_services() -> None:
    router, tickets = Readiness(), Readiness()
    assert ready_answer({"router": router, "tickets": tickets}) == (200, {"status": "ready"})
    tickets.unmet("database", "away")
    status, body = ready_answer({"router": router, "tickets": tickets})
    assert (status, body["reasons"]) == (503, {"tickets.database": "away"})


async def test_one_can_wait_for_readiness() -> None:
    readiness = Readiness()
    readiness.need("a")
    readiness.need("b")
    waiting = asyncio.create_task(readiness.wait())
    readiness.met("a")
    readiness.met("b")
    await asyncio.wait_for(waiting, 5)


class Partner:
    """Something outside that is away at first."""

    def __init__(self, readiness: Readiness, failures: int) -> None:
        self.readiness = readiness
        self.failures = failures
        self.seen: list[str] = []
        self.runs = 0
        self.again = asyncio.Event()
        self.stopped = False

    async def start(self) -> None:
        if self.failures:
            self.failures -= 1
            raise ConnectionRefusedError("postgresql://u:p@db is away")
        self.seen = list(self.readiness.reasons.values())

    async def broken_task(self) -> None:
        self.runs += 1
        if self.runs > 1:
            self.again.set()
            await asyncio.Event().wait()
        raise RuntimeError("broken")

    async def steady_task(self) -> None:
        await asyncio.Event().wait()

    async def stop(self) -> None:
        self.stopped = True


async def test_a_service_waits_and_says_for_what() -> None:
    readiness = Readiness()
    partner = Partner(readiness, failures=2)
    service = Service(
        name="tickets",
        app=FastAPI(),
        readiness=readiness,
        start=partner.start,
        background=[("broken", partner.broken_task), ("steady", partner.steady_task)],
        stop=partner.stop,
    )
    assert readiness.reasons == {"started": "not yet"}
    async with service.running():
        await asyncio.wait_for(readiness.wait(), 5)
        assert partner.seen == ["ConnectionRefusedError: postgresql://***@db is away"]
        await asyncio.wait_for(partner.again.wait(), 5)
        assert partner.runs == 2
    assert partner.stopped


async def test_a_service_stops_while_it_still_waits() -> None:
    partner = Partner(Readiness(), failures=1000)
    service = Service(
        name="tickets",
        app=FastAPI(),
        readiness=partner.readiness,
        start=partner.start,
        stop=partner.stop,
    )
    async with asyncio.timeout(5), service.running():
        pass
    assert partner.stopped


async def test_calls_to_other_services_carry_token_and_request_id(
    issuer: LocalIssuer, manual_clock: ManualClock
) -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(302, headers={"location": "http://elsewhere.test/"})

    tokens = ServiceTokens(subject="tickets", clock=manual_clock, issuer=issuer)
    transport = httpx.MockTransport(answer)
    async with http_client(
        "http://ingest.test/ingest", tokens=tokens, transport=transport
    ) as client:
        with bound_contextvars(request_id="r-7"):
            first = await client.get("/v1/records/1")
        await client.get("/v1/records/1", headers={"x-request-id": "own"})
    assert first.status_code == 302
    assert str(seen[0].url) == "http://ingest.test/ingest/v1/records/1"
    assert seen[0].headers["authorization"] == f"Bearer {tokens.bearer()}"
    assert [request.headers["x-request-id"] for request in seen] == ["r-7", "own"]


async def test_calls_to_the_outside_carry_no_token() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200)

    async with http_client(transport=httpx.MockTransport(answer), read_s=0.3) as client:
        assert client.timeout == httpx.Timeout(0.3, connect=2.0, pool=2.0)
        await client.get("http://crm.test/")
    assert "authorization" not in seen[0].headers
    assert "x-request-id" not in seen[0].headers
