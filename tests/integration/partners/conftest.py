"""Ingest and the journal together: over one PostgreSQL and its bus, each reached by real HTTP."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest_asyncio
import uvicorn

from careline_common.clock import SystemClock
from careline_common.http.issuer import LocalIssuer
from careline_common.ids import UuidIds
from careline_common.lifecycle import Service
from careline_common.messaging.local import LocalTransport
from careline_common.settings import ServiceSettings
from careline_common.testing.http import bearer
from careline_common.testing.ports import Ports
from careline_common.testing.waiting import eventually
from careline_ingest import app as ingest_app
from careline_ingest.settings import IngestSettings
from careline_tickets import app as tickets_app
from careline_tickets.settings import TicketsSettings

ROLES = ["admin", "contact_admin", "specialist", "service"]


@dataclass(frozen=True, slots=True)
class Centre:
    """The two services, as one who may everything sees them."""

    ingest: httpx.AsyncClient
    tickets: httpx.AsyncClient

    async def source(self, source_id: str, **settings: Any) -> None:
        answer = await self.ingest.put(f"/v1/sources/{source_id}", json=settings)
        assert answer.status_code == 201, answer.text

    async def ended(self, answer: httpx.Response) -> dict[str, Any]:
        """The run of an answer, once it has ended."""
        assert answer.status_code in (200, 202), answer.text
        path = f"/v1/runs/{answer.json()['id']}"

        async def over() -> dict[str, Any] | None:
            run: dict[str, Any] = (await self.ingest.get(path)).json()
            return run if run["status"] != "running" else None

        found: dict[str, Any] = await eventually(over, what="the run to end")
        return found

    async def appeals(self, count: int) -> list[dict[str, Any]]:
        """The journal's appeals, once there are so many."""

        async def there() -> list[dict[str, Any]] | None:
            found: list[dict[str, Any]] = (await self.tickets.get("/v1/tickets")).json()["items"]
            return found if len(found) == count else None

        known: list[dict[str, Any]] = await eventually(there, what=f"{count} appeals")
        return known

    async def appeal(self, ticket_id: str) -> dict[str, Any]:
        answer = await self.tickets.get(f"/v1/tickets/{ticket_id}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def act(self, ticket_id: str, action: str, **fields: Any) -> None:
        version = (await self.appeal(ticket_id))["version"]
        answer = await self.tickets.post(
            f"/v1/tickets/{ticket_id}/transitions",
            json={"action": action, **fields},
            headers={"If-Match": f'"{version}"'},
        )
        assert answer.status_code == 200, answer.text


@pytest_asyncio.fixture(loop_scope="session")
async def centre(
    database_url: str, issuer: LocalIssuer, tmp_path: Path, ports: Ports
) -> AsyncIterator[Centre]:
    token = issuer.token(subject="head", roles=ROLES)
    ports_of = {name: ports.take() for name in ("ingest", "tickets")}
    common = {
        "database_url": database_url,
        "issuer_file": issuer.path,
        "pii_key": "a key of tests",
        "ingest_url": f"http://127.0.0.1:{ports_of['ingest']}",
        "router_url": "http://127.0.0.1:9",
    }
    quick = {"ingest_dir": tmp_path / "spool", "ingest_poll_s": 0.05, "ingest_retry_s": 0.1}
    feeds = IngestSettings.model_validate({**common, **quick})
    journal = TicketsSettings.model_validate(common)
    async with AsyncExitStack() as stack:

        async def begun(
            name: str, create: Callable[..., Service], settings: ServiceSettings
        ) -> httpx.AsyncClient:
            bus = LocalTransport(database_url)
            stack.push_async_callback(bus.close)
            service = create(settings, transport=bus, clock=SystemClock(), ids=UuidIds())
            await stack.enter_async_context(served(service, ports_of[name]))
            url = f"http://127.0.0.1:{ports_of[name]}"
            client = httpx.AsyncClient(base_url=url, headers=bearer(token), verify=False)
            return await stack.enter_async_context(client)

        ingest = await begun("ingest", ingest_app.create_service, feeds)
        yield Centre(ingest, await begun("tickets", tickets_app.create_service, journal))


@asynccontextmanager
async def served(service: Service, port: int) -> AsyncIterator[None]:
    config = uvicorn.Config(
        service.app, host="127.0.0.1", port=port, log_level="critical", lifespan="off",
        timeout_graceful_shutdown=1,
    )  # fmt: skip
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    try:
        async with service.running():
            await service.readiness.wait()
            await eventually(lambda: server.started, what="the server to listen")
            yield
    finally:
        server.should_exit = True
        await task
