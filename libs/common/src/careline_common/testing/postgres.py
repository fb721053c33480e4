"""Databases for tests: one private server a run, one fresh database a test."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

import asyncpg

from careline_common.db.migrate import upgrade
from careline_common.postgres import ROOT_BASE, PostgresLauncher
from careline_common.testing.scratch import MEMORY

SERVICES = ("router", "tickets", "surveys", "ingest")


class PostgresServer:
    """A running private PostgreSQL without durability."""

    def __init__(self, launcher: PostgresLauncher, admin: asyncpg.Connection) -> None:
        self._launcher = launcher
        self._admin = admin
        self._numbers = itertools.count(1)
        self._turn = asyncio.Lock()

    def url(self, database: str) -> str:
        """The address of a database of this server."""
        return self._launcher.url(database)

    async def create(self, *, template: str | None = None, name: str | None = None) -> str:
        """Creates a database, a copy of `template` if one is named, and returns its name."""
        name = name or f"test_{next(self._numbers)}"
        # by files: half the time of the log, which is for servers that must survive
        copied = f' TEMPLATE "{template}" STRATEGY FILE_COPY' if template else ""
        async with self._turn:
            await self._admin.execute(f'CREATE DATABASE "{name}"{copied}')
        return name

    async def drop(self, name: str) -> None:
        """Removes a database, with the connections that are still in it."""
        async with self._turn:
            await self._admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@asynccontextmanager
async def private_server(folder: Path) -> AsyncIterator[PostgresServer]:
    """Runs a server whose files go under `folder`."""
    in_memory = folder.is_relative_to(MEMORY)
    launcher = PostgresLauncher(folder, fast=True, root_base=MEMORY if in_memory else ROOT_BASE)
    async with launcher.running() as url:
        admin = await asyncpg.connect(url)
        try:
            yield PostgresServer(launcher, admin)
        finally:
            await admin.close()


async def migrated(server: PostgresServer, *services: str) -> str:
    """A database with the schemas of these services, or of all, to be copied: its name. Each copy costs what
    it has of files."""
    name = await server.create(name="_".join(("template", *(services or ("all",)))))
    for service in services or SERVICES:
        if _has_migrations(f"careline_{service}"):
            await upgrade(server.url(name), package=f"careline_{service}", schema=service)
    return name


def _has_migrations(package: str) -> bool:
    if find_spec(package) is None:
        return False
    versions = Path(str(files(package))) / "db" / "migrations" / "versions"
    return any(versions.glob("*.py"))
