"""The peer: a bare aio-pika publisher and consumer, as good as one can write them.

Confirms are on, messages are persistent, the queue is a quorum queue, each message is acknowledged
by hand. It validates nothing, keeps nothing and knows of no repeat.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from time import perf_counter

import aio_pika
from aio_pika.abc import AbstractExchange, AbstractIncomingMessage

from careline_common.messaging.rabbit import PREFETCH
from careline_common.messaging.relay import BATCH

QUEUE = "careline-bench.peer"
WINDOW = BATCH
"""As many unconfirmed messages as our relay has."""


class Peer:
    """One publisher and one consumer, on a connection each."""

    def __init__(self, exchange: AbstractExchange) -> None:
        self._exchange = exchange
        self._wanted = 0
        self._got = 0
        self._all = asyncio.Event()
        self._sent_at: dict[str, float] = {}
        self.latencies_s: list[float] = []

    async def throughput(self, bodies: list[bytes], *, window: int = WINDOW) -> float:
        """Events/s from the first publish to the last acknowledgement, `window` unconfirmed at most."""
        self._expect(len(bodies))
        began = perf_counter()
        left = iter(bodies)  # shared: whoever is free takes the next
        await asyncio.gather(*(self._publish_all(left) for _ in range(window)))
        await self._all.wait()
        return len(bodies) / (perf_counter() - began)

    async def latency(self, bodies: list[bytes], *, rate: float) -> list[float]:
        """Seconds from each publish to its acknowledgement, at a steady rate."""
        self._expect(len(bodies))
        self.latencies_s = []
        began = perf_counter()
        async with asyncio.TaskGroup() as tasks:
            for number, body in enumerate(bodies):
                await asyncio.sleep(began + number / rate - perf_counter())
                message_id = str(number)
                self._sent_at[message_id] = perf_counter()
                tasks.create_task(self._publish(body, message_id))
        await self._all.wait()
        return self.latencies_s

    def _expect(self, count: int) -> None:
        self._wanted, self._got = count, 0
        self._all.clear()

    async def _publish_all(self, bodies: Iterator[bytes]) -> None:
        for body in bodies:
            await self._publish(body, None)

    async def _publish(self, body: bytes, message_id: str | None) -> None:
        message = aio_pika.Message(
            body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT, message_id=message_id
        )
        await self._exchange.publish(message, QUEUE)

    async def heard(self, message: AbstractIncomingMessage) -> None:
        await message.ack()
        self._got += 1
        sent_at = self._sent_at.pop(message.message_id or "", None)
        if sent_at is not None:
            self.latencies_s.append(perf_counter() - sent_at)
        if self._got == self._wanted:
            self._all.set()


@asynccontextmanager
async def peer(rabbit_url: str) -> AsyncIterator[Peer]:
    """A connected peer; its queue is deleted at the end."""
    async with (
        await aio_pika.connect(rabbit_url) as publishing,
        await aio_pika.connect(rabbit_url) as consuming,
    ):
        out = await publishing.channel(publisher_confirms=True, on_return_raises=True)
        inward = await consuming.channel()
        await inward.set_qos(prefetch_count=PREFETCH)
        queue = await inward.declare_queue(
            QUEUE, durable=True, arguments={"x-queue-type": "quorum"}
        )
        made = Peer(out.default_exchange)
        tag = await queue.consume(made.heard)
        try:
            yield made
        finally:
            await queue.cancel(tag)
            await queue.delete(if_unused=False, if_empty=False)
