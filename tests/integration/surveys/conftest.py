"""A whole surveys service over real PostgreSQL, and a provider of messages behind a real socket."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import asyncpg
import httpx
import pytest
import pytest_asyncio

from careline_common.clock import ManualClock
from careline_common.events import Envelope, Event
from careline_common.events.router import CallEnded, CallWrappedUp
from careline_common.http.issuer import LocalIssuer
from careline_common.http.signed import signed_headers
from careline_common.ids import UuidIds
from careline_common.lifecycle import Service
from careline_common.messaging.memory import MemoryTransport
from careline_common.messaging.transport import OutgoingMessage
from careline_common.testing.http import bearer, client_of
from careline_common.testing.postgres import PostgresServer, migrated
from careline_common.testing.waiting import eventually
from careline_surveys.app import create_service
from careline_surveys.service import SurveysService
from careline_surveys.settings import SurveysSettings

SECRET = "whsec_" + base64.b64encode(b"a secret of tests").decode()
IRANIAN = "+989121234567"
RUSSIAN = "+79031234567"

CALL_SURVEY: dict[str, Any] = {
    "key": "call",
    "questions": [{"id": "csi", "kind": "csi"}],
    "texts": {
        "ru": "Оцените звонок от 1 до 5",
        "fa": "رضایت خود را از ۱ تا ۵ پیامک کنید",
        "en": "How was your call, 1 to 5?",
    },
    "trigger": {"event": "call.ended", "min_talk_s": 5},
}
CONSOLE = {"id": "console", "kind": "console"}


class Surveys:
    """One running service, as its administrator and the event bus see it."""

    def __init__(
        self,
        service: Service,
        transport: MemoryTransport,
        issuer: LocalIssuer,
        clock: ManualClock,
        database_url: str,
    ) -> None:
        self.service = service
        self.clock = clock
        self.database_url = database_url
        self.inside: SurveysService = service.app.state.surveys
        self.transport = transport
        self._issuer = issuer
        self.http = client_of(service.app, issuer.token(subject="root", roles=["admin"]))
        self.stranger = client_of(service.app)

    def token(self, *roles: str) -> dict[str, str]:
        return bearer(self._issuer.token(subject="somebody", roles=roles))

    async def configure(self, **sections: Any) -> None:
        answer = await self.http.put("/v1/config", json=sections)
        assert answer.status_code == 200, answer.text

    async def survey(self, *, sms: Any = (CONSOLE,), **changes: Any) -> None:
        """Configures the call survey, with changes, and providers."""
        await self.configure(surveys=[CALL_SURVEY | changes], sms=list(sms))

    async def publish(
        self, event: Event, subject: str, event_id: str = "", *, sequence: int = 1
    ) -> None:
        envelope = Envelope(
            id=event_id or UuidIds().new(),
            source="/careline/router",
            subject=subject,
            time=self.clock.now(),
            sequence=sequence,
            correlationid=subject,
            causationid=None,
            data=event,
        )
        verdicts = await self.transport.publish(
            [
                OutgoingMessage(
                    event_id=envelope.id,
                    type=envelope.type,
                    subject=subject,
                    body=envelope.to_json(),
                )
            ]
        )
        assert list(verdicts) == [None]

    async def call_ended(self, call_id: str, *, event_id: str = "", **changes: Any) -> None:
        await self.publish(self.ended(call_id, **changes), call_id, event_id)

    def ended(self, call_id: str, **changes: Any) -> CallEnded:
        now = self.clock.now()
        values: dict[str, Any] = {
            "call_id": call_id,
            "line": "+74950000001",
            "outcome": "handled",
            "queue": "adult",
            "agent": "a1",
            "team": "t1",
            "language": "ru",
            "arrived_at": now - timedelta(seconds=90),
            "answered_at": now - timedelta(seconds=60),
            "ended_at": now,
            "talk_s": 60.0,
            "contact": RUSSIAN,
        }
        return CallEnded(**(values | changes))

    async def wrapped_up(self, call_id: str, disposition: str, *, event_id: str = "") -> None:
        event = CallWrappedUp(
            call_id=call_id,
            agent="a1",
            queue="adult",
            disposition=disposition,
            resolved=True,
            wrapped_up_at=self.clock.now(),
        )
        await self.publish(event, call_id, event_id)

    async def invite(self, reference: str = "r1", **changes: Any) -> dict[str, Any]:
        body: dict[str, Any] = {
            "service": "call",
            "phone": RUSSIAN,
            "reference": {"type": "call", "id": reference},
        }
        answer = await self.http.post("/v1/invitations", json=body | changes)
        assert answer.status_code == 202, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def invitation(self, invitation_id: str) -> dict[str, Any]:
        found: dict[str, Any] = (await self.http.get(f"/v1/invitations/{invitation_id}")).json()
        return found

    async def of_reference(self, reference_id: str) -> list[dict[str, Any]]:
        answer = await self.http.get("/v1/invitations", params={"reference_id": reference_id})
        found: list[dict[str, Any]] = answer.json()["items"]
        return found

    async def reaches(self, invitation_id: str, status: str) -> dict[str, Any]:
        async def there() -> dict[str, Any] | None:
            found = await self.invitation(invitation_id)
            return found if found["status"] == status else None

        found: dict[str, Any] = await eventually(there, what=f"the invitation to be {status}")
        return found

    async def console(self, after: str = "") -> list[dict[str, Any]]:
        params = {"after": after} if after else {}
        answer = await self.http.get("/v1/sms/console/messages", params=params)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["items"]
        return found

    async def printed(self, count: int) -> list[dict[str, Any]]:
        """The console's messages once there are so many."""

        async def enough() -> list[dict[str, Any]] | None:
            found = await self.console()
            return found if len(found) >= count else None

        found: list[dict[str, Any]] = await eventually(enough, what=f"{count} console messages")
        assert len(found) == count
        return found

    async def reply(self, text: str, sender: str = RUSSIAN) -> str:
        answer = await self.http.post(
            "/v1/sms/console/inbound", json={"from": sender, "text": text}
        )
        assert answer.status_code == 200, answer.text
        return str(answer.json()["meaning"])

    async def callback(
        self, path: str, body: Mapping[str, Any], *, webhook_id: str = "w1", secret: str = SECRET
    ) -> httpx.Response:
        """A callback of the generic provider g1."""
        content = json.dumps(body).encode()
        headers = signed_headers(secret, webhook_id, self.clock.now(), content)
        return await self.stranger.post(f"/v1/sms/g1/{path}", content=content, headers=headers)

    async def events(self, event_type: str) -> list[dict[str, Any]]:
        """The data of the events of a type that the service has told, oldest first."""
        rows = await self.query(
            "SELECT body FROM surveys.outbox WHERE type = $1 ORDER BY id", event_type
        )
        return [json.loads(row["body"])["data"] for row in rows]

    async def query(self, statement: str, *arguments: Any) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self.database_url)
        try:
            return list(await connection.fetch(statement, *arguments))
        finally:
            await connection.close()

    def metric(self, name: str, **labels: str) -> float:
        value: float = self.service.app.state.metrics.value(name, **labels)
        return value

    async def close(self) -> None:
        await self.http.aclose()
        await self.stranger.aclose()


Start = Callable[..., AbstractAsyncContextManager[Surveys]]


@pytest.fixture
def start(database_url: str, issuer: LocalIssuer, manual_clock: ManualClock) -> Start:
    """Starts surveys over this test's database; can be called again and again, also side by side."""

    @asynccontextmanager
    async def started(**settings: Any) -> AsyncIterator[Surveys]:
        issuer.token(subject="first", roles=["admin"])
        given = {
            "database_url": database_url,
            "database_pool_size": 4,  # each is a process of PostgreSQL's, started for this test
            "issuer_file": issuer.path,
            "pii_key": "a key of tests",
            "sms_poll_s": 0.05,
            "sms_deadline_s": 1.0,
            "surveys_gather_s": 0.0,
        }
        transport = MemoryTransport(clock=manual_clock, delays_s=(0.01, 0.05))
        service = create_service(
            SurveysSettings(**{**given, **settings}),
            transport=transport,
            clock=manual_clock,
            ids=UuidIds(),
        )
        async with service.running():
            await eventually(lambda: service.readiness.ready, what="surveys to be ready")
            running = Surveys(service, transport, issuer, manual_clock, database_url)
            yield running
            await running.close()

    return started


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres_template(postgres_server: PostgresServer) -> str:
    """This service's schema alone: half as much to copy for each test."""
    return await migrated(postgres_server, "surveys")


@pytest_asyncio.fixture(loop_scope="session")
async def surveys(start: Start) -> AsyncIterator[Surveys]:
    async with start() as running:
        yield running


@dataclass
class Provider:
    """A provider of messages behind a real socket. It answers as it is told, then always 200."""

    url: str = ""
    secret: str = SECRET
    script: list[str] = field(default_factory=list)
    received: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    @property
    def entry(self) -> dict[str, Any]:
        return {"id": "g1", "kind": "generic", "url": self.url, "secret": self.secret}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {
                name.lower(): value.strip()
                for name, _, value in (line.partition(":") for line in head[1:] if line)
            }
            body = await reader.readexactly(int(headers["content-length"]))
            self.received.append(json.loads(body) | {"raw": body})
            self.headers.append(headers)
            await self._answer(reader, writer, self.script.pop(0) if self.script else "200")
        finally:
            writer.close()

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, what: str
    ) -> None:
        if what == "silence":
            await reader.read()
            return
        if what == "cut":
            return
        status, _, content = what.partition(" ")
        content = content or json.dumps({"message_id": f"m{len(self.received)}"})
        writer.write(
            f"HTTP/1.1 {status} X\r\ncontent-length: {len(content.encode())}\r\n"
            f"connection: close\r\n\r\n{content}".encode()
        )
        await writer.drain()


@pytest_asyncio.fixture(loop_scope="session")
async def provider() -> AsyncIterator[Provider]:
    made = Provider()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/send"
    yield made
    server.close()
    await server.wait_closed()
