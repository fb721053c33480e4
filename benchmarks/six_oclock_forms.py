"""Careline for `six_oclock`: as four services, each a process, and as a standalone."""

import asyncio
import json
import secrets
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from careline.bench.bus import private_rabbit
from careline.bench.child import Child
from careline_common.http.issuer import LocalIssuer
from careline_common.postgres import PostgresLauncher
from careline_common.testing.ports import Ports

NAMES = ("router", "tickets", "surveys", "ingest")
BULK = ("tickets", "surveys", "ingest")
"""Services for whose work no caller waits."""


@dataclass(frozen=True, slots=True)
class Careline:
    """A running one: where its services are, and their processes by name."""

    urls: Mapping[str, str]
    issuer: LocalIssuer
    children: Mapping[str, Child]

    def token(self, role: str, subject: str, pbx: str | None = None) -> dict[str, str]:
        token = self.issuer.token(subject=subject, roles=[role], pbx=pbx)
        return {"Authorization": f"Bearer {token}"}

    def cpu_s(self) -> dict[str, float]:
        """Seconds of processor time of each process so far."""
        return {name: round(child.cpu_s(), 2) for name, child in self.children.items()}

    async def apply(self, configuration: Mapping[str, Any], folder: Path) -> None:
        document = folder / "floor.yaml"
        document.write_text(json.dumps(configuration))
        token = self.issuer.token(subject="bench", roles=["admin"])
        for url in self.urls.values():
            command = ["apply", str(document), "--url", url, "--token", token]
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "careline", *command, stdout=asyncio.subprocess.DEVNULL
            )
            if await process.wait() != 0:
                raise SystemExit(f"the configuration was not taken by {url}")


@asynccontextmanager
async def standalone(folder: Path, settings: Mapping[str, str]) -> AsyncIterator[Careline]:
    """`careline up`: everything in one process, with a PostgreSQL of its own."""
    command = ["careline", "up", "--port", "0", "--data", str(folder / "data")]
    child = Child(command, folder / "careline.log", **settings)
    try:
        url = (await child.ready()).split()[0]
        issuer = LocalIssuer(folder / "data" / "issuer.json")
        yield Careline({name: f"{url}/{name}" for name in NAMES}, issuer, {"careline": child})
    finally:
        await child.stop()


@asynccontextmanager
async def services(
    folder: Path, settings: Mapping[str, str], *, nice: int
) -> AsyncIterator[Careline]:
    """As in production: each service a process, one PostgreSQL, one RabbitMQ. `nice` is for those for whose
    work no caller waits."""
    async with AsyncExitStack() as stack:
        ports = Ports()
        stack.callback(ports.close)
        database = await stack.enter_async_context(PostgresLauncher(folder / "postgres").running())
        rabbit = await stack.enter_async_context(private_rabbit(folder / "rabbitmq"))
        issuer = LocalIssuer(folder / "issuer.json")
        jwks = folder / "jwks.json"
        jwks.write_text(json.dumps(issuer.jwks()))
        own = {name: ports.take() for name in NAMES}
        urls = {name: f"http://127.0.0.1:{port}" for name, port in own.items()}
        shared = {
            "CARELINE_DATABASE_URL": database,
            "CARELINE_RABBITMQ_URL": rabbit,
            "CARELINE_OIDC_JWKS": str(jwks),
            "CARELINE_ISSUER_FILE": str(issuer.path),
            "CARELINE_PII_KEY": secrets.token_hex(16),
            "CARELINE_INGEST_DIR": str(folder / "ingest"),
            **{f"CARELINE_{name.upper()}_URL": url for name, url in urls.items()},
        }
        children: dict[str, Child] = {}
        for name, port in own.items():
            more = {**settings, "CARELINE_NICE": str(nice)} if name in BULK else settings
            command = ["careline", name, "serve", "--port", str(port)]
            children[name] = Child(command, folder / f"{name}.log", **shared, **more)
            stack.push_async_callback(children[name].stop)
        for child in children.values():
            await child.ready()
        yield Careline(urls, issuer, children)
