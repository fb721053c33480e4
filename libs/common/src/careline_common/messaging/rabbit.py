"""Events over RabbitMQ. Publishing and consuming have a connection each: a broker that is short of
memory stops publishers, and must not stop acknowledgements with them."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import structlog
from aio_pika import Message
from aio_pika.abc import AbstractChannel, AbstractExchange, AbstractIncomingMessage
from aio_pika.exceptions import ChannelNotFoundEntity, DeliveryError

from careline_common.clock import Clock
from careline_common.messaging import rabbit_message as wire
from careline_common.messaging import rabbit_topology as topology
from careline_common.messaging.rabbit_link import LOST, Link
from careline_common.messaging.rabbit_unrouted import adopt_unrouted
from careline_common.messaging.retry import Again, Done, Outcome, Park, deliver, describe, waiting
from careline_common.messaging.subscription import Subscription
from careline_common.messaging.transport import (
    BATCH,
    RETRY_DELAYS_S,
    Depth,
    Handler,
    OutgoingMessage,
    ParkedMessage,
    TransportUnavailableError,
)

log = structlog.get_logger(__name__)

CONFIRM_TIMEOUT_S = 10
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0
PREFETCH = 2 * BATCH
PUT_BACK_S = 2.0
LOOK_S = 0.02
AT_ONCE = 4
"""So many batches of an order-free consumer are handled at a time."""


class RabbitTransport:
    """The transport of services that run by themselves."""

    def __init__(
        self, url: str, *, clock: Clock, delays_s: Sequence[float] = RETRY_DELAYS_S
    ) -> None:
        self._clock = clock
        self._delays_s = delays_s
        self._out = Link(url, purpose="careline publishing")
        self._in = Link(url, purpose="careline consuming")
        self._publisher: tuple[AbstractChannel, AbstractExchange] | None = None
        self._preparing = asyncio.Lock()
        self._consuming: set[str] = set()
        self._adopting = asyncio.Lock()
        self._adopted: set[str] = set()

    async def open(self) -> None:
        try:
            await self._prepared()
            await self._in.connection()
        except LOST as error:
            raise TransportUnavailableError(f"RabbitMQ: {type(error).__name__}: {error}") from error

    async def close(self) -> None:
        self._publisher = None
        await self._out.drop()
        await self._in.drop()

    # -- publishing ---------------------------------------------------------------------------

    async def publish(self, messages: Sequence[OutgoingMessage]) -> Sequence[Exception | None]:
        try:
            channel, exchange = await self._prepared()
        except LOST as error:
            return [TransportUnavailableError(describe(error))] * len(messages)
        verdicts = await asyncio.gather(
            *(_confirmed(exchange, wire.outgoing(message), message.type) for message in messages)
        )
        if any(verdicts):
            await self._forget_publisher(channel, verdicts)
        return verdicts

    async def _prepared(self) -> tuple[AbstractChannel, AbstractExchange]:
        """The publishing channel, with the exchange declared on it."""
        async with self._preparing:
            if self._publisher is None or self._publisher[0].is_closed:
                channel = await self._out.publishing_channel()
                self._publisher = channel, await topology.declare_exchange(channel)
            return self._publisher

    async def _forget_publisher(
        self, channel: AbstractChannel, verdicts: Sequence[Exception | None]
    ) -> None:
        """After a refusal everything is declared anew; after silence the connection is, too."""
        if self._publisher is not None and self._publisher[0] is channel:
            self._publisher = None
            if any(isinstance(verdict, TransportUnavailableError) for verdict in verdicts):
                await self._out.drop()

    async def _move(self, message: Message, queue: str) -> None:
        """Puts a copy straight into a queue; returns when it is safe there."""
        channel, _ = await self._prepared()
        verdict = await _confirmed(channel.default_exchange, message, queue)
        if verdict is not None:
            await self._forget_publisher(channel, [verdict])
            raise TransportUnavailableError(f"not moved to {queue}") from verdict

    # -- consuming ----------------------------------------------------------------------------

    async def consume(self, subscription: Subscription, handle: Handler) -> None:
        pause = FIRST_PAUSE_S
        clock = asyncio.get_running_loop().time
        while True:
            began = clock()
            reason = "channel closed or queue deleted"
            try:
                await self._consume(subscription, handle)
            except (*LOST, TransportUnavailableError) as error:
                reason = describe(error)
            log.warning("consumer.waits_for_broker", consumer=subscription.name, reason=reason)
            if clock() - began > LONGEST_PAUSE_S:
                pause = FIRST_PAUSE_S
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_S)

    async def _consume(self, subscription: Subscription, handle: Handler) -> None:
        """Consumes over one channel; returns when that is lost."""
        name = subscription.name
        if not await _exists(self._in, topology.queue_name(name)):
            self._adopted.discard(name)  # it was deleted: what came meanwhile was not routed
        async with self._in.channel() as channel:
            await topology.declare_exchange(channel)
            queue = await topology.declare_consumer(channel, subscription, self._delays_s)
            await self._adopt(subscription)
            await channel.set_qos(prefetch_count=PREFETCH)
            lost, turn = asyncio.Event(), asyncio.Lock()
            channel.close_callbacks.add(lambda *_: lost.set())
            underlay = await channel.get_underlay_channel()
            underlay.on_consumer_cancel_callbacks.add(lambda _: lost.set())
            arrived: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()
            await queue.consume(arrived.put)
            self._consuming.add(name)
            try:
                async with asyncio.TaskGroup() as tasks:
                    workers = [
                        tasks.create_task(self._work(subscription, arrived, handle, lost, turn))
                        for _ in range(AT_ONCE if subscription.order_free else 1)
                    ]
                    await lost.wait()
                    for worker in workers:
                        worker.cancel()
            finally:
                self._consuming.discard(name)

    async def _adopt(self, subscription: Subscription) -> None:
        """Once a process and queue: takes over what was published before there was the queue."""
        async with self._adopting:
            if subscription.name not in self._adopted:
                async with self._in.channel() as beside:
                    turn = await beside.declare_queue(topology.TURN, exclusive=True)
                    try:
                        async with self._in.channel() as channel:
                            await adopt_unrouted(channel, subscription, self._move)
                    finally:
                        await turn.delete(if_unused=False, if_empty=False)
                self._adopted.add(subscription.name)

    async def _work(
        self,
        subscription: Subscription,
        arrived: asyncio.Queue[AbstractIncomingMessage],
        handle: Handler,
        lost: asyncio.Event,
        turn: asyncio.Lock,
    ) -> None:
        while True:
            async with turn:  # or they would share out what is to be gathered
                batch = await waiting(arrived, subscription.gather_s)
            outcomes = await deliver(
                handle,
                [(message.body, wire.attempts(message) + 1) for message in batch],
                delays_s=self._delays_s,
            )
            try:
                await asyncio.gather(
                    *(
                        self._settle(subscription.name, message, outcome)
                        for message, outcome in zip(batch, outcomes, strict=True)
                    )
                )
            except (*LOST, TransportUnavailableError) as error:
                log.warning(
                    "consumer.not_settled", consumer=subscription.name, reason=describe(error)
                )
                lost.set()
                return

    async def _settle(
        self, consumer: str, message: AbstractIncomingMessage, outcome: Outcome
    ) -> None:
        """First the copy, then the acknowledgement: a crash between them makes a duplicate."""
        match outcome:
            case Done():
                pass
            case Again(delay_s=delay_s):
                await self._move(wire.again(message), topology.retry_name(consumer, delay_s))
            case Park(reason=reason):
                parked = wire.parked(message, reason, self._clock.now())
                await self._move(parked, topology.parked_name(consumer))
        await message.ack()

    def consuming(self, consumer: str) -> bool:
        return consumer in self._consuming

    # -- looking after it ---------------------------------------------------------------------

    async def depths(self, consumers: Sequence[str]) -> Mapping[str, Depth]:
        depths: dict[str, Depth] = {}
        async with self._looking() as channel:
            for consumer in consumers:
                parked = topology.parked_name(consumer)
                if not await _exists(self._in, parked):
                    continue
                waiting = [topology.retry_name(consumer, delay_s) for delay_s in self._delays_s]
                waiting.append(topology.queue_name(consumer))
                depths[consumer] = Depth(
                    waiting=sum([await _count(channel, name) for name in waiting]),
                    parked=await _count(channel, parked),
                )
        return depths

    async def parked(self, consumer: str, *, limit: int = 100) -> Sequence[ParkedMessage]:
        async with self._taken(consumer, limit) as messages:
            return [wire.shown(consumer, message) for message in messages]

    async def replay(self, consumer: str, event_id: str | None = None) -> int:
        async with self._taken(consumer) as messages:
            chosen = [each for each in messages if event_id in (None, each.message_id)]
            for message in chosen:
                await self._move(wire.moved(message), topology.queue_name(consumer))
                await message.ack()
        return len(chosen)

    async def drop(self, consumer: str, event_id: str | None = None) -> int:
        async with self._taken(consumer) as messages:
            chosen = [each for each in messages if event_id in (None, each.message_id)]
            for message in chosen:
                await message.ack()
        return len(chosen)

    @asynccontextmanager
    async def _taken(
        self, consumer: str, limit: int | None = None
    ) -> AsyncIterator[Sequence[AbstractIncomingMessage]]:
        """Takes parked messages in hand; those not acknowledged in the block are put back."""
        name = topology.parked_name(consumer)
        messages: list[AbstractIncomingMessage] = []
        async with self._looking() as channel:
            if await _exists(self._in, name):
                queue = await channel.get_queue(name)
                count = queue.declaration_result.message_count or 0
                for _ in range(count if limit is None else min(count, limit)):
                    message = await queue.get(fail=False)
                    if message is not None:
                        messages.append(message)
            yield messages
            left = [message for message in messages if not message.processed]
            for message in left:
                await message.reject(requeue=True)
            if left:
                await _back(channel, name, len(left))

    @asynccontextmanager
    async def _looking(self) -> AsyncIterator[AbstractChannel]:
        try:
            async with self._in.channel() as channel:
                yield channel
        except LOST as error:
            raise TransportUnavailableError(describe(error)) from error


async def _confirmed(
    exchange: AbstractExchange, message: Message, routing_key: str
) -> Exception | None:
    try:
        await exchange.publish(message, routing_key, mandatory=True, timeout=CONFIRM_TIMEOUT_S)
    except DeliveryError as error:
        return error
    except LOST as error:
        return TransportUnavailableError(describe(error))
    return None


async def _exists(link: Link, queue: str) -> bool:
    """Asked on a channel of its own, because the answer no closes the channel."""
    async with link.channel() as channel:
        try:
            await channel.get_queue(queue)
        except ChannelNotFoundEntity:
            return False
    return True


async def _count(channel: AbstractChannel, queue: str) -> int:
    declared = await channel.get_queue(queue)
    return declared.declaration_result.message_count or 0


async def _back(channel: AbstractChannel, queue: str, count: int) -> None:
    """Waits until messages that were put back can be taken again; the queue takes its time."""
    deadline = asyncio.get_running_loop().time() + PUT_BACK_S
    while await _count(channel, queue) < count:
        if asyncio.get_running_loop().time() > deadline:
            return
        await asyncio.sleep(LOOK_S)
