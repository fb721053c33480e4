"""The standalone: all four services in one process, over a PostgreSQL of their own."""

import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.requests import Request

from careline import roster
from careline.datadir import DataDir
from careline_common.clock import SystemClock
from careline_common.http.errors import install_handlers
from careline_common.http.health import ready_answer
from careline_common.ids import UuidIds
from careline_common.lifecycle import Service
from careline_common.messaging.local import LocalTransport
from careline_common.messaging.transport import Transport
from careline_common.observability.metrics import CONTENT_TYPE, exposition
from careline_common.postgres import PostgresLauncher

PAGE = Path(__file__).parent / "pages" / "index.html"


@dataclass(frozen=True, slots=True)
class Standalone:
    """All four services and the one application that serves them."""

    app: FastAPI
    services: tuple[Service, ...]
    database_url: str

    @contextlib.asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Has the services start, and work in the background while the block runs."""
        async with contextlib.AsyncExitStack() as stack:
            for service in self.services:
                await stack.enter_async_context(service.running())
            yield

    async def wait_ready(self) -> None:
        """Returns once all four services serve."""
        for service in self.services:
            await service.readiness.wait()


@contextlib.asynccontextmanager
async def put_together(data: DataDir, url: str) -> AsyncIterator[Standalone]:
    """Starts PostgreSQL and makes the services that will be reached at `url`."""
    data.create()
    data.write_jwks()
    async with contextlib.AsyncExitStack() as stack:
        launcher = PostgresLauncher(data.path)
        database_url = await stack.enter_async_context(launcher.running())
        transport = LocalTransport(database_url)
        stack.push_async_callback(transport.close)
        services = tuple(
            _service(name, data, database_url, url, transport) for name in roster.NAMES
        )
        yield Standalone(_root(services), services, database_url)


def _service(
    name: str, data: DataDir, database_url: str, url: str, transport: Transport
) -> Service:
    member = roster.member(name)
    settings = member.settings.model_validate(
        {
            "database_url": database_url,
            "issuer_file": data.issuer_file,
            "oidc_jwks": str(data.jwks_file),
            "pii_key": data.pii_key(),
            "ingest_dir": data.path / "ingest",
            **{f"{other}_url": f"{url}/{other}" for other in roster.NAMES},
        }
    )
    return member.create_service(settings, transport=transport, clock=SystemClock(), ids=UuidIds())


def _root(services: tuple[Service, ...]) -> FastAPI:
    root = FastAPI(title="Careline", openapi_url=None, docs_url=None, redoc_url=None)
    install_handlers(root)

    @root.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "alive"}

    @root.get("/readyz")
    async def readyz() -> JSONResponse:
        status, body = ready_answer({service.name: service.readiness for service in services})
        return JSONResponse(body, status)

    @root.get("/metrics")
    async def metrics() -> Response:
        registries = [service.app.state.metrics for service in services]
        return Response(exposition(registries), media_type=CONTENT_TYPE)

    @root.get("/", response_class=HTMLResponse)
    async def page(request: Request) -> HTMLResponse:
        token = getattr(request.app.state, "page_token", "")
        return HTMLResponse(
            PAGE.read_text(encoding="utf-8").replace('"{{token}}"', json.dumps(token))
        )

    for service in services:
        root.mount(f"/{service.name}", service.app)
    return root
