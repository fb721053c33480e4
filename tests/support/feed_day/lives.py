"""Lives of an ingest: each a process of its own that dies at the first commit that it comes to.

Run as a program it makes a process out of every line that it gets, and says its number and then how it
ended. It imports and puts together once and forks, so that a life does not cost a whole start.
"""

import asyncio
import ctypes
import json
import math
import os
import re
import signal
import sys
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import asyncpg
from asyncpg.transaction import Transaction
from sqlalchemy import event

from careline_common.clock import SystemClock
from careline_common.db.engine import Database
from careline_common.ids import UuidIds
from careline_common.lifecycle import Service
from careline_common.messaging.local import LocalTransport
from careline_ingest.adapters.archive import Archive
from careline_ingest.app import create_service
from careline_ingest.settings import IngestSettings

PR_SET_PDEATHSIG = 1
STATEMENTS = {
    "taken": r"INSERT INTO ingest\.run ",
    "batch": r"UPDATE ingest\.run SET checkpoint=",
    "ended": r"UPDATE ingest\.run SET status=.* finished_at=",
    "answered": r"UPDATE ingest\.answer SET delivered=",
    "heard": r"INSERT INTO ingest\.notice ",
    "told": r"UPDATE ingest\.notice SET state=.* delivered_at=",
}
"""Transactions by what is written in them: a file becomes a run, a batch of rows with its events and its
checkpoint, the end of a run, an answer that was put, news for the ledger, news that was told."""
HANDED_OVER = "UPDATE outbox SET published_at"
POINTS = (*STATEMENTS, "handed_over", "sealed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """Dies before its first commit; after it, if that is at one of the points `let_by`. Those that are
    `spared` do not kill."""

    url: str
    folder: str
    keys: str
    deaths: str
    batch_rows: int
    alone_bytes: int
    let_by: tuple[str, ...] = ()
    spared: tuple[str, ...] = ()

    def line(self) -> bytes:
        return json.dumps(asdict(self)).encode() + b"\n"


class Doom:
    """Ends this process at its first commit; whoever comes to another meanwhile gets no further."""

    def __init__(self, life: Life) -> None:
        self._life = life
        self._began = False
        self._points: dict[int, str] = {}
        """What has been written over each connection since its last commit."""

    def over(self, database: Database) -> None:
        """Sees all that is committed through this database, by a relay, and into the archive."""
        event.listen(database.engine.sync_engine, "before_cursor_execute", self._note_point)
        start, commit = Transaction.start, Transaction.commit

        async def started(transaction: Any) -> None:
            if not transaction._connection.is_in_transaction():  # it is no savepoint
                self._points.pop(id(transaction._connection), None)
            await start(transaction)

        async def doomed(transaction: Any) -> None:
            point = self._points.pop(id(transaction._connection), None)
            begins = await self._begins(point)
            await commit(transaction)
            if begins:
                self._die(point, "after")

        Transaction.start, Transaction.commit = started, doomed
        self._over_relay()
        self._over_archive()

    def _note_point(self, connection: Any, _cursor: object, statement: str, *_: object) -> None:
        for point, pattern in STATEMENTS.items():
            if re.match(pattern, statement, re.DOTALL):
                self._points[id(connection.connection.driver_connection)] = point

    def _over_relay(self) -> None:
        execute = asyncpg.Connection.execute

        async def doomed(connection: Any, query: str, *values: Any, **more: Any) -> str:
            point = "handed_over" if query.startswith(HANDED_OVER) else None
            begins = await self._begins(point)
            said = str(await execute(connection, query, *values, **more))
            if begins:
                self._die(point, "after")
            return said

        asyncpg.Connection.execute = doomed

    def _over_archive(self) -> None:
        keep = Archive.keep

        def doomed(archive: Archive, run_id: str, file: Any) -> None:
            begins = "sealed" not in self._life.spared and self._first("sealed")
            keep(archive, run_id, file)
            if begins:
                self._die("sealed", "after")

        Archive.keep = doomed  # type: ignore[method-assign]

    async def _begins(self, point: str | None) -> bool:
        """Whether this is the commit after which to die; dies here if it is to be before it."""
        if point is None:
            return False
        if self._began:
            await _for_ever()
        return self._first(point)

    def _first(self, point: str) -> bool:
        self._began = True
        if point not in self._life.let_by:
            self._die(point, "before")
        return True

    def _die(self, point: str | None, side: str) -> None:
        with Path(self._life.deaths).open("a") as deaths:
            deaths.write(f"{point} {side}\n")
        os.kill(os.getpid(), signal.SIGKILL)


async def _for_ever() -> None:
    await asyncio.sleep(math.inf)


@lru_cache
def _service(url: str, folder: str, keys: str, batch_rows: int, alone_bytes: int) -> Service:
    """Put together, and nothing of it begun."""
    settings = IngestSettings.model_validate(
        {
            "database_url": url,
            "migrate_on_start": False,
            "ingest_dir": folder,
            "keys_file": keys,
            "ingest_poll_s": 0.02,
            "ingest_retry_s": 0.05,
            "ingest_lease_s": 0.1,
            "ingest_batch_rows": batch_rows,
            "ingest_alone_bytes": alone_bytes,
            "pii_key": "a key of tests",
        }
    )
    clock, ids = SystemClock(), UuidIds()
    return create_service(settings, transport=LocalTransport(url), clock=clock, ids=ids)


async def _live(life: Life, service: Service) -> None:
    Doom(life).over(service.app.state.database)
    async with service.running():
        await _for_ever()


def main() -> None:
    zygote = os.getpid()
    for line in sys.stdin.buffer:
        life = Life(**json.loads(line))
        service = _service(life.url, life.folder, life.keys, life.batch_rows, life.alone_bytes)
        child = os.fork()
        if child == 0:
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            if os.getppid() == zygote:
                os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
                asyncio.run(_live(life, service))
            os._exit(1)
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
