"""A database with the smallest service in it."""

from collections.abc import AsyncIterator

import pytest_asyncio

from careline_common.db.engine import Database
from careline_common.testing.echo import create_echo, echo_database


@pytest_asyncio.fixture(loop_scope="session")
async def database(empty_database_url: str) -> AsyncIterator[Database]:
    database = echo_database(empty_database_url)
    await create_echo(database)
    yield database
    await database.close()
