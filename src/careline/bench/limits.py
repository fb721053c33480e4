"""What this machine's disk and PostgreSQL can do at best: the limits beside which a benchmark stands."""

import asyncio
import os
import re
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import perf_counter

import asyncpg

from careline_common.ids import UuidIds
from careline_common.postgres_binaries import find_binaries

CREATE = """
    CREATE TABLE IF NOT EXISTS public.bare (
        floor text NOT NULL, seq text PRIMARY KEY, at timestamptz NOT NULL, kind text NOT NULL, data jsonb NOT NULL
    )"""
INSERT = "INSERT INTO public.bare VALUES ('main', $1, now(), 'CallRegistered', $2)"
DATA = '{"at": 1772442000.123456, "call_id": "0195", "pbx": "pbx1", "line": "+74950000001"}'
PROBES = 400


class BareInserts:
    """asyncpg alone: each commit is one row, as small as a command's smallest event."""

    def __init__(self, connections: list[asyncpg.Connection]) -> None:
        self._connections = connections
        self._ids = UuidIds()

    async def run(self, connections: int, seconds: float) -> float:
        """Commits/s of so many connections at once."""
        began = perf_counter()
        until = began + seconds
        chosen = self._connections[:connections]
        counts = await asyncio.gather(*(self._insert(each, until) for each in chosen))
        return sum(counts) / (perf_counter() - began)

    async def _insert(self, connection: asyncpg.Connection, until: float) -> int:
        count = 0
        while perf_counter() < until:
            await connection.execute(INSERT, self._ids.new(), DATA)
            count += 1
        return count


@asynccontextmanager
async def bare_inserts(url: str, *, connections: int) -> AsyncIterator[BareInserts]:
    """Has that many connections open."""
    opened = [await asyncpg.connect(url) for _ in range(connections)]
    try:
        await opened[0].execute(CREATE)
        yield BareInserts(opened)
    finally:
        for each in opened:
            await each.close()


def sync_us(folder: Path) -> tuple[float, str]:
    """Microseconds to have 8 kB of a file in `folder` on the disk, and who says so: `pg_test_fsync` if
    PostgreSQL brought it along, else `fdatasync` as measured here."""
    program = find_binaries().folder / "pg_test_fsync"
    with tempfile.TemporaryDirectory(dir=folder) as place:
        file = Path(place) / "page"
        if program.exists():
            shown = subprocess.run(  # noqa: S603 - PostgreSQL's own
                [program, "-s", "1", "-f", file], capture_output=True, text=True, check=False
            )
            found = re.search(r"fdatasync\s+([\d.]+) ops/sec\s+([\d.]+) usecs/op", shown.stdout)
            if found:
                return float(found[2]), "pg_test_fsync, fdatasync, one 8 kB write"
        return _measured_sync_us(file), "fdatasync of one 8 kB write, measured here"


def _measured_sync_us(file: Path) -> float:
    page = b"\0" * 8192
    with file.open("wb", buffering=0) as opened:
        began = perf_counter()
        for _ in range(PROBES):
            os.pwrite(opened.fileno(), page, 0)
            os.fdatasync(opened.fileno())
    return (perf_counter() - began) / PROBES * 1e6
