"""The way of one event through a consumer: validate, fetch, inbox and effect in one transaction."""

import asyncio
from typing import Any

import structlog
from sqlalchemy.dialects.postgresql import insert

from careline_common.clock import Clock
from careline_common.db.engine import Database, is_unavailable, service_metadata
from careline_common.db.tables import inbox_table
from careline_common.db.unit_of_work import UnitOfWork
from careline_common.events.envelope import Envelope, InvalidEventError, UnknownEventError
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


class Consumer:
    """The handler that a transport calls for each delivery of one subscription."""

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
        self._inbox = inbox_table(service_metadata(database.schema))

    async def __call__(self, message: IncomingMessage) -> None:
        """Returns when the event is handled or was handled before; raises when it is to come again."""
        began = self._clock.monotonic()
        outcome = "interrupted"  # by the end of the service; the message comes again
        try:
            outcome = await self._consume(message)
        except Exception as error:
            hopeless = message.last or isinstance(error, ParkError)
            outcome = "parked" if hopeless else "retried"
            log.warning(
                "event.failed",
                consumer=self._subscription.name,
                outcome=outcome,
                attempt=message.attempt,
                reason=str(error) if isinstance(error, ParkError) else describe(error),
            )
            raise
        finally:
            seconds = self._clock.monotonic() - began
            self._metrics.consumed(self._subscription.name, outcome, seconds)

    async def _consume(self, message: IncomingMessage) -> str:
        envelope = self._validated(message.body)
        fetch = self._subscription.fetch
        fetched = await fetch(envelope) if fetch is not None else None
        for _ in range(DATABASE_LOSSES):
            try:
                return await self._apply(envelope, fetched)
            except Exception as error:
                if not is_unavailable(error):
                    raise
                log.warning(
                    "event.waits_for_database",
                    consumer=self._subscription.name,
                    event_id=envelope.id,
                    reason=describe(error),
                )
            await self._database_back()
        return await self._apply(envelope, fetched)

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

    async def _apply(self, envelope: Envelope, fetched: Any) -> str:
        async with self._database.unit_of_work() as uow:
            if not await self._first_time(uow, envelope):
                return "duplicate"
            uow.cause = envelope
            await self._subscription.handle(uow, envelope, fetched)
        return "done"

    async def _first_time(self, uow: UnitOfWork, envelope: Envelope) -> bool:
        """Notes the event in the inbox; a second delivery at the same time waits here for the first."""
        row = await uow.connection.execute(
            insert(self._inbox)
            .values(
                consumer=self._subscription.name,
                event_id=envelope.id,
                processed_at=uow.clock.now(),
            )
            .on_conflict_do_nothing()
            .returning(self._inbox.c.event_id)
        )
        return row.first() is not None

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
