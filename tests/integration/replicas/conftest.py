"""A site for replicas: a database, a virtual host of RabbitMQ, processes that end with the test."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest_asyncio
import replicas

if TYPE_CHECKING:
    from careline_common.testing.processes import Processes


@pytest_asyncio.fixture(loop_scope="session")
async def site(
    processes: "Processes", database_url: str, rabbit_url: str
) -> AsyncIterator[replicas.Site]:
    async with replicas.site(processes, database_url, rabbit_url) as made:
        yield made
