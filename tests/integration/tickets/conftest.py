"""The journal as a running service over a real database, spoken to as people with roles."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
import pytest_asyncio

from careline_common.clock import ManualClock
from careline_common.http.issuer import LocalIssuer
from careline_common.ids import UuidIds
from careline_common.lifecycle import Service
from careline_common.messaging.memory import MemoryTransport
from careline_common.testing.postgres import PostgresServer, migrated
from careline_common.testing.waiting import eventually
from careline_tickets.app import create_service
from careline_tickets.settings import TicketsSettings

CONFIG: dict[str, Any] = {
    "careline": 1,
    "calendars": [
        {
            "id": "c1",
            "zone": "Europe/Moscow",
            "weekly": {
                day: ["09:00-13:00", "14:00-18:00"] for day in ("mon", "tue", "wed", "thu", "fri")
            },
            "closed": ["2026-11-04"],
            "working": ["2026-11-07"],
        }
    ],
    "subjects": [{"id": "refusal", "group": "l2-care"}],
    "groups": [{"id": "l2-care", "level": 2, "users": ["spec1", "spec2"]}],
    "territories": [{"id": "46"}],
    "organisations": [{"id": "h1", "name": "H", "territory": "46"}],
    "insurers": [{"id": "ins7", "name": "I"}, {"id": "ins8"}],
    "users": [{"id": "op7", "roles": ["insurer"], "insurer": "ins7"}],
    "deadlines": [
        {
            "id": "default",
            "calendar": "c1",
            "clocks": {"level1": "1h", "insurer": "3d", "statutory": "30d"},
        }
    ],
}


class Person:
    """Somebody with a token, at the journal's counter."""

    def __init__(self, client: httpx.AsyncClient, token: str | None) -> None:
        self._client = client
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    async def get(self, path: str, **params: Any) -> httpx.Response:
        return await self._client.get(f"/v1/{path}", params=params, headers=self._headers)

    async def post(
        self, path: str, body: Any, headers: dict[str, str] | None = None, **params: Any
    ) -> httpx.Response:
        return await self._client.post(
            f"/v1/{path}", json=body, params=params, headers=self._headers | (headers or {})
        )

    async def put(
        self, path: str, body: Any, headers: dict[str, str] | None = None, **params: Any
    ) -> httpx.Response:
        return await self._client.put(
            f"/v1/{path}", json=body, params=params, headers=self._headers | (headers or {})
        )

    async def register(self, **fields: Any) -> dict[str, Any]:
        """A new appeal, by default a question by phone."""
        body = {"channel": "phone", "kind": "consultation", "text": "When are you open?"}
        answer = await self.post("tickets", body | fields)
        assert answer.status_code == 201, answer.text
        created: dict[str, Any] = answer.json()
        return created

    async def act(self, ticket: dict[str, Any], action: str, **fields: Any) -> httpx.Response:
        """An action on the version of the appeal that was seen last."""
        return await self.post(
            f"tickets/{ticket['id']}/transitions",
            {"action": action, **fields},
            headers={"If-Match": f'"{ticket["version"]}"'},
        )

    async def does(self, ticket: dict[str, Any], action: str, **fields: Any) -> dict[str, Any]:
        """An action that must succeed."""
        answer = await self.act(ticket, action, **fields)
        assert answer.status_code == 200, answer.text
        moved: dict[str, Any] = answer.json()
        return moved


@dataclass
class Desk:
    """A running journal."""

    service: Service
    client: httpx.AsyncClient
    issuer: LocalIssuer
    clock: ManualClock
    transport: MemoryTransport
    database_url: str

    def person(self, *roles: str, subject: str = "", insurer: str | None = None) -> Person:
        name = subject or "-".join(roles)
        token = self.issuer.token(subject=name, roles=roles, insurer=insurer, ttl_s=10**9)
        return Person(self.client, token)

    async def query(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        """Rows straight from the database."""
        connection = await asyncpg.connect(self.database_url)
        try:
            return [dict(row) for row in await connection.fetch(statement, *values)]
        finally:
            await connection.close()

    @property
    def nobody(self) -> Person:
        return Person(self.client, None)

    @property
    def agent(self) -> Person:
        return self.person("agent", subject="a1")

    @property
    def specialist(self) -> Person:
        return self.person("specialist", subject="spec1")

    @property
    def boss(self) -> Person:
        return self.person("contact_admin", subject="boss")

    @property
    def insurer(self) -> Person:
        return self.person("insurer", subject="op7", insurer="ins7")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres_template(postgres_server: PostgresServer) -> str:
    """This service's schema alone: half as much to copy for each test."""
    return await migrated(postgres_server, "tickets")


@pytest.fixture
def tickets_settings(database_url: str, tmp_path: Path) -> TicketsSettings:
    return TicketsSettings.model_validate(
        {
            "database_url": database_url,
            "database_pool_size": 4,  # each is a process of PostgreSQL's, started for this test
            "issuer_file": tmp_path / "issuer.json",
            "pii_key": "a key of this test",
            "ingest_url": "http://127.0.0.1:9",
            "router_url": "http://127.0.0.1:9",
        }
    )


@asynccontextmanager
async def running_desk(
    settings: TicketsSettings, clock: ManualClock, **parts: Any
) -> AsyncIterator[Desk]:
    """The service, ready, with the configuration of `CONFIG`; it is Monday noon in Moscow."""
    assert settings.issuer_file is not None
    issuer = LocalIssuer(settings.issuer_file, clock=clock)
    transport = MemoryTransport(clock=clock, delays_s=(0.01, 0.01))
    service = create_service(settings, transport=transport, clock=clock, ids=UuidIds(), **parts)
    async with (
        service.running(),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(service.app), base_url="http://journal"
        ) as client,
    ):
        await eventually(lambda: service.readiness.ready)
        running = Desk(
            service=service,
            client=client,
            issuer=issuer,
            clock=clock,
            transport=transport,
            database_url=settings.database_url.get_secret_value(),
        )
        applied = await running.person("admin").put("config", CONFIG)
        assert applied.status_code == 200, applied.text
        yield running


@pytest.fixture
def run_desk() -> Callable[..., AbstractAsyncContextManager[Desk]]:
    """`running_desk`, for tests with parts of their own."""
    return running_desk


@pytest_asyncio.fixture(loop_scope="session")
async def desk(tickets_settings: TicketsSettings, manual_clock: ManualClock) -> AsyncIterator[Desk]:
    async with running_desk(tickets_settings, manual_clock) as running:
        yield running
