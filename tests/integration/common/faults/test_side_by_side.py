"""Several processes of one service side by side: one relays and one has an ordered queue, whatever happens
to it; one that stood still and wakes does nothing twice."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest
import pytest_asyncio
from bus_record import Record
from sqlalchemy import text

from careline_common.db.engine import Database
from careline_common.testing.echo import NOTING, echo_database, running
from careline_common.testing.messaging import Bus, local_bus, rabbit_bus
from careline_common.testing.waiting import eventually

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

FROZEN_S = "2"


class Replicas:
    """Processes of the echo service over one bus and one database."""

    def __init__(self, kind: str, bus_url: str, database_url: str) -> None:
        self._arguments = [kind, bus_url, database_url, FROZEN_S]
        self.all: list[subprocess.Popen[bytes]] = []

    def start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "careline_common.testing.echo", *self._arguments]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.all.append(process)
        return process

    def close(self) -> None:
        for process in self.all:
            process.kill()
            process.wait()


async def relays(database: Database, count: int) -> bool:
    """Whether so many processes relay or stand by to do it."""
    async with database.read() as connection:
        query = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND application_name = 'careline-echo-relay'"
        )
        return bool((await connection.execute(text(query))).scalar_one() == count)


class SideBySide:
    kind: str
    heartbeat = ""

    @pytest.fixture
    def replicas(self, bus: Bus, empty_database_url: str) -> Iterator[Replicas]:
        made = Replicas(self.kind, bus.url + self.heartbeat, empty_database_url)
        yield made
        made.close()

    async def test_who_is_frozen_or_killed_is_replaced_and_does_nothing_twice_when_it_wakes(
        self, database: Database, record: Record, replicas: Replicas
    ) -> None:
        first = replicas.start()
        await record.emit(10)
        await record.handled()  # by the first alone: it relays and has the queue
        others = [replicas.start() for _ in range(2)]
        await eventually(lambda: relays(database, 3), within_s=60)
        os.kill(first.pid, signal.SIGSTOP)
        await record.emit(50)
        await record.handled()
        os.kill(first.pid, signal.SIGCONT)
        await record.emit(50)
        await record.handled()
        for other in others:
            other.kill()
        await record.emit(50)
        await record.holds()
        assert first.poll() is None

    async def test_one_that_is_frozen_in_the_middle_of_its_work_is_replaced(
        self, database: Database, record: Record, replicas: Replicas
    ) -> None:
        first = replicas.start()
        await record.emit(1)
        await record.handled()
        replicas.start()
        await eventually(lambda: relays(database, 2), within_s=60)
        emitting = asyncio.create_task(record.emit(300))
        await eventually(lambda: len(record.emitted) > 50)
        os.kill(first.pid, signal.SIGSTOP)
        await emitting
        await record.handled()
        os.kill(first.pid, signal.SIGCONT)
        await record.emit(20)
        await record.holds()

    async def test_replicas_share_an_order_free_consumer_over_resets(
        self, bus: Bus, database: Database, record: Record
    ) -> None:
        wanted = replace(NOTING, order_free=True)
        replicas = [echo_database(database.url) for _ in range(3)]
        async with AsyncExitStack() as stack:
            for replica in replicas:
                await stack.enter_async_context(running(replica, bus.transport(), (wanted,)))
            for _ in range(5):
                await record.emit(40)
                bus.proxy.reset()
            await record.holds()
        for replica in replicas:
            await replica.close()


class TestLocal(SideBySide):
    kind = "local"

    @pytest_asyncio.fixture(loop_scope="session")
    async def bus(self, empty_database_url: str) -> AsyncIterator[Bus]:
        async with local_bus(empty_database_url) as made:
            yield made


class TestRabbit(SideBySide):
    kind = "rabbit"
    heartbeat = "?heartbeat=1"

    @pytest_asyncio.fixture(loop_scope="session")
    async def bus(self, rabbit_url: str) -> AsyncIterator[Bus]:
        async with rabbit_bus(rabbit_url) as made:
            yield made
