"""The private RabbitMQ: tests get virtual hosts of their own, and may kill and restart the node."""

import asyncio
import time

import aio_pika
import pytest

from careline_common.testing.rabbit import RabbitServer

DIRECTORY_SAVED_S = 1.0
"""RabbitMQ saves its directory of quorum queues every 0.5 s: a queue declared in the moment before
the power fails is known and dead after it (seen with 3.10)."""

pytestmark = pytest.mark.integration


async def put(url: str, body: bytes) -> None:
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel(publisher_confirms=True)
        await channel.declare_queue("kept", durable=True, arguments={"x-queue-type": "quorum"})
        message = aio_pika.Message(body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
        await channel.default_exchange.publish(message, "kept")


async def take(url: str) -> bytes:
    async with await aio_pika.connect(url) as connection:
        queue = await (await connection.channel()).declare_queue("kept", passive=True)
        deadline = time.monotonic() + 20
        while True:
            message = await queue.get(fail=False)
            if message is not None:
                await message.ack()
                return message.body
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)


async def test_two_tests_do_not_see_each_others_queues(
    rabbit_server: RabbitServer, rabbit_url: str
) -> None:
    await put(rabbit_url, b"mine")
    other = await rabbit_server.create_vhost()
    with pytest.raises(aio_pika.exceptions.ChannelNotFoundEntity):
        await take(rabbit_server.url(other))
    await rabbit_server.delete_vhost(other)


@pytest.mark.parametrize("end", ["stop", "kill"])
async def test_confirmed_messages_outlive_the_node(
    mortal_rabbit: RabbitServer, mortal_rabbit_url: str, end: str
) -> None:
    await put(mortal_rabbit_url, b"kept")
    await asyncio.sleep(DIRECTORY_SAVED_S)
    await (mortal_rabbit.stop() if end == "stop" else mortal_rabbit.kill())
    with pytest.raises(aio_pika.exceptions.AMQPConnectionError):
        await take(mortal_rabbit_url)
    await mortal_rabbit.start()
    assert await take(mortal_rabbit_url) == b"kept"
