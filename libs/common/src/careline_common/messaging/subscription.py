"""What a consumer wants to hear and what it does with it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from careline_common.db.unit_of_work import UnitOfWork
from careline_common.events.envelope import Envelope
from careline_common.events.event import Event

Fetch = Callable[[Envelope], Awaitable[Any]]
FetchAll = Callable[[Sequence[Envelope]], Awaitable[Mapping[str, Any]]]
Handle = Callable[[UnitOfWork, Envelope, Any], Awaitable[None]]
HandleAll = Callable[[UnitOfWork, Sequence[tuple[Envelope, Any]]], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """One consumer of a service.

    Order is not promised, not even within a subject: `handle` applies by `envelope.sequence` and
    tolerates anything. With `order_free` several events are handled at a time; without it one
    process at a time has the queue and handles one event after the other.
    """

    name: str
    """Unique over all services, for example `tickets.low-scores`; its queue is `careline.<name>`."""
    events: tuple[type[Event], ...]
    handle: Handle
    """Runs in the transaction that also notes the event as consumed; gets what `fetch` returned."""
    handle_all: HandleAll | None = None
    """`handle` for several new events at once, where that is cheaper. What it raises undoes them all,
    and each goes through `handle` in a transaction of its own. It emits nothing: no single event is
    the cause of what it does."""
    fetch: Fetch | None = None
    """Asks the outside world, before the transaction is opened."""
    fetch_all: FetchAll | None = None
    """`fetch` for several events by one question, where that is cheaper: gives by the event's id what
    `fetch` would. What it does not give, all of it when it raises, each event asks for by itself."""
    order_free: bool = False
    gather_s: float = 0.0
    """So long what comes alone waits for others, to be handled with them in one transaction: for work
    that nobody waits for, and that is dear one by one."""

    @property
    def types(self) -> tuple[str, ...]:
        return tuple(event.TYPE for event in self.events)
