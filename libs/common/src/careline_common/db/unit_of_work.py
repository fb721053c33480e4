"""One request or one message is one transaction, and its events are written in it."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Table, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from careline_common.clock import Clock
from careline_common.db.copying import copy_rows, driver_of
from careline_common.events.envelope import Envelope
from careline_common.events.event import Event
from careline_common.events.registry import event_class
from careline_common.ids import Ids

OUTBOX_COLUMNS = ("event_id", "type", "subject", "sequence", "body", "created_at")
OUTBOX_TYPES = ("text", "text", "text", "bigint", "bytea", "timestamptz")

FEW = 50
"""Up to so many events are written by one statement; more are quicker by COPY."""


def outbox_channel(schema: str) -> str:
    """Where a service's relay listens for new events."""
    return f"careline_outbox_{schema}"


def outbox_insert(outbox: str, first: int = 1) -> str:
    """A statement that inserts any number of rows, given as one array a column from the place `first` on."""
    arrays = ", ".join(f"${first + at}::{type_}[]" for at, type_ in enumerate(OUTBOX_TYPES))
    return f"INSERT INTO {outbox} ({', '.join(OUTBOX_COLUMNS)}) SELECT * FROM unnest({arrays})"  # noqa: S608 - our own names


class UnitOfWork:
    """A transaction with an outbox. Nobody calls commit: `Database.unit_of_work` does."""

    def __init__(
        self,
        connection: AsyncConnection,
        *,
        outbox: Table,
        source: str,
        clock: Clock,
        ids: Ids,
        after_commit: list[Callable[[], None]],
    ) -> None:
        self.connection = connection
        self.clock = clock
        self.ids = ids
        self.cause: Envelope | None = None
        """The event that is being consumed in this transaction, if any."""
        self._outbox = outbox
        self._source = source
        self._after_commit = after_commit
        self._events: list[Envelope] = []
        self._relay_told = False

    def emit(
        self, event: Event, *, subject: str, sequence: int, correlation_id: str | None = None
    ) -> Envelope:
        """Appends an event to the outbox.

        `subject` is the id of the thing it happened to and `sequence` that thing's version, by
        which consumers put events in order. What a consumer emits names the event that caused it.
        Raises `UnknownEventError` for what is not in the catalogue.
        """
        event_class(event.TYPE)
        cause = self.cause
        envelope = Envelope(
            id=self.ids.new(),
            source=f"/careline/{self._source}",
            subject=subject,
            time=self.clock.now(),
            sequence=sequence,
            correlationid=correlation_id or (cause.correlationid if cause else subject),
            causationid=cause.id if cause else None,
            data=event,
        )
        self._events.append(envelope)
        return envelope

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Has `callback` called once the transaction stands, and never when it does not."""
        self._after_commit.append(callback)

    def take_events(self) -> list[tuple[Any, ...]]:
        """What was told so far as rows of the outbox (`OUTBOX_COLUMNS`), for who writes them in a statement
        of his own (`outbox_insert`), with a notice on `outbox_channel`: they are not written again."""
        events, self._events = self._events, []
        return [
            (
                envelope.id,
                envelope.type,
                envelope.subject,
                envelope.sequence,
                envelope.to_json(),
                envelope.time,
            )
            for envelope in events
        ]

    async def flush_events(self) -> None:
        """Writes outbox rows; called by `Database.unit_of_work` just before the commit, and by whoever
        has so many events that they had better be on their way before."""
        rows = self.take_events()
        if not rows:
            return
        if len(rows) <= FEW and not self._relay_told:
            await self._insert(rows)
        else:
            await self._tell_relay()
            await copy_rows(driver_of(self.connection), self._outbox, OUTBOX_COLUMNS, rows)
        self._relay_told = True

    async def _insert(self, rows: list[tuple[Any, ...]]) -> None:
        """Rows and notice in one round trip, where COPY takes four."""
        insert = f"WITH kept AS ({outbox_insert(self._outbox.fullname)}) SELECT pg_notify($7, '')"
        channel = outbox_channel(str(self._outbox.schema))
        values = (*map(list, zip(*rows, strict=True)), channel)
        await driver_of(self.connection).execute(insert, *values)

    async def _tell_relay(self) -> None:
        if not self._relay_told:
            channel = outbox_channel(str(self._outbox.schema))
            await self.connection.execute(select(func.pg_notify(channel, "")))
