"""A process that a benchmark starts, with its log, its memory and its processor time."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

from careline.datadir import CannotError
from careline_common.children import exited, spawn

START_S = 60.0
TICKS = os.sysconf("SC_CLK_TCK")


class Child:
    """A process of the benchmark, with its log."""

    def __init__(self, command: list[str], log: Path, **environment: str) -> None:
        self._log = log
        self._process: subprocess.Popen[bytes] = spawn(
            [sys.executable, "-m", *command],
            log=log,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **environment},
        )

    async def ready(self) -> str:
        """What stands after `ready` in its log, once it does. Raises `CannotError`."""
        until = perf_counter() + START_S
        while perf_counter() < until and self._process.poll() is None:
            for line in self._log.read_text(errors="replace").splitlines():
                if line.startswith("ready "):
                    return line.removeprefix("ready ")
            await asyncio.sleep(0.1)
        raise CannotError(f"did not start: {self.last_words()}")

    def last_words(self) -> str:
        """The end of its log, and how it ended, if it has."""
        code = self._process.poll()
        return f"(exit {code}) {self._log.read_text(errors='replace')[-2000:]}"

    def cpu_s(self) -> float:
        """Seconds of processor time so far, user and system."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def rss_mb(self) -> float:
        pages = int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    async def stop(self) -> None:
        self._process.terminate()
        await exited(self._process, 20.0)


@contextmanager
def on_cores(cores: set[int]) -> Iterator[None]:
    """Whatever this thread starts meanwhile runs on these cores alone, as under taskset(1)."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
