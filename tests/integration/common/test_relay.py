"""The relay against a real outbox. The transport is the memory one, told to refuse or to be away."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import Row, text
from structlog.testing import capture_logs

from careline_common.clock import SystemClock
from careline_common.db.engine import Database
from careline_common.events import Envelope
from careline_common.messaging.memory import MemoryTransport
from careline_common.messaging.metrics import MessagingMetrics
from careline_common.messaging.relay import Relay
from careline_common.messaging.transport import OutgoingMessage, TransportUnavailableError
from careline_common.testing.echo import arrive, create_echo, echo_database
from careline_common.testing.messaging import arrived
from careline_common.testing.proxy import proxied
from careline_common.testing.waiting import eventually

pytestmark = pytest.mark.integration

POLL_S = 0.1


class Line(MemoryTransport):
    """Remembers what it confirmed."""

    def __init__(self) -> None:
        super().__init__(clock=SystemClock())
        self.away = False
        self.refused: set[str] = set()
        """Subjects."""
        self.confirmed: list[Envelope] = []

    async def publish(self, messages: Sequence[OutgoingMessage]) -> Sequence[Exception | None]:
        return [self._verdict(message) for message in messages]

    def _verdict(self, message: OutgoingMessage) -> Exception | None:
        if self.away:
            return TransportUnavailableError("away")
        if message.subject in self.refused:
            return ValueError("too large")
        self.confirmed.append(Envelope.parse(message.body))
        return None

    @property
    def subjects(self) -> list[str]:
        return [envelope.subject for envelope in self.confirmed]


def relay(database: Database, line: Line, registry: CollectorRegistry | None = None) -> Relay:
    metrics = MessagingMetrics(registry or CollectorRegistry(), service="echo")
    return Relay(database, line, clock=SystemClock(), metrics=metrics, poll_s=POLL_S)


@asynccontextmanager
async def relaying(*relays: Relay) -> AsyncIterator[list[asyncio.Task[None]]]:
    tasks = [asyncio.create_task(each.run()) for each in relays]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def all_marked(database: Database) -> bool:
    async with database.read() as connection:
        query = "SELECT count(*) FROM echo.outbox WHERE published_at IS NULL"
        return bool((await connection.execute(text(query))).scalar_one() == 0)


async def test_events_go_out_in_order_and_are_marked(database: Database) -> None:
    registry, line = CollectorRegistry(), Line()
    emitted = await arrive(database, *range(1, 6))
    async with relaying(relay(database, line, registry)):
        emitted += await arrive(database, *range(6, 11))
        await eventually(lambda: all_marked(database))
    assert [envelope.id for envelope in line.confirmed] == emitted
    assert registry.get_sample_value("careline_outbox_published_total", {"service": "echo"}) == 10


async def test_a_commit_wakes_the_relay_without_waiting_for_the_poll(database: Database) -> None:
    line = Line()
    metrics = MessagingMetrics(CollectorRegistry(), service="echo")
    patient = Relay(database, line, clock=SystemClock(), metrics=metrics, poll_s=60)
    async with relaying(patient):
        await arrive(database, 1)
        await eventually(lambda: line.subjects == ["call-1"])
        await arrive(database, 2)
        await eventually(lambda: line.subjects == ["call-1", "call-2"])


async def test_an_event_whose_id_was_taken_early_and_committed_late_goes_out(
    database: Database,
) -> None:
    line = Line()
    async with relaying(relay(database, line)):
        async with database.unit_of_work() as late:
            late.emit(arrived(1).data, subject="call-1", sequence=1)
            await late.flush_events()
            await arrive(database, 2)
            await eventually(lambda: line.subjects == ["call-2"])
        await eventually(lambda: line.subjects == ["call-2", "call-1"])


async def test_while_the_transport_is_away_events_wait_and_no_attempt_is_counted(
    database: Database,
) -> None:
    line = Line()
    line.away = True
    with capture_logs() as logs:
        async with relaying(relay(database, line)):
            await arrive(database, 1, 2)
            await eventually(lambda: [e for e in logs if e["event"] == "relay.waits_for_broker"])
    line.away = False
    async with relaying(relay(database, line)):
        await eventually(lambda: line.subjects == ["call-1", "call-2"])
    async with database.read() as connection:
        attempts = await connection.execute(text("SELECT sum(attempts) FROM echo.outbox"))
        assert attempts.scalar_one() == 0


async def test_an_event_that_is_refused_holds_up_its_own_subject_alone(database: Database) -> None:
    line = Line()
    line.refused.add("call-1")
    async with database.unit_of_work() as uow:
        for sequence in (1, 2):
            uow.emit(arrived(1).data, subject="call-1", sequence=sequence)
            uow.emit(arrived(2).data, subject="call-2", sequence=sequence)
    async with relaying(relay(database, line)):
        await eventually(lambda: line.subjects == ["call-2", "call-2"])
        await arrive(database, 3)
        await eventually(lambda: line.subjects == ["call-2", "call-2", "call-3"])
        row = await _first(database)
        assert (row.attempts, row.last_error, row.published_at) == (1, "ValueError", None)
        line.refused.clear()
        await eventually(lambda: line.subjects[3:] == ["call-1", "call-1"])
    assert [e.sequence for e in line.confirmed if e.subject == "call-1"] == [1, 2]
    row = await _first(database)
    assert row.published_at is not None
    assert row.last_error is None


async def _first(database: Database) -> Row[Any]:
    async with database.read() as connection:
        query = "SELECT attempts, last_error, published_at FROM echo.outbox ORDER BY id LIMIT 1"
        return (await connection.execute(text(query))).one()


async def test_one_relay_works_and_the_next_takes_over_when_it_dies(database: Database) -> None:
    first, second = Line(), Line()
    registries = CollectorRegistry(), CollectorRegistry()

    def working() -> list[float | None]:
        name, labels = "careline_outbox_relaying", {"service": "echo"}
        return [registry.get_sample_value(name, labels) for registry in registries]

    async with relaying(relay(database, first, registries[0])) as (holder,):
        await arrive(database, 1)
        await eventually(lambda: first.subjects)
        async with relaying(relay(database, second, registries[1])):
            await arrive(database, 2, 3)
            await eventually(lambda: len(first.subjects) == 3)
            assert not second.subjects
            assert working() == [1, 0]
            holder.cancel()
            await asyncio.gather(holder, return_exceptions=True)
            await arrive(database, 4)
            await eventually(lambda: second.subjects == ["call-4"])
            assert working() == [0, 1]


async def test_a_relay_that_lost_its_lock_stops_and_comes_back(database: Database) -> None:
    line = Line()
    async with relaying(relay(database, line)):
        await arrive(database, 1)
        await eventually(lambda: all_marked(database))
        async with database.unit_of_work() as uow:
            await uow.connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE application_name = 'careline-echo-relay'"
                    " AND datname = current_database()"
                )
            )
        await arrive(database, 2)
        await eventually(lambda: line.subjects == ["call-1", "call-2"])


async def test_the_relay_waits_for_a_database_that_is_away(empty_database_url: str) -> None:
    direct, line = echo_database(empty_database_url), Line()
    await create_echo(direct)
    async with proxied(empty_database_url) as (url, proxy):
        database = echo_database(url)
        await proxy.cut()
        async with relaying(relay(database, line)):
            await arrive(direct, 1)
            await proxy.open()
            await eventually(lambda: all_marked(direct))
            await proxy.cut()
            await arrive(direct, 2)
            await proxy.open()
            await eventually(lambda: line.subjects == ["call-1", "call-2"])
        await database.close()
    await direct.close()


async def test_two_hundred_refused_events_do_not_hide_the_next_one(database: Database) -> None:
    line = Line()
    numbers = range(1, 251)
    line.refused |= {f"call-{number}" for number in numbers}
    async with database.unit_of_work() as uow:
        for number in numbers:
            uow.emit(arrived(number).data, subject=f"call-{number}", sequence=1)
    await arrive(database, 999)
    async with relaying(relay(database, line)):
        await eventually(lambda: line.subjects == ["call-999"])
