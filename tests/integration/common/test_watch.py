"""What the watch measures and throws away."""

from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import text

from careline_common.clock import ManualClock, SystemClock
from careline_common.db.engine import Database
from careline_common.http.health import Readiness
from careline_common.messaging.memory import MemoryTransport
from careline_common.messaging.metrics import MessagingMetrics
from careline_common.messaging.watch import Watch
from careline_common.testing.echo import arrive, create_echo, echo_database

pytestmark = pytest.mark.integration


def watch(database: Database, clock: ManualClock, registry: CollectorRegistry) -> Watch:
    return Watch(
        database,
        MemoryTransport(clock=SystemClock()),
        [],
        clock=clock,
        readiness=Readiness(),
        metrics=MessagingMetrics(registry, service="echo"),
    )


async def test_the_gauges_tell_how_many_events_wait_and_for_how_long(
    empty_database_url: str, manual_clock: ManualClock
) -> None:
    database = echo_database(empty_database_url, clock=manual_clock)
    await create_echo(database)
    registry = CollectorRegistry()
    seen = watch(database, manual_clock, registry)

    def gauges() -> tuple[float | None, float | None]:
        labels = {"service": "echo"}
        return (
            registry.get_sample_value("careline_outbox_unpublished", labels),
            registry.get_sample_value("careline_outbox_oldest_age_seconds", labels),
        )

    await seen.measure()
    assert gauges() == (0, 0)
    await arrive(database, 1)
    manual_clock.advance(40)
    await arrive(database, 2)
    manual_clock.advance(2.5)
    await seen.measure()
    assert gauges() == (2, 42.5)
    await database.close()


async def test_published_events_go_after_a_day_and_inbox_rows_after_thirty(
    empty_database_url: str, manual_clock: ManualClock
) -> None:
    database = echo_database(empty_database_url, clock=manual_clock)
    await create_echo(database)
    now, day, month = manual_clock.now(), timedelta(days=1), timedelta(days=30)
    second = timedelta(seconds=1)
    published, unpublished, kept = await arrive(database, 1, 2, 3)
    async with database.unit_of_work() as uow:
        for event_id, at in ((published, now - day - second), (kept, now - day + second)):
            await uow.connection.execute(
                text("UPDATE echo.outbox SET published_at = :at WHERE event_id = :id"),
                {"at": at, "id": event_id},
            )
        for event_id, at in (("old", now - month - second), ("new", now - month + second)):
            await uow.connection.execute(
                text("INSERT INTO echo.inbox VALUES ('echo.calls', :id, :at)"),
                {"at": at, "id": event_id},
            )
    await watch(database, manual_clock, CollectorRegistry()).purge()
    async with database.read() as connection:
        left = await connection.execute(text("SELECT event_id FROM echo.outbox ORDER BY id"))
        assert list(left.scalars()) == [unpublished, kept]
        consumed = await connection.execute(text("SELECT event_id FROM echo.inbox"))
        assert list(consumed.scalars()) == ["new"]
    await database.close()
