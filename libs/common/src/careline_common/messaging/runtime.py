"""Puts relay, consumers and their watch together for a service's background."""

from collections.abc import Awaitable, Callable, Sequence

from prometheus_client import CollectorRegistry

from careline_common.clock import Clock
from careline_common.db.engine import Database
from careline_common.http.health import Readiness
from careline_common.messaging.consumer import Consumer
from careline_common.messaging.metrics import MessagingMetrics
from careline_common.messaging.relay import Relay
from careline_common.messaging.subscription import Subscription
from careline_common.messaging.transport import Transport
from careline_common.messaging.watch import Watch

Task = Callable[[], Awaitable[None]]


def messaging_tasks(
    *,
    database: Database,
    transport: Transport,
    subscriptions: Sequence[Subscription],
    clock: Clock,
    readiness: Readiness,
    registry: CollectorRegistry,
) -> list[tuple[str, Task]]:
    """The background tasks by which a service sends and hears events.

    Adds the need `broker` to `readiness`; it is met while the transport is there and every
    subscription is being consumed. The transport is opened in the service's `start` or by
    whoever made it; the tasks find a broker again that went away.
    """
    metrics = MessagingMetrics(registry, service=database.schema)
    relay = Relay(database, transport, clock=clock, metrics=metrics)
    watch = Watch(
        database,
        transport,
        [subscription.name for subscription in subscriptions],
        clock=clock,
        readiness=readiness,
        metrics=metrics,
    )
    readiness.need("broker")
    tasks: list[tuple[str, Task]] = [("relay", relay.run), ("watch", watch.run)]
    for subscription in subscriptions:
        consumer = Consumer(database, subscription, clock=clock, metrics=metrics)
        tasks.append(
            (f"consumer {subscription.name}", _consuming(transport, subscription, consumer))
        )
    return tasks


def _consuming(transport: Transport, subscription: Subscription, consumer: Consumer) -> Task:
    async def consume() -> None:
        await transport.consume(subscription, consumer)

    return consume
