"""Gives a consumer that starts for the first time what was published before it had a queue."""

import asyncio
from collections.abc import Awaitable, Callable

from aio_pika import Message
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

from careline_common.messaging.rabbit_message import moved
from careline_common.messaging.rabbit_topology import UNROUTED, queue_name
from careline_common.messaging.subscription import Subscription

LONGEST_S = 30.0
LOOK_S = 0.05

Move = Callable[[Message, str], Awaitable[None]]


async def adopt_unrouted(channel: AbstractChannel, subscription: Subscription, move: Move) -> None:
    """Moves the subscription's events from `careline.unrouted` to its queue, which is bound already.

    Takes the whole queue at once, alone (the broker refuses a second one, who comes back later),
    and lets go of what is not its own by closing the channel. A crash in between leaves duplicates
    at worst.
    """
    queue = await channel.get_queue(UNROUTED)
    if not queue.declaration_result.message_count:
        return
    arrived: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()
    await queue.consume(arrived.put, exclusive=True)
    async with asyncio.timeout(LONGEST_S):
        while True:
            while not arrived.empty():
                message = arrived.get_nowait()
                if message.type in subscription.types:
                    await move(moved(message), queue_name(subscription.name))
                    await message.ack()
            queue = await channel.get_queue(UNROUTED)
            if not queue.declaration_result.message_count and arrived.empty():
                return
            await asyncio.sleep(LOOK_S)
