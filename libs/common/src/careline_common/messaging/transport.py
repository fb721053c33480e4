"""How events travel between services: the port, which rabbit, local and memory implement."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from careline_common.messaging.subscription import Subscription

RETRY_DELAYS_S = (1.0, 10.0, 60.0, 600.0)
"""A message that failed waits so long before each further attempt; after the last it is parked."""

QUEUE_TTL_S = 24 * 3600
"""Messages may carry a contact number, so none waits longer; then it is parked (docs/adr/0005)."""

PARKED_TTL_S = 30 * 24 * 3600
"""After this a parked message is gone."""

UNROUTED_TTL_S = 3600
"""So long an event that nobody is subscribed to waits for a consumer that starts for the first time:
services may start in any order. Most events have no consumer, so it is not kept longer."""


BATCH = 64
"""At most so many deliveries are handed to a consumer at once."""


class TransportUnavailableError(Exception):
    """The broker cannot be reached now. Nothing is known about what was under way."""


class ParkError(Exception):
    """Trying again cannot help: park the message at once. The text is the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingMessage:
    """One event as the relay hands it over; `body` is the whole CloudEvent."""

    event_id: str
    type: str
    subject: str
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingMessage:
    """One delivery. `attempt` counts from 1; after a failure of the `last` one it is parked."""

    body: bytes
    attempt: int
    last: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedMessage:
    """A message that nobody could handle, as `careline parked list` shows it."""

    consumer: str
    event_id: str
    type: str
    reason: str
    attempts: int
    parked_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Depth:
    """How many messages of one consumer wait, those between two attempts included, or are parked."""

    waiting: int
    parked: int


Handler = Callable[[Sequence[IncomingMessage]], Awaitable[Sequence[Exception | None]]]
"""Takes a batch and gives one verdict a message: None = handled, or handled before."""


class Transport(Protocol):
    """Carries events at least once. One instance may serve several services of a process."""

    async def open(self) -> None:
        """Connects; safe to call again. Raises `TransportUnavailableError` while the broker is away."""
        ...

    async def publish(self, messages: Sequence[OutgoingMessage]) -> Sequence[Exception | None]:
        """Publishes and waits for the confirms: one verdict a message, None = it is safe.

        A verdict of `TransportUnavailableError` says nothing against the message.
        """
        ...

    async def consume(self, subscription: Subscription, handle: Handler) -> None:
        """Feeds `handle` until cancelled, over any number of connections.

        A batch is what waits at that moment, in the order of the queue, `BATCH` at most; nobody
        waits for a batch to fill. After the verdicts what was handled is acknowledged; what failed
        waits for its next attempt or is parked; on `ParkError` it is parked at once. When `handle`
        itself raises, all of the batch failed.
        """
        ...

    def consuming(self, consumer: str) -> bool:
        """Whether `consume` of this name is connected now (or stands by for another process)."""
        ...

    async def depths(self, consumers: Sequence[str]) -> Mapping[str, Depth]:
        """The depth of each of these that exists. Raises like `open`."""
        ...

    async def parked(self, consumer: str, *, limit: int = 100) -> Sequence[ParkedMessage]:
        """The parked messages of a consumer, oldest first."""
        ...

    async def replay(self, consumer: str, event_id: str | None = None) -> int:
        """Delivers parked messages anew, all or one, with all their attempts; says how many."""
        ...

    async def drop(self, consumer: str, event_id: str | None = None) -> int:
        """Removes parked messages, all or one, for good; says how many."""
        ...

    async def close(self) -> None:
        """Whoever made the transport closes it."""
        ...
