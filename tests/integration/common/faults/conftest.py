"""A record that every fault is held against, and as much patience as a test can afford."""

import pytest
import pytest_asyncio
from bus_record import Record

from careline_common.db import engine
from careline_common.db.engine import Database
from careline_common.messaging import local, rabbit, rabbit_link, relay

SILENCE_S = 2


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence is noticed after two seconds instead of twenty or sixty."""
    for module in (engine, relay, local):
        monkeypatch.setattr(module, "STATEMENT_TIMEOUT_S", SILENCE_S)
    for module in (engine, local, rabbit_link):
        monkeypatch.setattr(module, "CONNECT_TIMEOUT_S", SILENCE_S)
    monkeypatch.setattr(engine, "FROZEN_S", SILENCE_S)
    monkeypatch.setattr(engine, "IDLE_IN_TRANSACTION_S", SILENCE_S)
    monkeypatch.setattr(rabbit, "CONFIRM_TIMEOUT_S", SILENCE_S)


@pytest_asyncio.fixture(loop_scope="session")
async def record(database: Database) -> Record:
    return Record(database)
