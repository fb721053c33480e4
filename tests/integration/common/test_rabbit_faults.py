"""What a real RabbitMQ does to us, and what we made it keep."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aio_pika
import pytest
import pytest_asyncio
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from structlog.testing import capture_logs

from careline_common.clock import SystemClock
from careline_common.events.router import CallEnded
from careline_common.messaging import rabbit, rabbit_topology
from careline_common.messaging.rabbit import RabbitTransport
from careline_common.messaging.transport import OutgoingMessage, TransportUnavailableError
from careline_common.testing.messaging import (
    DELAYS_S,
    Bus,
    Ear,
    arrived,
    one_by_one,
    outgoing,
    rabbit_bus,
    subscription,
)
from careline_common.testing.rabbit import RabbitServer
from careline_common.testing.waiting import eventually

pytestmark = pytest.mark.integration


@pytest_asyncio.fixture(loop_scope="session")
async def bus(rabbit_url: str) -> AsyncIterator[Bus]:
    async with rabbit_bus(rabbit_url) as made:
        yield made


@asynccontextmanager
async def beside(url: str) -> AsyncIterator[AbstractChannel]:
    """A channel that is not ours, to look and to break things with."""
    connection = await aio_pika.connect(url)
    try:
        yield await connection.channel()
    finally:
        await connection.close()


async def test_a_node_that_is_killed_and_comes_back_loses_nothing_that_was_confirmed(
    mortal_rabbit: RabbitServer, mortal_rabbit_url: str
) -> None:
    consuming = RabbitTransport(mortal_rabbit_url, clock=SystemClock(), delays_s=DELAYS_S)
    publishing = RabbitTransport(mortal_rabbit_url, clock=SystemClock(), delays_s=DELAYS_S)
    ear, confirmed, away = Ear(), set[str](), 0
    bus = Bus(lambda: consuming)
    async with bus.consuming(consuming, subscription(), ear):
        restart: asyncio.Task[None] | None = None
        number = 0
        while len(confirmed) < 400:
            number += 1
            (verdict,) = await publishing.publish([outgoing(arrived(number))])
            if verdict is None:
                confirmed.add(f"event-{number}")
            else:
                assert isinstance(verdict, TransportUnavailableError)
                away += 1
            if number == 200:
                await mortal_rabbit.kill()
                restart = asyncio.create_task(mortal_rabbit.start())
        assert restart is not None
        await restart
        await eventually(lambda: confirmed <= set(ear.handled), within_s=30)
    assert away > 0
    await publishing.close()
    await consuming.close()


async def test_a_consumer_whose_queue_is_deleted_declares_it_anew(bus: Bus) -> None:
    ear, transport = Ear(), bus.transport()
    async with bus.consuming(transport, subscription(), ear):
        async with beside(bus.url) as channel:
            await channel.queue_delete("careline.tests.calls")
        await eventually(lambda: not transport.consuming("tests.calls"))
        await eventually(lambda: transport.consuming("tests.calls"))
        await bus.publish(arrived())
        await eventually(lambda: ear.handled)


async def test_a_delay_queue_that_is_deleted_loses_no_message(bus: Bus) -> None:
    ear = Ear(fail=lambda m: ValueError() if len(ear.messages) == 1 else None)
    async with bus.consuming(bus.transport(), subscription(), ear):
        async with beside(bus.url) as channel:
            await channel.queue_delete("careline.tests.calls.retry.0.05s")
        await bus.publish(arrived())
        await eventually(lambda: ear.handled)


async def test_an_exchange_that_is_deleted_is_declared_anew(bus: Bus) -> None:
    transport = bus.transport()
    await transport.open()
    async with beside(bus.url) as channel:
        await channel.exchange_delete(rabbit_topology.EXCHANGE)

    async def published() -> bool:
        return list(await transport.publish([outgoing(arrived())])) == [None]

    await eventually(published)


async def test_a_black_hole_fails_the_publisher_and_ends_well(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rabbit, "CONFIRM_TIMEOUT_S", 0.3)
    ear, transport = Ear(), bus.transport()
    async with bus.consuming(bus.transport(), subscription(), ear):
        await transport.open()
        bus.proxy.swallow()
        (verdict,) = await transport.publish([outgoing(arrived(1))])
        assert isinstance(verdict, TransportUnavailableError)
        bus.proxy.pass_on()

        async def published() -> bool:
            return list(await transport.publish([outgoing(arrived(2))])) == [None]

        await eventually(published)
        await eventually(lambda: "event-2" in ear.handled)


async def test_a_message_that_kills_its_consumer_again_and_again_is_parked_by_the_broker(
    bus: Bus,
) -> None:
    async def die(message: AbstractIncomingMessage) -> None:
        await message.reject(requeue=True)

    await bus.known(subscription())
    await bus.publish(arrived())
    async with beside(bus.url) as channel:
        queue = await channel.get_queue("careline.tests.calls")
        await queue.consume(die)
        transport = bus.transport()
        (parked,) = await eventually(lambda: transport.parked("tests.calls"))
    assert parked.event_id == "event-1"
    assert parked.type == "careline.call.arrived.v1"
    assert parked.reason == "killed its consumer too often"
    assert parked.parked_at is not None


async def test_a_message_that_waited_too_long_is_parked_by_the_broker(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rabbit_topology, "QUEUE_TTL_S", 0.2)
    await bus.known(subscription())
    await bus.publish(arrived())
    transport = bus.transport()
    (parked,) = await eventually(lambda: transport.parked("tests.calls"))
    assert parked.reason == "not handled in time"


async def test_new_consumers_that_start_at_once_leave_nothing_behind_that_waited(bus: Bus) -> None:
    await bus.publish(*(arrived(number) for number in range(1, 51)))
    first, second, other = Ear(), Ear(), Ear()
    async with (
        bus.consuming(bus.transport(), subscription("tests.other", CallEnded), other),
        bus.consuming(bus.transport(), subscription("tests.calls"), first),
        bus.consuming(bus.transport(), subscription("tests.late"), second),
    ):
        await eventually(lambda: len(first.handled) + len(second.handled) >= 50)
    assert not other.messages
    assert {f"event-{number}" for number in range(1, 51)} == {*first.handled, *second.handled}


async def test_a_new_consumer_finds_its_own_among_thousands_that_nobody_wants(bus: Bus) -> None:
    """The broker hands out 2000 of a quorum queue at a time when no limit is set."""
    publishing = bus.transport()
    unwanted = [
        OutgoingMessage(event_id=f"unwanted-{n}", type=CallEnded.TYPE, subject="s", body=b"{}")
        for n in range(2500)
    ]
    for first in range(0, len(unwanted), 500):
        verdicts = await publishing.publish(unwanted[first : first + 500])
        assert set(verdicts) == {None}
    await bus.publish(arrived(1))
    ear, transport = Ear(), bus.transport()
    async with bus.consuming(transport, subscription(), ear):
        await eventually(lambda: ear.handled == ["event-1"])
    async with beside(bus.url) as channel:

        async def all_kept() -> bool:
            kept = await channel.get_queue(rabbit_topology.UNROUTED)
            return kept.declaration_result.message_count == len(unwanted)

        await eventually(all_kept, what="what nobody wants to wait for somebody else")


async def test_a_new_consumer_waits_for_another_that_has_the_unrouted_in_hand(bus: Bus) -> None:
    await bus.publish(arrived(1))
    ear, transport = Ear(), bus.transport()
    with capture_logs() as logs:
        async with beside(bus.url) as channel:
            await channel.declare_queue(rabbit_topology.TURN, exclusive=True)
            starting = asyncio.create_task(transport.consume(subscription(), one_by_one(ear)))
            await eventually(lambda: [e for e in logs if e["event"] == "consumer.waits_for_broker"])
        await eventually(lambda: ear.handled == ["event-1"])
    starting.cancel()
    await asyncio.gather(starting, return_exceptions=True)


async def test_messages_are_persistent_typed_and_named_for_those_who_look_at_the_queue(
    bus: Bus,
) -> None:
    await bus.known(subscription())
    await bus.publish(arrived())
    async with beside(bus.url) as channel:
        queue = await channel.get_queue("careline.tests.calls")
        came: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()
        await queue.consume(came.put)
        message = await asyncio.wait_for(came.get(), 10)
        assert message.message_id == "event-1"
        assert message.type == message.routing_key == "careline.call.arrived.v1"
        assert message.content_type == "application/cloudevents+json"
        assert message.delivery_mode == aio_pika.DeliveryMode.PERSISTENT
        assert not message.headers
        await message.ack()
