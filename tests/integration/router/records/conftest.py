"""Insurance records behind their guard, over their fake on a real port: with a fixed token, and behind a login."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from careline_common.clock import ManualClock
from careline_router.adapters.crm_exchange import Pauses
from careline_router.adapters.records import make_records
from careline_router.fakes import records as plain
from careline_router.fakes.http_server import Desk, FakeServer, Handler
from careline_router.fakes.login import CLIENT_ID, CLIENT_SECRET, PATH, BehindLogin, Login
from careline_router.records_config import RecordsEntry, records_faults
from careline_router.records_port import InsuranceRecords

PATIENT_S = 20.0
"""A deadline that no busy machine misses, for tests that are not about it."""


@dataclass
class World:
    """Insurance records, who asks for what in front of them, and the port over them."""

    url: str
    records: plain.PlainRecords
    login: Login | None
    clock: ManualClock
    life: AsyncExitStack
    asked: list[str] = field(default_factory=list)

    @property
    def looks(self) -> Desk:
        return self.records.looks

    def entry(self, **changed: Any) -> dict[str, Any]:
        """The section `records` for this fake."""
        usual: dict[str, Any] = {"kind": "http", "url": self.url, "deadline_s": PATIENT_S}
        if self.login is None:
            usual["token"] = plain.TOKEN
        else:
            usual |= {"token_url": f"{self.url}{PATH}", "client_id": CLIENT_ID}
            usual["client_secret"] = CLIENT_SECRET
        return {**usual, **changed}

    def port(self, **changed: Any) -> InsuranceRecords:
        """The port by this entry; closed at the end of the test."""
        entry = RecordsEntry(**self.entry(**changed))
        assert list(records_faults(entry)) == []
        made = make_records(entry, self.clock, Pauses(self.clock), self.asked.append)
        self.life.push_async_callback(made.close)
        return made


Opened = Callable[[str], Awaitable[World]]


@pytest.fixture
async def open_world() -> AsyncIterator[Opened]:
    """Serves insurance records until the end of the test: `token` or `login` says who is let in."""
    async with AsyncExitStack() as life:

        async def opened(kind: str) -> World:
            clock = ManualClock(datetime(2026, 3, 2, 9, 0, tzinfo=UTC))
            login = Login(clock=clock) if kind == "login" else None
            fake = plain.PlainRecords(token=plain.TOKEN if login is None else None)
            handler: Handler = fake if login is None else BehindLogin(fake, login)
            server = await life.enter_async_context(FakeServer(handler))
            return World(server.url, fake, login, clock, life)

        yield opened


@pytest.fixture(params=["token", "login"])
async def world(request: pytest.FixtureRequest, open_world: Opened) -> World:
    return await open_world(request.param)
