"""All services that hear events, for the tests of a module together."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from event_order.centre import Centre, centre
from proofs import record

from careline_common.clock import ManualClock

if TYPE_CHECKING:
    from careline_common.testing.postgres import PostgresServer


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def running(
    postgres_server: "PostgresServer",
    postgres_template: str,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> AsyncIterator[Centre]:
    """The whole centre for all histories: each has ids and persons of its own."""
    name = await postgres_server.create(template=postgres_template)
    folder: Path = tmp_path_factory.mktemp("event-order")
    clock = ManualClock(datetime(2026, 3, 2, 9, 0, tzinfo=UTC))
    async with centre(postgres_server.url(name), folder, clock) as made:
        yield made
        if not request.session.testsfailed:
            record("event_order", made.counts)
    await postgres_server.drop(name)
