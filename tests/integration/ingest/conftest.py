"""A whole ingest over real PostgreSQL, called through its application."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
import pytest_asyncio

from careline_common.clock import SystemClock
from careline_common.http.issuer import LocalIssuer
from careline_common.ids import UuidIds
from careline_common.lifecycle import Service
from careline_common.messaging.memory import MemoryTransport
from careline_common.testing.http import bearer, client_of
from careline_common.testing.postgres import PostgresServer, migrated
from careline_common.testing.waiting import eventually
from careline_ingest.app import create_service
from careline_ingest.settings import IngestSettings

HEADER = "Номер обращения;Телефон;Текст;Дата"
SOURCE: dict[str, Any] = {
    "record": "appeal",
    "kind": "push",
    "format": "csv",
    "encodings": ["cp1251"],
    "delimiter": ";",
    "map": {
        "external_id": "Номер обращения",
        "phone": "Телефон",
        "text": "Текст",
        "registered_at": "Дата",
    },
}


class Ingest:
    """One running ingest, as an administrator sees it."""

    def __init__(self, service: Service, issuer: LocalIssuer, database_url: str) -> None:
        self.service = service
        self.database_url = database_url
        self._issuer = issuer
        self.http = client_of(service.app, issuer.token(subject="root", roles=["admin"]))

    def token(self, *roles: str, insurer: str | None = None) -> dict[str, str]:
        return bearer(self._issuer.token(subject="somebody", roles=roles, insurer=insurer))

    @staticmethod
    def sheet(*rows: str, encoding: str = "cp1251") -> bytes:
        """A file as the insurer of these tests sends it."""
        return "\r\n".join((HEADER, *rows, "")).encode(encoding)

    async def source(self, source_id: str = "ins7-daily", **changes: Any) -> None:
        """Configures a source, or changes it."""
        path = f"/v1/sources/{source_id}"
        present = await self.http.get(path)
        headers = {"If-Match": present.headers["etag"]} if present.status_code == 200 else {}
        answer = await self.http.put(path, json=SOURCE | changes, headers=headers)
        assert answer.status_code in (200, 201), answer.text

    async def send(
        self,
        content: bytes,
        name: str = "day.csv",
        source: str = "ins7-daily",
        key: str | None = None,
    ) -> httpx.Response:
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        if key is not None:
            headers["Idempotency-Key"] = key
        return await self.http.post(f"/v1/sources/{source}/files", content=content, headers=headers)

    async def read(self, content: bytes, name: str = "day.csv", **more: str) -> dict[str, Any]:
        """Sends a file and waits until it has been read."""
        answer = await self.send(content, name, **more)
        assert answer.status_code in (200, 202), answer.text
        return await self.ended(answer.json()["id"])

    async def run(self, run_id: str) -> dict[str, Any]:
        answer = await self.http.get(f"/v1/runs/{run_id}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def ended(self, run_id: str, within_s: float = 20.0) -> dict[str, Any]:
        async def ended() -> dict[str, Any] | None:
            run = await self.run(run_id)
            return run if run["status"] != "running" else None

        found: dict[str, Any] = await eventually(ended, within_s=within_s, what="the run to end")
        return found

    async def runs(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.http.get("/v1/runs")).json()["items"]
        return found

    async def quarantine(self, run_id: str) -> list[dict[str, Any]]:
        answer = await self.http.get("/v1/quarantine", params={"run": run_id})
        found: list[dict[str, Any]] = answer.json()["items"]
        return found

    async def query(self, statement: str, *arguments: Any) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self.database_url)
        try:
            return list(await connection.fetch(statement, *arguments))
        finally:
            await connection.close()

    async def records(self) -> dict[str, dict[str, Any]]:
        """What is kept, by external id, as the journal would fetch it."""
        ids = await self.query("SELECT id FROM ingest.record ORDER BY external_id")
        found = [(await self.http.get(f"/v1/records/{row['id']}")).json() for row in ids]
        return {record["external_id"]: record for record in found}


Start = Callable[..., AbstractAsyncContextManager[Ingest]]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres_template(postgres_server: PostgresServer) -> str:
    """This service's schema alone: half as much to copy for each test."""
    return await migrated(postgres_server, "ingest")


@pytest.fixture
def start(database_url: str, issuer: LocalIssuer, tmp_path: Path) -> Start:
    """Starts an ingest over this test's database and spool; can be called again and again."""

    @asynccontextmanager
    async def started(**settings: Any) -> AsyncIterator[Ingest]:
        issuer.token(subject="first", roles=["admin"])
        given = {
            "database_url": database_url,
            "database_pool_size": 4,  # each is a process of PostgreSQL's, started for this test
            "issuer_file": issuer.path,
            "ingest_dir": tmp_path / "spool",
            "ingest_poll_s": 0.05,
            "ingest_settle_s": 0.02,
            "pii_key": "a key of tests",
        }
        service = create_service(
            IngestSettings(**{**given, **settings}),
            transport=MemoryTransport(clock=SystemClock()),
            clock=SystemClock(),
            ids=UuidIds(),
        )
        async with service.running():
            await eventually(lambda: service.readiness.ready, what="ingest to be ready")
            ingest = Ingest(service, issuer, database_url)
            yield ingest
            await ingest.http.aclose()

    return started


@pytest_asyncio.fixture(loop_scope="session")
async def ingest(start: Start) -> AsyncIterator[Ingest]:
    """A running ingest with one source."""
    async with start() as running:
        await running.source()
        yield running
