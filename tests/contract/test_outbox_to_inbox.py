"""The whole way of an event, from one service's transaction into another's, over both transports."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from functools import partial

import asyncpg
import pytest
import pytest_asyncio
from prometheus_client import CollectorRegistry

from careline_common.db.engine import Database
from careline_common.http.health import Readiness
from careline_common.messaging.transport import OutgoingMessage
from careline_common.testing.echo import (
    NOTING,
    arrive,
    create_echo,
    echo_database,
    effects,
    running,
)
from careline_common.testing.messaging import Bus, arrived, local_bus, outgoing, rabbit_bus
from careline_common.testing.waiting import eventually

pytestmark = pytest.mark.contract


class WholeWay:
    """Outbox, relay, transport, consumer, inbox."""

    kind: str

    @pytest_asyncio.fixture(loop_scope="session")
    async def database(self, empty_database_url: str) -> AsyncIterator[Database]:
        database = echo_database(empty_database_url)
        await create_echo(database)
        yield database
        await database.close()

    async def test_what_is_committed_is_handled_once_and_what_is_rolled_back_never_is(
        self, bus: Bus, database: Database
    ) -> None:
        async with running(database, bus.transport()):
            emitted = await arrive(database, 1, 2)
            with pytest.raises(RuntimeError):
                await self._emit_and_fail(database)
            emitted += await arrive(database, 3)
            await eventually(lambda: _handled(database, emitted))
        assert sorted(await effects(database)) == sorted(emitted)  # order is not promised

    async def _emit_and_fail(self, database: Database) -> None:
        async with database.unit_of_work() as uow:
            uow.emit(arrived(9).data, subject="call-9", sequence=1)
            raise RuntimeError

    async def test_the_inbox_absorbs_an_event_that_comes_twice(
        self, bus: Bus, database: Database
    ) -> None:
        registry = CollectorRegistry()
        async with running(database, bus.transport(), registry=registry):
            for _ in range(3):
                await bus.publish(arrived(1), arrived(2))

            def absorbed() -> bool:
                return _outcomes(registry, "duplicate") + _outcomes(registry, "done") >= 2

            await eventually(absorbed)
            await bus.publish(arrived(3))
            await eventually(lambda: _handled(database, ["event-3"]))
        assert sorted(await effects(database)) == ["event-1", "event-2", "event-3"]

    async def test_what_is_no_event_is_parked_at_once_with_its_reason(
        self, bus: Bus, database: Database
    ) -> None:
        transport = bus.transport()
        poison = OutgoingMessage(
            event_id="poison",
            type="careline.call.arrived.v1",
            subject="call-1",
            body=b'{"type": "careline.call.arrived.v1", "id": "+79990001122"',
        )
        async with running(database, transport):
            await eventually(lambda: transport.consuming(NOTING.name))
            await transport.publish([poison, outgoing(arrived(2))])
            await eventually(lambda: _handled(database, ["event-2"]))
            (parked,) = await eventually(lambda: transport.parked(NOTING.name))
        assert (parked.event_id, parked.attempts) == ("poison", 1)
        assert parked.reason == "invalid event: message: json_invalid"

    async def test_readiness_tells_when_the_bus_goes_and_comes(
        self, bus: Bus, database: Database
    ) -> None:
        readiness = Readiness()
        async with running(database, bus.transport(), readiness=readiness):
            await eventually(lambda: readiness.ready)
            await bus.proxy.cut()
            await eventually(lambda: readiness.lacks("broker"))
            await bus.proxy.open()
            await eventually(lambda: readiness.ready, within_s=20)

    async def test_events_wait_in_the_outbox_while_the_broker_is_away(
        self, bus: Bus, database: Database
    ) -> None:
        async with running(database, bus.transport()):
            first = await arrive(database, 1)
            await eventually(lambda: _handled(database, first))
            await bus.proxy.cut()
            later = await arrive(database, *range(2, 30))
            await bus.proxy.open()
            await eventually(lambda: _handled(database, first + later), within_s=20)
        assert sorted(await effects(database)) == sorted(first + later)

    @pytest.mark.timeout(180)
    async def test_kill_9_of_the_service_loses_nothing_and_doubles_nothing(
        self, bus: Bus, database: Database
    ) -> None:
        command = [sys.executable, "-m", "careline_common.testing.echo"]
        arguments = [self.kind, bus.url, database.url]
        emitted = await arrive(database, *range(1, 201))
        for handled in (40, 200):
            process = subprocess.Popen([*command, *arguments], stdout=subprocess.DEVNULL)
            try:
                await eventually(partial(_count, database, handled), within_s=60)
            finally:
                process.kill()
                await asyncio.to_thread(process.wait)
        assert sorted(await effects(database)) == sorted(emitted)


async def _handled(database: Database, wanted: list[str]) -> bool:
    return set(wanted) <= set(await effects(database))


async def _count(database: Database, wanted: int) -> bool:
    return len(await effects(database)) >= wanted


def _outcomes(registry: CollectorRegistry, outcome: str) -> float:
    labels = {"service": "echo", "consumer": NOTING.name, "outcome": outcome}
    return registry.get_sample_value("careline_events_consumed_total", labels) or 0.0


class TestLocal(WholeWay):
    kind = "local"

    @pytest_asyncio.fixture(loop_scope="session")
    async def bus(self, empty_database_url: str) -> AsyncIterator[Bus]:
        async with local_bus(empty_database_url) as made:
            yield made

    async def test_what_is_done_leaves_no_row_behind(self, bus: Bus, database: Database) -> None:
        async with running(database, bus.transport()):
            emitted = await arrive(database, 1, 2, 3)
            await eventually(lambda: _handled(database, emitted))
            connection = await asyncpg.connect(database.url)

            async def rows() -> bool:
                counts = (
                    "SELECT (SELECT count(*) FROM bus.event), (SELECT count(*) FROM bus.delivery)"
                )
                return tuple(await connection.fetchrow(counts)) == (0, 0)

            await eventually(rows)
            await connection.close()


class TestRabbit(WholeWay):
    kind = "rabbit"

    @pytest_asyncio.fixture(loop_scope="session")
    async def bus(self, rabbit_url: str) -> AsyncIterator[Bus]:
        async with rabbit_bus(rabbit_url) as made:
            yield made
