"""A CRM over HTTP, well and ill: a call is never late because of it."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from careline_common.clock import ManualClock
from careline_router.adapters.crm_http import FAILURES_TO_OPEN, OPEN_FOR_S, HttpCrm
from careline_router.ports import Arrival

pytestmark = pytest.mark.integration

FIELDS = {"payer": "$.payer", "name": "$.person.names[0]", "vip": "$.vip", "language": "$.language"}
PHONE = "+79161234567"


class FakeCrm:
    """A CRM on a real port that answers as the test says and notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.status = 200
        self.headers = ""
        self.body = b"{}"
        self.delay = 0.0
        self.url = ""

    def answers(self, document: Any, status: int = 200) -> None:
        self.body, self.status = json.dumps(document).encode(), status

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        self.asked.append(request.decode().split(" ")[1])
        await asyncio.sleep(self.delay)
        head = f"HTTP/1.1 {self.status} X\r\nContent-Length: {len(self.body)}\r\n{self.headers}"
        writer.write(f"{head}Connection: close\r\n\r\n".encode() + self.body)
        writer.close()


@pytest.fixture
async def crm() -> AsyncIterator[FakeCrm]:
    fake = FakeCrm()
    server = await asyncio.start_server(fake.serve, "127.0.0.1", 0)
    fake.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield fake
    server.close()
    await server.wait_closed()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 3, 2, tzinfo=UTC))


@pytest.fixture
async def client(crm: FakeCrm, clock: ManualClock) -> AsyncIterator[HttpCrm]:
    made = HttpCrm(
        url=f"{crm.url}/clients/{{phone}}",
        fields=FIELDS,
        deadline_s=0.3,
        cache_s=30,
        clock=clock,
    )
    yield made
    await made.close()


async def test_a_client_is_found_and_his_number_is_escaped(crm: FakeCrm, client: HttpCrm) -> None:
    crm.answers({"payer": "cash", "person": {"names": ["Анна"]}, "vip": True, "language": "ru"})
    profile = await client.look_up(PHONE)
    assert crm.asked == ["/clients/%2B79161234567"]
    assert (profile.status, profile.payer, profile.vip) == ("found", "cash", True)
    assert (profile.name, profile.language) == ("Анна", "ru")
    assert "Анна" not in str(profile.facts())


async def test_a_client_whom_the_crm_does_not_know_is_unknown(
    crm: FakeCrm, client: HttpCrm
) -> None:
    crm.answers({}, status=404)
    assert (await client.look_up(PHONE)).status == "unknown"


async def test_a_crm_that_is_silent_costs_its_deadline_and_no_more(
    crm: FakeCrm, client: HttpCrm
) -> None:
    crm.delay = 5
    began = asyncio.get_running_loop().time()
    profile = await client.look_up(PHONE)
    assert profile.status == "timed_out"
    assert profile.payer == "unknown"
    assert asyncio.get_running_loop().time() - began < 2


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b"{}"),
        (200, b"<html>maintenance</html>"),
        (200, b"[]"),
        (200, b'{"error": "no such table"}'),
        (200, b"{" + b" " * 300_000 + b"}"),
        (200, b"\xff\xfe"),
    ],
)
async def test_a_crm_that_answers_garbage_has_failed(
    crm: FakeCrm, client: HttpCrm, status: int, body: bytes
) -> None:
    crm.status, crm.body = status, body
    assert (await client.look_up(PHONE)).status == "failed"


async def test_a_redirect_to_another_host_is_not_followed(crm: FakeCrm, client: HttpCrm) -> None:
    crm.status = 302
    crm.headers = f"Location: {crm.url}/elsewhere\r\n"
    assert (await client.look_up(PHONE)).status == "failed"
    assert len(crm.asked) == 1


async def test_a_client_is_remembered_for_a_while(
    crm: FakeCrm, client: HttpCrm, clock: ManualClock
) -> None:
    crm.answers({"payer": "insured"})
    await client.look_up(PHONE)
    await client.look_up(PHONE)
    assert len(crm.asked) == 1
    clock.advance(31)
    await client.look_up(PHONE)
    assert len(crm.asked) == 2


async def test_a_crm_that_keeps_failing_is_left_alone_for_a_while(
    crm: FakeCrm, client: HttpCrm, clock: ManualClock
) -> None:
    crm.answers({}, status=500)
    for _ in range(FAILURES_TO_OPEN + 3):
        assert (await client.look_up(PHONE)).status == "failed"
    assert len(crm.asked) == FAILURES_TO_OPEN
    crm.answers({"payer": "cash"})
    clock.advance(OPEN_FOR_S)
    assert (await client.look_up(PHONE)).payer == "cash"


async def test_a_crm_that_is_switched_off_has_failed(clock: ManualClock) -> None:
    gone = HttpCrm(
        url="http://127.0.0.1:9/{phone}", fields=FIELDS, deadline_s=0.3, cache_s=0, clock=clock
    )
    assert (await gone.look_up(PHONE)).status == "failed"
    await gone.close()


async def test_a_cash_patient_goes_another_way_and_a_crm_that_is_off_stops_nobody(
    crm: FakeCrm, router: Any
) -> None:
    await router.store.apply(
        {"crm": {"kind": "http", "url": f"{crm.url}/{{phone}}", "cache_s": 0, "map": FIELDS}}
    )
    line = "+74950000001"
    crm.answers({"payer": "cash", "person": {"names": ["Анна"]}})
    first = await router.service.call_arrived(
        "pbx1", Arrival(pbx_call_id="c1", caller=PHONE, line=line)
    )
    assert (first.call.queue, first.call.priority, first.call.payer) == ("vip", "cash", "cash")
    assert first.call.crm["status"] == "found"
    assert router.parts.contacts.of(first.call.id).name == "Анна"
    crm.answers({}, status=503)
    second = await router.service.call_arrived(
        "pbx1", Arrival(pbx_call_id="c2", caller=PHONE, line=line)
    )
    assert (second.call.queue, second.call.payer) == ("adult", "unknown")
    assert second.call.crm["status"] == "failed"
