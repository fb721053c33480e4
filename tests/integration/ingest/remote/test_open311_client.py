"""Fetching from Open311 servers: one suite over the fake and over Careline's own."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
import pytest_asyncio
import uvicorn
from feeds.places import configured, fetch

from careline_common.testing.waiting import eventually
from careline_ingest.fakes.open311 import City, FakeOpen311
from careline_ingest.fakes.web import Said

if TYPE_CHECKING:
    from conftest import Ingest

pytestmark = pytest.mark.integration

KEY = "a key of the city"


@dataclass(kw_only=True)
class Place:
    """An Open311 server with a subject `refusal`, whichever it is."""

    settings: dict[str, Any]
    file: Callable[[str], Awaitable[str]]
    """A citizen files an appeal; returns its service_request_id."""


async def _own(stack: AsyncExitStack, ingest: "Ingest") -> Place:
    """Careline's own server, which here is also the one that fetches: its `city` is the portal's."""
    await ingest.source("city", kind="push", api_key=KEY)
    held = stack.enter_context(socket.socket())
    held.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(ingest.service.app, log_config=None, lifespan="off"))
    task = asyncio.create_task(server.serve(sockets=[held]))
    await eventually(lambda: server.started)

    async def stop() -> None:
        server.should_exit = True
        await task

    stack.push_async_callback(stop)

    async def file(description: str) -> str:
        form = {"api_key": KEY, "service_code": "refusal", "description": description}
        answer = await ingest.http.post("/open311/v2/requests.json", data=form)
        return str(answer.json()[0]["service_request_id"])

    url = f"http://127.0.0.1:{held.getsockname()[1]}/open311/v2"
    return Place(settings={"kind": "open311", "url": f"{url}?api_key={quote(KEY)}"}, file=file)


@pytest_asyncio.fixture(loop_scope="session", params=["fake", "fake xml", "fake bare", "own"])
async def place(request: pytest.FixtureRequest, ingest: "Ingest") -> AsyncIterator[Place]:
    """Each server in turn; the bare one has neither pages nor proper JSON."""
    subjects = {"subjects": [{"id": "refusal"}]}
    assert (await ingest.http.put("/v1/config", json=subjects)).status_code == 200
    async with AsyncExitStack() as stack:
        if request.param == "own":
            yield await _own(stack, ingest)
            return
        bare = request.param == "fake bare"
        city = City(pages=not bare, bare_codes=bare)
        server = await stack.enter_async_context(FakeOpen311(city))

        async def file(description: str) -> str:
            return city.file(description, code="001" if bare else "refusal")

        codes = {"subject": {"column": "service_code", "values": {"001": "refusal"}}}
        more = {"format": "xml"} if "xml" in request.param else {}
        yield Place(settings={**server.settings(), "map": codes, **more}, file=file)


async def fetched(ingest: "Ingest") -> dict[str, dict[str, Any]]:
    rows = await ingest.query("SELECT id FROM ingest.record WHERE source = 'feed'")
    found = [(await ingest.http.get(f"/v1/records/{row['id']}")).json() for row in rows]
    return {one["external_id"]: one["fields"] for one in found}


async def ready(ingest: "Ingest", place: Place, **more: Any) -> None:
    given: dict[str, Any] = {"encodings": [], "delimiter": None, "format": "json", "map": {}}
    await configured(ingest, {**given, **place.settings}, **more)


async def test_requests_are_taken_and_then_what_is_new(ingest: "Ingest", place: Place) -> None:
    filed = [await place.file(f"Жалоба {number}") for number in range(5)]
    await ready(ingest, place, paging={"size": 2})
    (run,) = await fetch(ingest)
    assert (run["rows"]["created"], run["rows"]["quarantined"]) == (5, 0)
    kept = await fetched(ingest)
    assert set(kept) == set(filed)
    assert (kept[filed[0]]["text"], kept[filed[0]]["subject"]) == ("Жалоба 0", "refusal")
    assert kept[filed[0]]["channel"] == "portal"
    new = await place.file("Ещё одна")
    (run,) = await fetch(ingest)
    assert run["rows"]["created"] == 1
    assert (await fetched(ingest))[new]["text"] == "Ещё одна"


async def test_a_request_that_changes_is_taken_again(ingest: "Ingest") -> None:
    city = City()
    number = city.file("Hole")
    city.file("Queue")
    async with FakeOpen311(city) as server:
        await ready(ingest, Place(settings=server.settings(), file=lambda _: asyncio.sleep(0, "")))
        await fetch(ingest)
        city.change(number, description="A larger hole")
        (run,) = await fetch(ingest)
        assert (run["rows"]["updated"], run["rows"]["unchanged"]) == (1, 1)
        asked = server.asked[-1].params
        assert asked["updated_after"] == "2026-03-01T23:57:00Z"  # the last change was at 00:02


async def test_an_error_and_a_document_with_entities_are_no_list(ingest: "Ingest") -> None:
    city = City()
    city.file("Hole")
    async with FakeOpen311(city) as server:
        settings = {**server.settings(), "url": server.url("v2/none")}
        place = Place(settings=settings, file=lambda _: asyncio.sleep(0, ""))
        bomb = b'<!DOCTYPE a [<!ENTITY b "c">]><service_requests/>'
        server.faults.next_answers += [Said(body=bomb), Said(body=b"<errors/>"), Said(status=500)]
        await ready(ingest, place, format="xml")
        for error in (
            "the server sends XML with a DTD, which is not read",
            "the server answers 200 without a list of items at the top",
            "the server answers 500",
        ):
            (failed,) = await fetch(ingest)
            assert failed["error"] == error
