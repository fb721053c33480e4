"""Hearing the call behind an appeal: by a link that lives for a minute, from hosts that are named."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from careline_common.testing.waiting import eventually
from careline_tickets.settings import TicketsSettings

if TYPE_CHECKING:
    from careline_common.testing.ports import Ports
    from conftest import Desk

pytestmark = pytest.mark.integration

SOUND = bytes(range(256)) * 400


class Keeper:
    """A router that knows where recordings are, and the PBX's server that keeps them."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.kept = {
            "call-1": f"{self.url}/kept.wav",
            "call-far": "http://recordings.example/1.wav",
            "call-file": "file:///etc/passwd",
            "call-gone": f"{self.url}/gone.wav",
            "call-moved": f"{self.url}/moved.wav",
        }
        self.app = Starlette(
            routes=[
                Route("/router/v1/calls/{call_id}", self._call),
                Route("/kept.wav", self._sound),
                Route("/moved.wav", self._moved),
                Route("/ingest/v1/recordings", self._found, methods=["POST"]),
                Route("/ingest/v1/records/{record_id}/recording", self._partners),
            ]
        )

    async def _call(self, request: Request) -> JSONResponse:
        call_id = request.path_params["call_id"]
        if call_id == "call-unknown":
            return JSONResponse({}, 404)
        url = self.kept.get(call_id)
        recording = None if url is None else {"url": url, "duration_s": 3.0}
        return JSONResponse({"id": call_id, "recording": recording})

    async def _found(self, request: Request) -> JSONResponse:
        wanted = await request.json()
        kept = {"A-1": "r-1", "A-far": "r-far"} if wanted["source"] == "ins7-daily" else {}
        record = kept.get(wanted["external_id"])
        return JSONResponse({"record_id": record}, 404 if record is None else 200)

    async def _partners(self, request: Request) -> Response:
        if request.path_params["record_id"] == "r-far":
            return JSONResponse({"detail": "not fetched"}, 409)
        return await self._sound(request)

    async def _sound(self, request: Request) -> Response:
        if "gzip" in request.headers.get("accept-encoding", ""):
            packed = {"Content-Encoding": "gzip"}
            return Response(gzip.compress(SOUND), headers=packed, media_type="audio/wav")
        if "range" in request.headers:
            headers = {"Content-Range": f"bytes 0-9/{len(SOUND)}"}
            return Response(SOUND[:10], 206, headers, media_type="audio/wav")
        return Response(SOUND, media_type="audio/wav")

    async def _moved(self, _: Request) -> RedirectResponse:
        return RedirectResponse(f"{self.url}/kept.wav")


@pytest_asyncio.fixture(loop_scope="session")
async def keeper(ports: "Ports") -> AsyncIterator[Keeper]:
    port = ports.take()
    keeper = Keeper(port)
    server = uvicorn.Server(uvicorn.Config(keeper.app, port=port, log_config=None, lifespan="off"))
    task = asyncio.create_task(server.serve())
    await eventually(lambda: server.started)
    yield keeper
    server.should_exit = True
    await task


@pytest.fixture
def tickets_settings(tickets_settings: TicketsSettings, keeper: Keeper) -> TicketsSettings:
    urls = {"router_url": f"{keeper.url}/router", "ingest_url": f"{keeper.url}/ingest"}
    return tickets_settings.model_copy(update=urls)


async def asked(desk: "Desk", call_id: str | None = "call-1", **fields: Any) -> tuple[str, Any]:
    """An appeal of this call, and what its administrator is told of the recording."""
    ticket = await desk.agent.register(call_id=call_id, **fields)
    return ticket["id"], await desk.boss.post(f"tickets/{ticket['id']}/recording", {})


async def test_a_recording_is_heard_for_a_minute_and_every_look_is_kept(desk: "Desk") -> None:
    ticket_id, answer = await asked(desk)
    assert answer.status_code == 200
    assert answer.json()["expires_at"] == "2026-03-02T09:01:00Z"
    url = answer.json()["url"]
    heard = await desk.client.get(url)
    assert (heard.status_code, heard.content) == (200, SOUND)
    assert heard.headers["content-type"] == "audio/wav"
    part = await desk.client.get(url, headers={"Range": "bytes=0-9"})
    assert (part.status_code, part.content) == (206, SOUND[:10])
    desk.clock.advance(60)
    assert (await desk.client.get(url)).status_code == 404
    kept = await desk.query("SELECT who, what, ticket_id FROM tickets.audit ORDER BY id")
    assert [(row["who"], row["what"]) for row in kept] == [
        ("boss", "recording"), ("boss", "recording heard"), ("boss", "recording heard")
    ]  # fmt: skip
    assert {row["ticket_id"] for row in kept} == {ticket_id}


REFUSED = [
    (None, 404, "no recording"),
    ("call-none", 404, "no recording"),
    ("call-unknown", 404, "no recording"),
    ("call-far", 409, "CARELINE_RECORDING_HOSTS"),
    ("call-file", 409, "CARELINE_RECORDING_HOSTS"),
]


async def test_what_cannot_be_heard_is_said_and_why(desk: "Desk") -> None:
    for call_id, status, why in REFUSED:
        _, answer = await asked(desk, call_id)
        assert answer.status_code == status, call_id
        assert why in answer.json()["detail"]
    for call_id in ("call-gone", "call-moved"):
        _, answer = await asked(desk, call_id)
        heard = await desk.client.get(answer.json()["url"])
        assert heard.status_code == 503, f"{call_id}: redirects are not followed either"
    assert (await desk.client.get("/v1/recordings/guessed")).status_code == 404


async def test_who_may_not_hear_it(desk: "Desk") -> None:
    ticket = await desk.agent.register(call_id="call-1", insurer="ins7")
    path = f"tickets/{ticket['id']}/recording"
    other = desk.person("insurer", subject="op8", insurer="ins8")
    assert (await other.post(path, {})).status_code == 404
    tried = await desk.query("SELECT who, what FROM tickets.audit WHERE refused = 404")
    assert tried == [{"who": "op8", "what": "recording"}]
    for person in (desk.insurer, desk.person("admin"), desk.person("expert")):
        assert (await person.post(path, {})).status_code == 403
    assert (await desk.nobody.post(path, {})).status_code == 401
    assert await desk.query("SELECT 1 FROM tickets.recording_link") == []


async def test_what_the_insurer_keeps_is_heard_through_ingest(desk: "Desk") -> None:
    for external_id, status in (("A-1", 200), ("A-none", 404)):
        told = {"source": "ins7-daily", "id": external_id}
        _, answer = await asked(desk, None, external=told)
        assert answer.status_code == status, answer.text
        if status == 200:
            heard = await desk.client.get(answer.json()["url"], headers={"Range": "bytes=0-9"})
            assert (heard.status_code, heard.content) == (206, SOUND[:10])
            assert heard.headers["x-content-type-options"] == "nosniff"
    _, answer = await asked(desk, None, external={"source": "ins7-daily", "id": "A-far"})
    refused = await desk.client.get(answer.json()["url"])
    assert (refused.status_code, "recordings" in refused.json()["detail"]) == (409, True)
    looked = await desk.query("SELECT what FROM tickets.audit WHERE what LIKE 'recording heard'")
    assert len(looked) == 2


async def test_the_recording_of_the_call_goes_before_that_of_the_insurer(desk: "Desk") -> None:
    _, answer = await asked(desk, "call-1", external={"source": "ins7-daily", "id": "A-far"})
    assert (await desk.client.get(answer.json()["url"])).content == SOUND
    _, answer = await asked(desk, "call-none", external={"source": "ins7-daily", "id": "A-1"})
    assert answer.status_code == 200
