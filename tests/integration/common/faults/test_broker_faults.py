"""What networks and brokers do, to the publishing and to the consuming side: every event has its effect
once, and none is lost."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import aio_pika
import pytest
from bus_record import Record
from prometheus_client import CollectorRegistry
from proofs import proving
from structlog.testing import capture_logs

from careline_common.clock import SystemClock
from careline_common.db.engine import Database
from careline_common.messaging.consumer import Consumer
from careline_common.messaging.metrics import MessagingMetrics
from careline_common.messaging.rabbit import RabbitTransport
from careline_common.messaging.rabbit_topology import queue_name
from careline_common.messaging.relay import Relay
from careline_common.testing.echo import DELAYS_S, NOTING
from careline_common.testing.proxy import Proxy, proxied
from careline_common.testing.rabbit import RabbitServer
from careline_common.testing.waiting import eventually

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

HEARTBEAT = "?heartbeat=1"
DIRECTORY_SAVED_S = 1.0
"""RabbitMQ 3.10 saves its directory of quorum queues every 0.5 s (see test_private_rabbit)."""


@dataclass
class Sides:
    """A service whose relay and whose consumer reach the broker by ways of their own."""

    publisher: Proxy
    consumer: Proxy
    consuming: RabbitTransport

    def proxy(self, side: str) -> Proxy:
        return self.publisher if side == "publisher" else self.consumer

    def hears(self) -> bool:
        return self.consuming.consuming(NOTING.name)


@asynccontextmanager
async def two_sides(database: Database, rabbit_url: str) -> AsyncIterator[Sides]:
    async with AsyncExitStack() as stack:
        out_url, publisher = await stack.enter_async_context(proxied(rabbit_url))
        in_url, consumer = await stack.enter_async_context(proxied(rabbit_url))
        clock = SystemClock()
        publishing, consuming = (
            RabbitTransport(url + HEARTBEAT, clock=clock, delays_s=DELAYS_S)
            for url in (out_url, in_url)
        )
        metrics = MessagingMetrics(CollectorRegistry(), service=database.schema)
        handle = Consumer(database, NOTING, clock=clock, metrics=metrics)
        tasks = [
            asyncio.create_task(consuming.consume(NOTING, handle)),
            asyncio.create_task(Relay(database, publishing, clock=clock, metrics=metrics).run()),
        ]
        sides = Sides(publisher, consumer, consuming)
        try:
            await eventually(sides.hears)
            yield sides
        finally:
            assert not [task for task in tasks if task.done()], "a task of the service has ended"
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await publishing.close()
            await consuming.close()


@pytest.mark.parametrize("side", ["publisher", "consumer"])
async def test_resets_in_the_middle_of_everything(
    database: Database, rabbit_url: str, record: Record, side: str
) -> None:
    async with two_sides(database, rabbit_url) as sides:
        for _ in range(5):
            await record.emit(20)
            sides.proxy(side).reset()
        await record.holds()


@pytest.mark.parametrize("side", ["publisher", "consumer"])
async def test_confirms_and_acknowledgements_that_never_arrive(
    database: Database, rabbit_url: str, record: Record, side: str
) -> None:
    """The broker has heard everything; whoever asked does not know, and asks again."""
    async with two_sides(database, rabbit_url) as sides:
        await record.emit(20)
        sides.proxy(side).swallow_answers()
        await record.emit(20)
        await asyncio.sleep(0.3)  # so that some of it is under way; the proof does not rest on it
        sides.proxy(side).reset()
        sides.proxy(side).pass_on()
        await record.holds()


async def test_a_black_hole_before_the_publisher_is_noticed_by_the_confirms(
    database: Database, rabbit_url: str, record: Record
) -> None:
    async with two_sides(database, rabbit_url) as sides:
        await record.emit(10)
        await record.handled()
        sides.publisher.swallow()
        with capture_logs() as logs:
            await record.emit(10)
            await eventually(lambda: [e for e in logs if e["event"] == "relay.waits_for_broker"])
        sides.publisher.pass_on()
        await record.holds()


async def test_a_black_hole_before_the_consumer_is_noticed_by_the_heartbeat(
    database: Database, rabbit_url: str, record: Record
) -> None:
    async with two_sides(database, rabbit_url) as sides:
        await record.emit(10)
        await record.handled()
        sides.consumer.swallow()
        await record.emit(10)
        await eventually(lambda: not sides.hears(), what="the consumer to notice")
        sides.consumer.pass_on()
        await record.holds()


async def test_what_is_committed_while_the_broker_is_down_goes_out_when_it_is_back(
    database: Database, rabbit_url: str, record: Record
) -> None:
    async with two_sides(database, rabbit_url) as sides:
        await record.emit(10)
        await asyncio.gather(sides.publisher.cut(), sides.consumer.cut())
        await record.emit(50)
        await asyncio.gather(sides.publisher.open(), sides.consumer.open())
        await record.holds()


@pytest.mark.parametrize("end", ["kill", *(["stop"] if proving() else [])])
async def test_the_broker_is_restarted_under_load(
    database: Database,
    mortal_rabbit: RabbitServer,
    mortal_rabbit_url: str,
    record: Record,
    end: str,
) -> None:
    async with two_sides(database, mortal_rabbit_url):
        await record.emit(20)
        await asyncio.sleep(DIRECTORY_SAVED_S)
        emitting = asyncio.create_task(record.emit(200))
        await eventually(lambda: len(record.emitted) > 80)
        await (mortal_rabbit.stop() if end == "stop" else mortal_rabbit.kill())
        await emitting
        await mortal_rabbit.start()
        await record.holds()


async def test_a_queue_that_is_deleted_under_its_consumer_loses_nothing_that_comes_after(
    database: Database, rabbit_url: str, record: Record
) -> None:
    """Until the queue is there again events have no queue; they wait among the unrouted."""
    async with (
        two_sides(database, rabbit_url) as sides,
        await aio_pika.connect(rabbit_url) as connection,
    ):
        await record.emit(10)
        await record.handled()
        channel = await connection.channel()
        await sides.consumer.cut()  # a slow consumer: everything is published before it is back
        await channel.queue_delete(queue_name(NOTING.name))
        await record.emit(20)
        await eventually(record.all_marked)
        await sides.consumer.open()
        await record.holds()


async def test_a_broker_without_memory_stops_publishers_and_not_consumers(
    database: Database, rabbit_server: RabbitServer, rabbit_url: str, record: Record
) -> None:
    async with two_sides(database, rabbit_url) as sides:
        await sides.consumer.cut()
        await record.emit(20)
        await eventually(record.all_marked)
        async with rabbit_server.short_of_memory():
            with capture_logs() as logs:
                late = asyncio.create_task(record.emit(10))
                await eventually(
                    lambda: [e for e in logs if e["event"] == "relay.waits_for_broker"]
                )
            await late
            early = set(record.emitted[:20])
            await sides.consumer.open()
            await eventually(lambda: record.have_effects(early))
        await record.holds()
