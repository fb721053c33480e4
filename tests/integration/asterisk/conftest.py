"""A stand-in for the router's dialplan form that answers as the test scripts it."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from careline_common.testing.asterisk import Asterisk
from careline_common.testing.ports import Ports

TOKEN = "header.payload-with_both.signature"
PATIENCE_S = 20.0


@dataclass
class ScriptedRouter:
    """Answers route questions with `steps` in turn, `wait` after the last, and keeps what it is told."""

    url: str
    steps: list[dict[str, Any]] = field(default_factory=list)
    status: int = 200
    asked: list[dict[str, Any]] = field(default_factory=list)
    told: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)

    async def hears(self, path: str, **body: object) -> None:
        """Waits until it has been told this."""
        deadline = time.monotonic() + PATIENCE_S
        while not any(where == path and told.items() >= body.items() for where, told in self.told):
            assert time.monotonic() < deadline, (
                f"no {path} {body} in {self.told}, asked {self.asked}"
            )
            await asyncio.sleep(0.02)

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.post("/v1/pbx/ast1/route")
        async def route(request: Request) -> JSONResponse:
            self.tokens.add(request.headers["authorization"])
            self.asked.append(await request.json())
            if self.steps:
                return JSONResponse(self.steps.pop(0), status_code=self.status)
            await asyncio.sleep(0.2)
            return JSONResponse({"action": "wait"}, status_code=self.status)

        @app.post("/v1/pbx/ast1/route/{path}")
        async def tell(path: str, request: Request) -> dict[str, str]:
            self.tokens.add(request.headers["authorization"])
            self.told.append((path, await request.json()))
            return {}

        return app


@pytest.fixture
async def router(asterisk: Asterisk, ports: Ports) -> AsyncIterator[ScriptedRouter]:
    """The stand-in, with the private Asterisk set to ask it."""
    scripted = ScriptedRouter(f"http://127.0.0.1:{ports.take()}")
    port = int(scripted.url.rpartition(":")[2])
    server = uvicorn.Server(
        uvicorn.Config(
            scripted.app(), host="127.0.0.1", port=port, log_level="error", lifespan="off"
        )
    )
    task = asyncio.create_task(server._serve())
    async with asyncio.timeout(PATIENCE_S):
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event to wait for
            await asyncio.sleep(0.01)
    await asterisk.ask_by_curl(url=scripted.url, pbx="ast1", token=TOKEN)
    yield scripted
    server.should_exit = True
    await task
