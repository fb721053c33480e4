"""A router over a real PostgreSQL, without HTTP: its service, and a second life after a kill."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from pydantic import SecretStr

from careline_common.clock import SystemClock
from careline_common.config import ConfigStore
from careline_common.http.health import Readiness
from careline_common.ids import UuidIds
from careline_common.observability.metrics import MetricsRegistry
from careline_common.testing.postgres import PostgresServer, migrated
from careline_router.app import build
from careline_router.config import SECTIONS, cross_check
from careline_router.leadership import Leadership
from careline_router.purging import Kept, Purging
from careline_router.runtime.floor_actor import FLOOR
from careline_router.runtime.leader import Leader
from careline_router.service import RouterService
from careline_router.settings import RouterSettings
from careline_router.usecases.parts import Parts

CONFIG: dict[str, Any] = {
    "skills": ["adult", "child"],
    "queues": [
        {"id": "adult", "offer_timeout_s": 15, "ring_timeout_s": 20, "wrap_up_s": 30},
        {"id": "child", "wrap_up_s": 0},
        {"id": "vip", "wrap_up_s": 30},
    ],
    "flows": [
        {
            "id": "main",
            "default": {"queue": "adult", "skills": {"adult": 1}},
            "rules": [
                {"when": "crm.payer == 'cash'", "queue": "vip", "priority": "cash"},
                {"when": "ivr.digit == '2'", "queue": "child", "skills": {"child": 3}},
            ],
        }
    ],
    "lines": [{"number": "+74950000001", "flow": "main", "language": "ru"}],
    "teams": [{"id": "t1", "lead": "sup1"}],
    "agents": [
        {"id": "a1", "name": "A", "team": "t1", "skills": {"adult": 10}, "endpoint": "PJSIP/a1"},
        {"id": "a2", "team": "t1", "skills": {"adult": 5, "child": 5}, "endpoint": "PJSIP/a2"},
        {"id": "r1", "skills": {"child": 9}, "endpoint": "PJSIP/r1", "accept": "ring"},
    ],
    "pbxs": [{"id": "pbx1", "kind": "webhook", "secret": "whsec_c2VjcmV0"}],
}


@dataclass(slots=True)
class Router:
    """One life of a router process."""

    parts: Parts
    service: RouterService
    store: ConfigStore
    metrics: MetricsRegistry
    task: "asyncio.Task[None]"
    lease: Any

    async def kill(self) -> None:
        """Ends it as kill -9 would: nothing is said to anybody, its connections are cut."""
        self.task.cancel()
        session = self.lease._session
        if session is not None:
            session.terminate()
        self.lease._session = None
        await asyncio.gather(self.task, return_exceptions=True)
        await self.parts.close()


@contextlib.asynccontextmanager
async def leading(
    url: str, *, clock: Any = None, config: dict[str, Any] | None = None
) -> AsyncIterator[Router]:
    clock = clock or SystemClock()
    settings = RouterSettings(database_url=SecretStr(url), pii_key=SecretStr("k"))
    registry = MetricsRegistry("router")
    parts, lease = build(settings, registry, clock, UuidIds())
    store = ConfigStore(parts.database, SECTIONS, clock=clock, cross_check=cross_check)
    service = RouterService(parts)
    store.on_applied(service.configuration_changed)
    readiness = Readiness()
    leadership = Leadership(
        lease=lease,
        leader=Leader(),
        actor=parts.actor,
        service=service,
        link=parts.pbx,
        plan=parts.plan,
        clock=clock,
        readiness=readiness,
        metrics=parts.metrics,
        purging=Purging(
            database=parts.database, lease=lease, clock=clock, floor_id=FLOOR, kept=Kept()
        ),
    )
    await store.load()
    task = asyncio.create_task(leadership.run())
    try:
        ready = asyncio.create_task(readiness.wait())
        await asyncio.wait({ready, task}, timeout=10, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
        await ready
        if config is not None:
            await store.apply(config)
        yield Router(parts, service, store, registry, task, lease)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await parts.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres_template(postgres_server: PostgresServer) -> str:
    """This service's schema alone: half as much to copy for each test."""
    return await migrated(postgres_server, "router")


@pytest.fixture
async def router(database_url: str) -> AsyncIterator[Router]:
    """A router that leads, with the configuration above."""
    async with leading(database_url, config=CONFIG) as running:
        yield running


@pytest.fixture
def lead(database_url: str) -> Callable[..., contextlib.AbstractAsyncContextManager[Router]]:
    """Starts further lives over the same database."""

    def start(**options: Any) -> contextlib.AbstractAsyncContextManager[Router]:
        return leading(database_url, **options)

    return start
