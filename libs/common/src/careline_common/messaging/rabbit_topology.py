"""Exchanges and queues on RabbitMQ. All are durable, all queues are quorum queues.

`careline.events` (topic) → `careline.<consumer>`, one queue a consumer; what is too old or killed
its consumer too often dead-letters to `careline.<consumer>.parked`. A message that failed waits in
`careline.<consumer>.retry.<delay>` and comes back through the default exchange, to this consumer
alone. What no queue takes goes by the alternate exchange to `careline.unrouted` (docs/adr/0008).
"""

from collections.abc import Sequence
from typing import Any

from aio_pika import ExchangeType
from aio_pika.abc import AbstractChannel, AbstractExchange, AbstractQueue

from careline_common.events.registry import CATALOGUE
from careline_common.messaging.subscription import Subscription
from careline_common.messaging.transport import PARKED_TTL_S, QUEUE_TTL_S, UNROUTED_TTL_S

EXCHANGE = "careline.events"
UNROUTED = "careline.unrouted"
TURN = "careline.unrouted.turn"
"""A queue that only one connection can have: who has it may look through the unrouted."""

DELIVERY_LIMIT = 20
"""A message that was under way so often when its consumer died is parked by the broker."""

UNLIMITED = 1_000_000
UNROUTED_LENGTH = 60_000
"""Less than a prefetch can say: whoever looks for his own takes all of them in hand at once."""


def queue_name(consumer: str) -> str:
    return f"careline.{consumer}"


def retry_name(consumer: str, delay_s: float) -> str:
    return f"careline.{consumer}.retry.{delay_s:g}s"


def parked_name(consumer: str) -> str:
    return f"careline.{consumer}.parked"


async def declare_exchange(channel: AbstractChannel) -> AbstractExchange:
    """The exchange of all events, and where it puts what nobody wants."""
    unrouted = await channel.declare_exchange(UNROUTED, ExchangeType.FANOUT, durable=True)
    queue = await _quorum(
        channel,
        UNROUTED,
        ttl_s=UNROUTED_TTL_S,
        delivery_limit=UNLIMITED,
        **{"x-max-length": UNROUTED_LENGTH, "x-overflow": "drop-head"},
    )
    await queue.bind(unrouted)
    return await channel.declare_exchange(
        EXCHANGE, ExchangeType.TOPIC, durable=True, arguments={"alternate-exchange": UNROUTED}
    )


async def declare_consumer(
    channel: AbstractChannel, subscription: Subscription, delays_s: Sequence[float]
) -> AbstractQueue:
    """The consumer's queue, its ladder and its parking place; says the queue."""
    name = subscription.name
    parked = parked_name(name)
    await _quorum(channel, parked, ttl_s=PARKED_TTL_S, delivery_limit=UNLIMITED)
    queue = await _quorum(
        channel,
        queue_name(name),
        ttl_s=QUEUE_TTL_S,
        delivery_limit=DELIVERY_LIMIT,
        **_dead_letters_to(parked),
        **({} if subscription.order_free else {"x-single-active-consumer": True}),
    )
    for delay_s in delays_s:
        await _quorum(
            channel,
            retry_name(name, delay_s),
            ttl_s=delay_s,
            delivery_limit=UNLIMITED,
            **_dead_letters_to(queue.name),
        )
    for event_type in CATALOGUE:
        if event_type in subscription.types:
            await queue.bind(EXCHANGE, event_type)
        else:
            await queue.unbind(EXCHANGE, event_type)
    return queue


def _dead_letters_to(queue: str) -> dict[str, Any]:
    return {
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": queue,
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }


async def _quorum(
    channel: AbstractChannel, name: str, *, ttl_s: float, delivery_limit: int, **arguments: Any
) -> AbstractQueue:
    return await channel.declare_queue(
        name,
        durable=True,
        arguments={
            "x-queue-type": "quorum",
            "x-message-ttl": round(ttl_s * 1000),
            "x-delivery-limit": delivery_limit,
            **arguments,
        },
    )
