"""Buses for tests: a broker, however it is made, and any number of transports over it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from careline_common.clock import SystemClock
from careline_common.events import Envelope, Event
from careline_common.events.router import CallArrived
from careline_common.messaging.local import LocalTransport
from careline_common.messaging.memory import MemoryTransport
from careline_common.messaging.rabbit import RabbitTransport
from careline_common.messaging.subscription import Subscription
from careline_common.messaging.transport import (
    Handler,
    IncomingMessage,
    OutgoingMessage,
    Transport,
)
from careline_common.testing.proxy import Proxy, proxied
from careline_common.testing.waiting import eventually

DELAYS_S = (0.05, 0.15)
NOON = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def arrived(number: int = 1) -> Envelope:
    """The event most of these tests send: the n-th call has arrived."""
    return Envelope(
        id=f"event-{number}",
        source="/careline/router",
        subject=f"call-{number}",
        time=NOON,
        sequence=1,
        correlationid=f"call-{number}",
        causationid=None,
        data=CallArrived(
            call_id=f"call-{number}",
            pbx="pbx1",
            pbx_call_id=f"{number}",
            line="+74950000001",
            arrived_at=NOON,
        ),
    )


def outgoing(envelope: Envelope) -> OutgoingMessage:
    return OutgoingMessage(
        event_id=envelope.id,
        type=envelope.type,
        subject=envelope.subject,
        body=envelope.to_json(),
    )


Hear = Callable[[IncomingMessage], Awaitable[None]]
"""Takes one message; raises when it is to come again."""


async def never(*_: object) -> None:
    raise AssertionError("the transport hands messages to its handler, not to the subscription")


def subscription(
    name: str = "tests.calls",
    *events: type[Event],
    order_free: bool = False,
) -> Subscription:
    return Subscription(
        name=name,
        events=events or (CallArrived,),
        handle=never,
        order_free=order_free,
    )


@dataclass
class Ear:
    """Remembers what it got, and fails as it is told to."""

    fail: Callable[[IncomingMessage], BaseException | None] = lambda _: None
    messages: list[IncomingMessage] = field(default_factory=list)
    handled: list[str] = field(default_factory=list)

    async def __call__(self, message: IncomingMessage) -> None:
        self.messages.append(message)
        error = self.fail(message)
        if error is not None:
            raise error
        self.handled.append(Envelope.parse(message.body).id)


def one_by_one(hear: Hear) -> Handler:
    """A handler of batches that hears one message after the other."""

    async def handle(messages: Sequence[IncomingMessage]) -> list[Exception | None]:
        return [await _verdict(hear, message) for message in messages]

    return handle


async def _verdict(hear: Hear, message: IncomingMessage) -> Exception | None:
    try:
        await hear(message)
    except Exception as error:  # noqa: BLE001 - it is the verdict
        return error
    return None


class Bus:
    """A broker, however it is made."""

    def __init__(
        self, make: Callable[[], Transport], proxy: Proxy | None = None, url: str = ""
    ) -> None:
        self.url = url
        self._make = make
        self._proxy = proxy
        self._transports: list[Transport] = []

    @property
    def proxy(self) -> Proxy:
        """What stands between the transports and the broker."""
        assert self._proxy is not None, "nothing stands between a process and its memory"
        return self._proxy

    def transport(self) -> Transport:
        """A transport of its own connections, as another process would have it."""
        transport = self._make()
        self._transports.append(transport)
        return transport

    @asynccontextmanager
    async def consuming(
        self, transport: Transport, wanted: Subscription, hear: Hear
    ) -> AsyncIterator[None]:
        task = asyncio.create_task(transport.consume(wanted, one_by_one(hear)))
        try:
            await eventually(lambda: transport.consuming(wanted.name) or task.done())
            assert not task.done(), task.exception()
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def known(self, wanted: Subscription) -> None:
        """Leaves a subscription behind, as a consumer does that was here and went."""
        async with self.consuming(self.transport(), wanted, Ear()):
            pass

    async def publish(self, *envelopes: Envelope) -> None:
        """Publishes over a transport of its own; all have to be confirmed."""
        transport = self.transport()
        await transport.open()
        verdicts = await transport.publish([outgoing(envelope) for envelope in envelopes])
        assert list(verdicts) == [None] * len(envelopes)

    async def close(self) -> None:
        for transport in self._transports:
            await transport.close()


@asynccontextmanager
async def memory_bus() -> AsyncIterator[Bus]:
    """One transport for all, in this process."""
    shared = MemoryTransport(clock=SystemClock(), delays_s=DELAYS_S)
    bus = Bus(lambda: shared)
    yield bus
    await bus.close()


@asynccontextmanager
async def local_bus(database_url: str) -> AsyncIterator[Bus]:
    """The local transport, through a proxy in front of an empty database."""
    async with proxied(database_url) as (url, proxy):
        bus = Bus(lambda: LocalTransport(url, delays_s=DELAYS_S), proxy, url)
        yield bus
        await bus.close()


@asynccontextmanager
async def rabbit_bus(rabbit_url: str) -> AsyncIterator[Bus]:
    """RabbitMQ, through a proxy in front of a fresh virtual host."""
    async with proxied(rabbit_url) as (url, proxy):
        bus = Bus(lambda: RabbitTransport(url, clock=SystemClock(), delays_s=DELAYS_S), proxy, url)
        yield bus
        await bus.close()
