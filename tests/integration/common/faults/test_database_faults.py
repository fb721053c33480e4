"""The same for the standalone, whose bus is the database: service, outbox and deliveries lose it at once."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from bus_record import Record
from proofs import proving

from careline_common.db.engine import Database, is_unavailable
from careline_common.messaging.local import LocalTransport
from careline_common.postgres import PostgresLauncher
from careline_common.testing.echo import DELAYS_S, NOTING, create_echo, echo_database, running
from careline_common.testing.proxy import Proxy, proxied
from careline_common.testing.waiting import eventually

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


@asynccontextmanager
async def service(url: str) -> AsyncIterator[Proxy]:
    """A service that has everything through one proxy."""
    async with proxied(url) as (through, proxy):
        database, transport = echo_database(through), LocalTransport(through, delays_s=DELAYS_S)
        async with running(database, transport):
            await eventually(lambda: transport.consuming(NOTING.name))
            yield proxy
        await transport.close()
        await database.close()


async def test_resets_in_the_middle_of_everything(empty_database_url: str, record: Record) -> None:
    async with service(empty_database_url) as proxy:
        for _ in range(5):
            await record.emit(20)
            proxy.reset()
        await record.holds()


async def test_commits_whose_answers_never_arrive(empty_database_url: str, record: Record) -> None:
    async with service(empty_database_url) as proxy:
        await record.emit(20)
        proxy.swallow_answers()
        await record.emit(20)
        await asyncio.sleep(0.3)  # so that some of it is under way; the proof does not rest on it
        proxy.reset()
        proxy.pass_on()
        await record.holds()


async def test_a_black_hole_is_left_by_new_connections(
    empty_database_url: str, record: Record
) -> None:
    """The old connections hold locks that nobody gives back, until the server notices their silence."""
    async with service(empty_database_url) as proxy:
        await record.emit(10)
        await record.handled()
        proxy.strand()
        await record.emit(10)
        await record.holds()


async def test_what_is_committed_while_the_service_is_cut_off_is_handled_afterwards(
    empty_database_url: str, record: Record
) -> None:
    async with service(empty_database_url) as proxy:
        await record.emit(10)
        await proxy.cut()
        await record.emit(50)
        await proxy.open()
        await record.holds()


@pytest.mark.parametrize("end", [signal.SIGKILL, *([signal.SIGINT] if proving() else [])])
async def test_the_database_is_restarted_under_load(tmp_path: Path, end: signal.Signals) -> None:
    launcher = PostgresLauncher(tmp_path)  # durable: what it said was committed has to be there
    async with launcher.running() as url:
        database = echo_database(url)
        await create_echo(database)
        record = Record(database)
        async with service(url):
            await record.emit(200)
            assert launcher.pid is not None
            before = launcher.pid
            os.kill(before, end)
            await eventually(lambda: launcher.pid != before)
            await eventually(lambda: _back(database))
            await record.emit(20)
            await record.holds()
        await database.close()


async def _back(database: Database) -> bool:
    try:
        await database.ping()
    except Exception as error:
        if not is_unavailable(error):
            raise
        return False
    return True
