"""Careline as real processes, in both forms."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from story.forms import NAMES, Services, Standalone, running

from careline_common.testing.ports import Ports
from careline_common.testing.rabbit import RabbitServer


@pytest.fixture(params=["standalone", "services"])
async def careline(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    ports: Ports,
    database_url: str,
    rabbit_url: str,
    rabbit_server: RabbitServer,
) -> AsyncIterator[Standalone | Services]:
    """A running Careline with nothing in it: `careline up`, or four services with RabbitMQ."""
    folder = tmp_path / "careline"
    folder.mkdir()
    form: Standalone | Services
    if request.param == "standalone":
        form = Standalone(folder, ports.take())
    else:
        own = {name: ports.take() for name in NAMES}
        form = Services(folder, own, database_url, rabbit_url, rabbit_server)
    async with running(form):
        yield form
