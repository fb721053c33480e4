"""Real `careline …` processes: started, waited for, killed and started again by tests."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from careline_common.children import exited, spawn, stop_child
from careline_common.testing.ports import Ports

START_PATIENCE_S = 60.0
STOP_SIGNALS = ((signal.SIGTERM, 20.0), (signal.SIGKILL, 5.0))


class ProcessError(Exception):
    """The process ended or never got ready; the message has the end of its log."""


class CarelineProcess:
    """One `careline` command, always at the same port, with its log in one file."""

    def __init__(
        self, arguments: list[str], *, port: int, folder: Path, environment: Mapping[str, str]
    ) -> None:
        self.port = port
        self.folder = folder
        self._arguments = [*arguments, "--port", str(port)]
        self._environment = environment
        self._log = folder / "output.log"
        self._begun_at = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its base URL."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None, "not started"
        return self._process.pid

    @property
    def log(self) -> str:
        """What all its runs have written to stdout and stderr."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    async def start(self, *, wait: bool = True) -> None:
        """Starts it; returns when it has printed its ready line, or at once without `wait`."""
        self._begun_at = self._log.stat().st_size if self._log.exists() else 0
        self._process = spawn(
            [sys.executable, "-m", "careline", *self._arguments],
            log=self._log,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **self._environment},
            cwd=self.folder,
        )
        if wait:
            await self.ready()

    async def ready(self) -> None:
        """Waits for the ready line of this run."""
        assert self._process is not None, "not started"
        deadline = time.monotonic() + START_PATIENCE_S
        while f"ready {self.url}" not in self.log[self._begun_at :]:
            if self._process.poll() is not None:
                raise ProcessError(f"ended with {self._process.returncode}: {self._end()}")
            if time.monotonic() > deadline:
                raise ProcessError(f"not ready after {START_PATIENCE_S} s: {self._end()}")
            await asyncio.sleep(0.03)

    async def stop(self) -> int | None:
        """Stops it in order and returns its exit code; None when it was never started."""
        if self._process is None:
            return None
        await stop_child(self._process, STOP_SIGNALS)
        return self._process.returncode

    async def kill(self) -> None:
        """Kills it, as a power cut would."""
        assert self._process is not None, "not started"
        self._process.kill()
        await exited(self._process, 5.0)

    async def freeze(self) -> None:
        """Stops it from running without ending it (SIGSTOP); `thaw` lets it go on."""
        os.kill(self.pid, signal.SIGSTOP)

    async def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def _end(self) -> str:
        return f"careline {' '.join(self._arguments)}\n{self.log[-4000:]}"


class Processes:
    """The `careline` processes of one test; all are stopped at its end."""

    def __init__(self, folder: Path, ports: Ports) -> None:
        self.folder = folder
        self._ports = ports
        self._started: list[CarelineProcess] = []

    def standalone(self, *arguments: str, **environment: str) -> CarelineProcess:
        """`careline up` over a folder of its own; call `start()` on it."""
        data = self.folder / f"data-{len(self._started) + 1}"
        return self._new("up", ["up", "--data", str(data), *arguments], environment)

    def service(self, name: str, *arguments: str, **environment: str) -> CarelineProcess:
        """`careline <service> serve` with these `CARELINE_*` variables; call `start()` on it."""
        return self._new(name, [name, "serve", *arguments], environment)

    async def run(self, *arguments: str, **environment: str) -> str:
        """Runs a `careline` command to its end and returns its stdout."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "careline", *arguments,
            env={**os.environ, **environment}, cwd=self.folder,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, error = await process.communicate()
        if process.returncode != 0:
            raise ProcessError(f"careline {' '.join(arguments)}: {error.decode(errors='replace')}")
        return out.decode()

    async def close(self) -> None:
        await asyncio.gather(*(process.stop() for process in self._started))

    def _new(
        self, name: str, arguments: list[str], environment: Mapping[str, str]
    ) -> CarelineProcess:
        folder = self.folder / f"{name}-{len(self._started) + 1}"
        folder.mkdir(parents=True)
        process = CarelineProcess(
            arguments, port=self._ports.take(), folder=folder, environment=environment
        )
        self._started.append(process)
        return process


@asynccontextmanager
async def careline_processes(folder: Path, ports: Ports) -> AsyncIterator[Processes]:
    """Processes that are all stopped at the end, whatever happened."""
    processes = Processes(folder, ports)
    try:
        yield processes
    finally:
        await processes.close()
