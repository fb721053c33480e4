"""Visits and other services outside the call centre, whose records ingest has."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
import pytest_asyncio

from careline_common.events.ingest import ServiceRendered
from careline_common.testing.waiting import eventually

pytestmark = pytest.mark.integration

VISITS = {
    "key": "visits",
    "questions": [{"id": "csi", "kind": "csi"}],
    "texts": {"fa": "از ۱ تا ۵؟", "ru": "Оцените визит от 1 до 5"},
    "trigger": {"event": "service.rendered", "services": ["outpatient"]},
}
CONSOLE = {"id": "console", "kind": "console"}


@dataclass
class Ingest:
    """The records of ingest behind a real socket; refuses the first `down` questions."""

    url: str = ""
    down: int = 0
    records: dict[str, dict[str, str] | None] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        path = head.split(" ", 2)[1]
        record = path.rsplit("/", 1)[1]
        self.asked.append(
            (path, "bearer" if "authorization: bearer ey" in head.lower() else "nobody")
        )
        status, body = "200 OK", json.dumps({"id": record, "fields": self.records.get(record)})
        if self.down:
            self.down -= 1
            status, body = "503 Away", "{}"
        elif record not in self.records:
            status, body = "404 Gone", "{}"
        writer.write(
            f"HTTP/1.1 {status}\r\nconnection: close\r\n"
            f"content-length: {len(body)}\r\n\r\n{body}".encode()
        )
        await writer.drain()
        writer.close()


@pytest_asyncio.fixture(loop_scope="session")
async def ingest() -> AsyncIterator[Ingest]:
    made = Ingest()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/ingest"
    yield made
    server.close()
    await server.wait_closed()


async def rendered(surveys, record_id: str, service: str = "outpatient") -> None:
    event = ServiceRendered(
        record_id=record_id,
        source="clinic",
        external_id=record_id,
        service=service,
        organisation="h1",
        rendered_at=surveys.clock.now(),
    )
    await surveys.publish(event, record_id)


async def test_a_visit_is_asked_about_once_its_record_could_be_fetched(start, ingest) -> None:
    ingest.records = {"v1": {"phone": "+989121234567"}, "v2": {"text": "no phone"}, "v3": None}
    ingest.down = 1
    async with start(ingest_url=ingest.url) as surveys:
        await surveys.configure(surveys=[VISITS], sms=[CONSOLE])
        for record in ("v1", "v1", "v2", "v3", "v4"):
            await rendered(surveys, record)
        await rendered(surveys, "v5", service="branch")
        [message] = await surveys.printed(1)
        await eventually(
            lambda: (
                {path for path, _ in ingest.asked}
                == {f"/ingest/v1/records/v{number}" for number in (1, 2, 3, 4)}
            )
        )
        assert (message["to"], message["text"]) == ("+989121234567", "از ۱ تا ۵؟")
        assert {shown for _, shown in ingest.asked} == {"bearer"}
        [invitation] = await surveys.of_reference("v1")
        assert (invitation["service"], invitation["organisation"]) == ("outpatient", "h1")
        assert len((await surveys.http.get("/v1/invitations")).json()["items"]) == 1
