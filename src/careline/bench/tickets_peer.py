"""pgbench as the peer of the journal: the very statements that the service sends, without the service.

What the service says to PostgreSQL in one piece of work is listened to and written down as a script, values
included; only what must be unique is made anew each time, from the client's number and a counter.
"""

import re
import subprocess
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from typing import Any

import asyncpg

from careline.datadir import CannotError
from careline_common.db.copying import driver_of
from careline_common.db.unit_of_work import UnitOfWork
from careline_common.postgres_binaries import find_binaries

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
PARAMETER = re.compile(r"\$(\d+)")
TRANSACTION = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT")
THREADS = 2

Heard = tuple[str, Sequence[Any]]
"""A statement and its values."""


@asynccontextmanager
async def listened(uow: UnitOfWork) -> AsyncIterator[list[Heard]]:
    """Every statement that is sent on this unit of work's connection, with its values."""
    heard: list[Heard] = []

    def hear(logged: Any) -> None:
        if not logged.query.lstrip().upper().startswith(TRANSACTION):
            heard.append((logged.query, logged.args))

    driver: asyncpg.Connection = driver_of(uow.connection)
    driver.add_query_logger(hear)
    try:
        yield heard
        await uow.flush_events()
    finally:
        driver.remove_query_logger(hear)


def script(statements: Sequence[Heard], unique: Mapping[str, str], *, fresh: str) -> str:
    """A script of pgbench; `unique` names the values that stand for a fresh text, and its beginning.

    Other ids of the same form (of events and texts) are fresh each time too, and begin with `fresh`.
    """
    known = dict(unique)
    lines = [r"\set i :i + 1", "BEGIN;"]
    for query, values in statements:
        written = [_written(value, known, fresh) for value in values]
        lines.append(_filled(query, written) + ";")
    return "\n".join([*lines, "COMMIT;", ""])


def _filled(query: str, written: Sequence[str]) -> str:
    return PARAMETER.sub(lambda found: written[int(found[1]) - 1], query)


def _written(value: Any, known: dict[str, str], fresh: str) -> str:
    """A value as SQL. A colon would start a variable of pgbench, wherever it stands."""
    match value:
        case str() if value in known or UUID.fullmatch(value):
            start = known.setdefault(value, f"{fresh}{len(known)}-")
            return f"('{start}' || :client_id::text || '-' || :i::text)"
        case list() | tuple() if value:
            return f"ARRAY[{', '.join(_written(one, known, fresh) for one in value)}]"
        case _:
            return _literal(value)


def _literal(value: Any) -> str:
    match value:
        case None:
            return "NULL"
        case list() | tuple():
            return "'{}'"
        case bool() | int() | float():
            return str(value)
        case bytes():
            return rf"E'\\x{value.hex()}'"
        case date():  # a moment too
            return _quoted(value.isoformat())
        case str():
            return _quoted(value)
        case _:
            raise CannotError(f"a {type(value).__name__} cannot be written into a script")


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "''").replace(":", r"\072")
    return f"E'{escaped}'"


def run(url: str, scripts: Sequence[Path], *, clients: int, each: int) -> float:
    """Transactions/s of so many clients, each doing `each` of them, with prepared statements."""
    program = find_binaries().folder / "pgbench"
    if not program.exists():
        raise CannotError(
            f"{program} is not there: install PostgreSQL's own programs, or set PG_BIN"
        )
    files = [word for file in scripts for word in ("-f", str(file))]
    done = subprocess.run(  # noqa: S603 - PostgreSQL's own
        [program, "-n", "-M", "prepared", "-c", str(clients), "-j", str(THREADS), "-t", str(each),
         "-D", "i=0", *files, url],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    found = re.search(r"tps = ([\d.]+) \(without", done.stdout)
    if done.returncode or found is None:
        raise CannotError(f"pgbench: {done.stderr.strip()[-500:]}")
    return float(found[1])
