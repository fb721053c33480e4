"""The transport of unit tests: one process, nothing kept. It parks and retries like the real ones."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from careline_common.clock import Clock
from careline_common.messaging.retry import Again, Outcome, Park, deliver, waiting
from careline_common.messaging.subscription import Subscription
from careline_common.messaging.transport import (
    RETRY_DELAYS_S,
    Depth,
    Handler,
    OutgoingMessage,
    ParkedMessage,
)


@dataclass(slots=True)
class _Delivery:
    message: OutgoingMessage
    attempt: int = 1


class MemoryTransport:
    """Confirms at once; a consumer's queue exists from its first `consume` on."""

    def __init__(self, *, clock: Clock, delays_s: Sequence[float] = RETRY_DELAYS_S) -> None:
        self._clock = clock
        self._delays_s = delays_s
        self._types: dict[str, tuple[str, ...]] = {}
        self._queues: dict[str, asyncio.Queue[_Delivery]] = defaultdict(asyncio.Queue)
        self._later: dict[asyncio.TimerHandle, str] = {}
        self._parked: dict[str, list[tuple[_Delivery, ParkedMessage]]] = defaultdict(list)
        self._unrouted: list[OutgoingMessage] = []
        self._consuming: set[str] = set()

    async def open(self) -> None:
        """There is nothing to connect to."""

    async def publish(self, messages: Sequence[OutgoingMessage]) -> Sequence[Exception | None]:
        for message in messages:
            self._route(message)
        return [None] * len(messages)

    def _route(self, message: OutgoingMessage) -> None:
        consumers = [name for name, types in self._types.items() if message.type in types]
        for consumer in consumers:
            self._queues[consumer].put_nowait(_Delivery(message))
        if not consumers:
            self._unrouted.append(message)

    async def consume(self, subscription: Subscription, handle: Handler) -> None:
        self._subscribe(subscription)
        queue = self._queues[subscription.name]
        self._consuming.add(subscription.name)
        try:
            while True:
                batch = await waiting(queue, subscription.gather_s)
                outcomes = await deliver(
                    handle,
                    [(delivery.message.body, delivery.attempt) for delivery in batch],
                    delays_s=self._delays_s,
                )
                for delivery, outcome in zip(batch, outcomes, strict=True):
                    self._settle(subscription.name, delivery, outcome)
        finally:
            self._consuming.discard(subscription.name)

    def _subscribe(self, subscription: Subscription) -> None:
        self._types[subscription.name] = subscription.types
        waiting, self._unrouted = self._unrouted, []
        for message in waiting:
            self._route(message)

    def _settle(self, consumer: str, delivery: _Delivery, outcome: Outcome) -> None:
        match outcome:
            case Again(delay_s=delay_s):
                delivery.attempt += 1
                self._put_later(consumer, delivery, delay_s)
            case Park(reason=reason):
                self._park(consumer, delivery, reason)

    def _put_later(self, consumer: str, delivery: _Delivery, delay_s: float) -> None:
        def put() -> None:
            del self._later[timer]
            self._queues[consumer].put_nowait(delivery)

        timer = asyncio.get_running_loop().call_later(delay_s, put)
        self._later[timer] = consumer

    def _park(self, consumer: str, delivery: _Delivery, reason: str) -> None:
        shown = ParkedMessage(
            consumer=consumer,
            event_id=delivery.message.event_id,
            type=delivery.message.type,
            reason=reason,
            attempts=delivery.attempt,
            parked_at=self._clock.now(),
        )
        self._parked[consumer].append((delivery, shown))

    def consuming(self, consumer: str) -> bool:
        return consumer in self._consuming

    async def depths(self, consumers: Sequence[str]) -> Mapping[str, Depth]:
        later = list(self._later.values())
        return {
            name: Depth(
                waiting=self._queues[name].qsize() + later.count(name),
                parked=len(self._parked[name]),
            )
            for name in consumers
            if name in self._types
        }

    async def parked(self, consumer: str, *, limit: int = 100) -> Sequence[ParkedMessage]:
        return [shown for _, shown in self._parked[consumer]][:limit]

    async def replay(self, consumer: str, event_id: str | None = None) -> int:
        taken = self._take(consumer, event_id)
        for delivery in taken:
            delivery.attempt = 1
            self._queues[consumer].put_nowait(delivery)
        return len(taken)

    async def drop(self, consumer: str, event_id: str | None = None) -> int:
        return len(self._take(consumer, event_id))

    def _take(self, consumer: str, event_id: str | None) -> list[_Delivery]:
        rows = self._parked[consumer]
        taken = [row for row in rows if event_id in (None, row[1].event_id)]
        self._parked[consumer] = [row for row in rows if row not in taken]
        return [delivery for delivery, _ in taken]

    async def close(self) -> None:
        for timer in self._later:
            timer.cancel()
        self._later.clear()
