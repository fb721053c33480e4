"""The way of events through a consumer: validate, fetch, inbox and effects in one transaction."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import text

from careline_common.clock import Clock
from careline_common.db.engine import Database, is_unavailable
from careline_common.db.unit_of_work import UnitOfWork
from careline_common.events.envelope import Envelope, InvalidEventError
from careline_common.events.event import UnknownEventError
from careline_common.messaging.metrics import MessagingMetrics
from careline_common.messaging.retry import describe
from careline_common.messaging.subscription import Subscription
from careline_common.messaging.transport import IncomingMessage, ParkError

__all__ = ["Consumer", "Subscription"]

log = structlog.get_logger(__name__)

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0
DATABASE_LOSSES = 3
"""So often one delivery outlives the loss of its database before that counts as a failure."""


NOTE = """
INSERT INTO {schema}.inbox (consumer, event_id, processed_at)
SELECT :consumer, event_id, :now FROM unnest(CAST(:event_ids AS text[])) AS event_id
ORDER BY event_id
ON CONFLICT DO NOTHING RETURNING event_id
"""
FETCHES = 8
"""So many events of a batch ask the outside world at a time."""

Result = str | Exception
"""What became of a delivery: done, duplicate, interrupted, or the error that it failed with."""


@dataclass(frozen=True, slots=True)
class _Ready:
    """An event that can be applied."""

    envelope: Envelope
    fetched: Any


class Consumer:
    """The handler that a transport calls for each batch of deliveries of one subscription.

    A batch is one transaction: each event costs its own statements and a share of the commit.
    """

    def __init__(
        self,
        database: Database,
        subscription: Subscription,
        *,
        clock: Clock,
        metrics: MessagingMetrics,
    ) -> None:
        self._database = database
        self._subscription = subscription
        self._clock = clock
        self._metrics = metrics
        self._note = text(NOTE.format(schema=database.schema))
        self._fetching = asyncio.Semaphore(FETCHES)

    async def __call__(self, messages: Sequence[IncomingMessage]) -> list[Exception | None]:
        """One verdict a message: None when it is handled or was handled before, else why it failed."""
        began = self._clock.monotonic()
        # until they are told otherwise: by the end of the service; the messages come again
        results: list[Result] = ["interrupted"] * len(messages)
        try:
            results = await self._consume(messages)
        finally:
            seconds = self._clock.monotonic() - began
            self._metrics.batch(self._subscription.name, len(messages))
            for message, result in zip(messages, results, strict=True):
                self._count(message, result, seconds)
        return [result if isinstance(result, Exception) else None for result in results]

    def _count(self, message: IncomingMessage, result: Result, seconds: float) -> None:
        if isinstance(result, Exception):
            hopeless = message.last or isinstance(result, ParkError)
            outcome = "parked" if hopeless else "retried"
            log.warning(
                "event.failed",
                consumer=self._subscription.name,
                outcome=outcome,
                attempt=message.attempt,
                reason=str(result) if isinstance(result, ParkError) else describe(result),
            )
        else:
            outcome = result
        self._metrics.consumed(self._subscription.name, outcome, seconds)

    async def _consume(self, messages: Sequence[IncomingMessage]) -> list[Result]:
        """Fetches side by side, then applies in order what could be fetched."""
        told = [self._told(message.body) for message in messages]
        at_once = await self._at_once([each for each in told if isinstance(each, Envelope)])
        fetched = await asyncio.gather(*(self._fetched(each, at_once) for each in told))
        ready = [each for each in fetched if not isinstance(each, Exception)]
        applied = iter(await self._apply(ready))
        return [each if isinstance(each, Exception) else next(applied) for each in fetched]

    def _told(self, body: bytes) -> Envelope | ParkError:
        try:
            return self._validated(body)
        except ParkError as error:
            return error

    async def _at_once(self, envelopes: Sequence[Envelope]) -> Mapping[str, Any]:
        fetch_all = self._subscription.fetch_all
        if fetch_all is None or len(envelopes) < 2:
            return {}
        try:
            async with self._fetching:
                return await fetch_all(envelopes)
        except Exception as error:  # noqa: BLE001 - each asks by itself, and fails by itself
            log.info(
                "event.fetched_one_by_one",
                consumer=self._subscription.name,
                reason=describe(error),
            )
            return {}

    async def _fetched(
        self, told: Envelope | ParkError, at_once: Mapping[str, Any]
    ) -> _Ready | Exception:
        fetch = self._subscription.fetch
        if isinstance(told, ParkError):
            return told
        if fetch is None or told.id in at_once:
            return _Ready(told, at_once.get(told.id))
        try:
            async with self._fetching:
                return _Ready(told, await fetch(told))
        except Exception as error:  # noqa: BLE001 - whatever it is, this event failed and no other
            return error

    def _validated(self, body: bytes) -> Envelope:
        try:
            envelope = Envelope.parse(body)
        except InvalidEventError as error:
            raise ParkError(f"invalid event: {error}") from error
        except UnknownEventError as error:
            raise ParkError(f"unknown event type: {error}") from error
        if envelope.type not in self._subscription.types:
            raise ParkError(f"not subscribed to {envelope.type}")
        return envelope

    async def _apply(self, events: Sequence[_Ready]) -> list[Result]:
        """All in one transaction; when that fails each in one of its own, so that only the culprit does."""
        if not events:
            return []
        try:
            return await self._committed(events)
        except Exception as error:  # noqa: BLE001 - whatever a handler raises means: not handled
            if len(events) == 1:
                return [error]
        return [(await self._apply([event]))[0] for event in events]

    async def _committed(self, events: Sequence[_Ready]) -> list[Result]:
        """Outlives the loss of the database; what was committed all the same is a duplicate then."""
        for _ in range(DATABASE_LOSSES):
            try:
                return await self._transaction(events)
            except Exception as error:
                if not is_unavailable(error):
                    raise
                log.warning(
                    "event.waits_for_database",
                    consumer=self._subscription.name,
                    event_id=events[0].envelope.id,
                    events=len(events),
                    reason=describe(error),
                )
            await self._database_back()
        return await self._transaction(events)

    async def _transaction(self, events: Sequence[_Ready]) -> list[Result]:
        results: list[Result] = []
        fresh: list[_Ready] = []
        async with self._database.unit_of_work() as uow:
            new = await self._noted(uow, {event.envelope.id for event in events})
            for event in events:
                if event.envelope.id not in new:
                    results.append("duplicate")
                    continue
                new.remove(event.envelope.id)
                fresh.append(event)
                results.append("done")
            await self._handle(uow, fresh)
        return results

    async def _handle(self, uow: UnitOfWork, events: Sequence[_Ready]) -> None:
        all_at_once = self._subscription.handle_all
        if all_at_once is not None and len(events) > 1:
            await all_at_once(uow, [(event.envelope, event.fetched) for event in events])
            return
        for event in events:
            uow.cause = event.envelope
            await self._subscription.handle(uow, event.envelope, event.fetched)

    async def _noted(self, uow: UnitOfWork, event_ids: set[str]) -> set[str]:
        """Notes events in the inbox and says which are new.

        A second delivery at the same time waits here for the first; both take the ids in one order,
        or they might wait for each other.
        """
        rows = await uow.connection.execute(
            self._note,
            {
                "consumer": self._subscription.name,
                "event_ids": list(event_ids),
                "now": uow.clock.now(),
            },
        )
        return set(rows.scalars())

    async def _database_back(self) -> None:
        """A database that is away is no reason to park: the message waits here."""
        pause = FIRST_PAUSE_S
        while True:
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_S)
            try:
                await self._database.ping()
            except Exception as error:
                if not is_unavailable(error):
                    raise
            else:
                return
