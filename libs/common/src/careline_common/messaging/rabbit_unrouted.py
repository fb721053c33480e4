"""Gives a consumer that starts for the first time what was published before it had a queue."""

import asyncio
from collections.abc import Awaitable, Callable

from aio_pika import Message
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

from careline_common.messaging.rabbit_message import moved
from careline_common.messaging.rabbit_topology import UNROUTED, queue_name
from careline_common.messaging.subscription import Subscription

LONGEST_S = 30.0
MOST = 65_535
"""The highest prefetch of AMQP; without one the broker gives 2000 of a quorum queue and waits.
`UNROUTED_LENGTH` must lie below."""
LOOK_S = 0.05

Move = Callable[[Message, str], Awaitable[None]]


async def adopt_unrouted(channel: AbstractChannel, subscription: Subscription, move: Move) -> None:
    """Moves the subscription's events from `careline.unrouted` to its queue, which is bound already.

    Takes the whole queue at once and lets go of what is not its own by closing the channel; nobody
    else may do so meanwhile. A crash in between leaves duplicates at worst.
    """
    queue = await channel.get_queue(UNROUTED)
    expected = queue.declaration_result.message_count or 0
    taken = 0
    arrived: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()
    await channel.set_qos(prefetch_count=MOST)
    await queue.consume(arrived.put)
    async with asyncio.timeout(LONGEST_S):
        while True:
            await asyncio.sleep(LOOK_S)
            while not arrived.empty():
                message = arrived.get_nowait()
                taken += 1
                if message.type in subscription.types:
                    await move(moved(message), queue_name(subscription.name))
                    await message.ack()
            queue = await channel.get_queue(UNROUTED)
            left = queue.declaration_result.message_count
            if taken >= expected and not left and arrived.empty():  # handed out is not arrived yet
                return
