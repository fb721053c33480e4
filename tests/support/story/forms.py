"""The two forms of Careline as real processes: the standalone, and four services with RabbitMQ."""

import asyncio
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from careline_common.children import exited, spawn, stop_child
from careline_common.http.issuer import LocalIssuer

NAMES = ("router", "tickets", "surveys", "ingest")
CARELINE = Path(sys.executable).with_name("careline")
PATIENCE_S = 60.0
READY = re.compile(r"^ready (http://\S+)$", re.MULTILINE)


class Process:
    """One `careline …` process that can be killed and started again with the same command."""

    def __init__(self, arguments: list[str], environment: Mapping[str, str], log: Path) -> None:
        self._command = [str(CARELINE), *arguments]
        self._environment = {**os.environ, **environment}
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Starts it and returns once it says that it is ready."""
        told = self._log.stat().st_size if self._log.exists() else 0
        self._process = spawn(self._command, log=self._log, env=self._environment)
        deadline = time.monotonic() + PATIENCE_S
        while READY.search(self._log.read_bytes()[told:].decode(errors="replace")) is None:
            if self._process.poll() is not None or time.monotonic() > deadline:
                tail = self._log.read_text(errors="replace")[-3000:]
                raise AssertionError(f"{self._command[1:]} does not get ready:\n{tail}")
            await asyncio.sleep(0.02)

    async def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        await exited(self._process, 5.0)

    async def stop(self) -> None:
        if self._process is not None:
            await stop_child(self._process, ((signal.SIGTERM, 15.0), (signal.SIGKILL, 5.0)))


async def run(*arguments: str, environment: Mapping[str, str] | None = None) -> "Finished":
    """Runs a `careline` command to its end."""
    process = await asyncio.create_subprocess_exec(
        str(CARELINE),
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **(environment or {})},
    )
    out, error = await process.communicate()
    return Finished(process.returncode or 0, out.decode(), error.decode())


class Finished:
    def __init__(self, code: int, out: str, error: str) -> None:
        self.code, self.out, self.error = code, out, error

    def __repr__(self) -> str:
        return f"exit {self.code}\n{self.out}\n{self.error}"


class Standalone:
    """`careline up` over a folder of its own."""

    def __init__(self, folder: Path, port: int) -> None:
        self.data = folder / "data"
        self.issuer = LocalIssuer(self.data / "issuer.json")
        self.url = f"http://127.0.0.1:{port}"
        self.urls = {name: f"{self.url}/{name}" for name in NAMES}
        arguments = ["up", "--port", str(port), "--data", str(self.data)]
        self.process = Process(arguments, {}, folder / "standalone.log")

    async def start(self) -> None:
        await self.process.start()

    async def stop(self) -> None:
        await self.process.stop()

    async def apply(self, text: str) -> None:
        await apply(text, "--data", str(self.data))

    async def kill(self, service: str) -> None:
        """One process runs all four, so whichever is named dies with the others."""
        await self.process.kill()
        await self.process.start()

    async def break_bus(self) -> None:
        """The bus is a table of the database, which dies and comes back with every `kill`."""
        await self.kill("bus")


class Services:
    """Four processes over a database and a RabbitMQ of the test's own."""

    def __init__(
        self, folder: Path, ports: Mapping[str, int], database: str, rabbit: str, node: Any
    ) -> None:
        self.issuer = LocalIssuer(folder / "issuer.json")
        self.urls = {name: f"http://127.0.0.1:{ports[name]}" for name in NAMES}
        self._node = node
        jwks = folder / "jwks.json"
        jwks.write_text(json.dumps(self.issuer.jwks()))
        environment = {
            "CARELINE_DATABASE_URL": database,
            "CARELINE_RABBITMQ_URL": rabbit,
            "CARELINE_OIDC_JWKS": str(jwks),
            "CARELINE_ISSUER_FILE": str(folder / "issuer.json"),
            "CARELINE_PII_KEY": secrets.token_hex(16),
            "CARELINE_INGEST_DIR": str(folder / "ingest"),
            **{f"CARELINE_{name.upper()}_URL": url for name, url in self.urls.items()},
        }
        self.processes = {
            name: Process(
                [name, "serve", "--port", str(ports[name])], environment, folder / f"{name}.log"
            )
            for name in NAMES
        }

    async def start(self) -> None:
        await asyncio.gather(*(process.start() for process in self.processes.values()))

    async def stop(self) -> None:
        await asyncio.gather(*(process.stop() for process in self.processes.values()))

    async def apply(self, text: str) -> None:
        token = self.issuer.token(subject="test", roles=["admin"])
        urls = [word for url in self.urls.values() for word in ("--url", url)]
        await apply(text, *urls, "--token", token)

    async def kill(self, service: str) -> None:
        await self.processes[service].kill()
        await self.processes[service].start()

    async def break_bus(self) -> None:
        """kill -9 of RabbitMQ and a start after it."""
        await self._node.kill()
        await self._node.start()


async def apply(text: str, *target: str) -> None:
    """`careline apply` of a configuration, which must be taken."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        done = await run("apply", file.name, *target)
    assert done.code == 0, done


@asynccontextmanager
async def running(form: Standalone | Services) -> AsyncIterator[Standalone | Services]:
    try:
        await form.start()
        yield form
    finally:
        await form.stop()
