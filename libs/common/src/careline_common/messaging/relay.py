"""Carries events from a service's outbox to the transport.

One relay a service is active: it holds a session lock on its own connection, and reads and marks
over that same connection, so that a relay that lost its lock cannot go on. Where it stopped is
never remembered: it asks for what is unpublished, because an id taken early may commit late. An
event may go out twice (a crash between confirm and mark); inboxes absorb that.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg
import structlog

from careline_common.clock import Clock
from careline_common.db import engine
from careline_common.db.engine import ASYNCPG_ERRORS, CONNECT_TIMEOUT_S, Database
from careline_common.db.unit_of_work import outbox_channel
from careline_common.messaging.metrics import MessagingMetrics
from careline_common.messaging.retry import describe
from careline_common.messaging.transport import (
    OutgoingMessage,
    Transport,
    TransportUnavailableError,
)

log = structlog.get_logger(__name__)

BATCH = 200
POLL_S = 1.0
LOCK_CLASS = 0x6F75_7462  # "outb"
FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 5.0
LONGEST_HOLD_S = 60.0

STATEMENT_TIMEOUT_S = 20
"""After so long without an answer the relay looks for its database anew."""

KEEPALIVE = {
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}
"""The server notices within 20 s that the machine of the lock's holder is gone."""


class Relay:
    """The relay of one service; run it in every process, one of them works."""

    def __init__(
        self,
        database: Database,
        transport: Transport,
        *,
        clock: Clock,
        metrics: MessagingMetrics,
        poll_s: float = POLL_S,
    ) -> None:
        self._database = database
        self._transport = transport
        self._clock = clock
        self._metrics = metrics
        self._poll_s = poll_s
        self._wake = asyncio.Event()
        self._held: dict[str, float] = {}
        """Subjects whose next event was refused, and until when (monotonic) they are left alone."""

    async def run(self) -> None:
        """Runs until cancelled, over any loss of database or transport."""
        pause = FIRST_PAUSE_S
        while True:
            try:
                async with self._connected() as connection:
                    await self._take_over(connection)
                    pause = FIRST_PAUSE_S
                    await self._work(connection)
            except ASYNCPG_ERRORS as error:
                log.warning(
                    "relay.waits_for_database",
                    service=self._database.schema,
                    reason=describe(error),
                )
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_S)

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[asyncpg.Connection]:
        schema = self._database.schema
        connection = await asyncpg.connect(
            self._database.url,
            timeout=CONNECT_TIMEOUT_S,
            command_timeout=STATEMENT_TIMEOUT_S,
            server_settings={
                "application_name": f"careline-{schema}-relay",
                "search_path": schema,
                "idle_session_timeout": str(engine.FROZEN_S * 1000),
                **KEEPALIVE,
            },
        )
        try:
            connection.add_termination_listener(lambda _: self._wake.set())
            await connection.add_listener(outbox_channel(schema), lambda *_: self._wake.set())
            yield connection
        finally:
            self._metrics.relaying.set(0)
            connection.terminate()

    async def _take_over(self, connection: asyncpg.Connection) -> None:
        """Waits for the lock; a standby asks once a poll."""
        stands_by = False
        while not await connection.fetchval(
            "SELECT pg_try_advisory_lock($1, hashtext($2))", LOCK_CLASS, self._database.schema
        ):
            if not stands_by:
                log.info("relay.stands_by", service=self._database.schema)
            stands_by = True
            await asyncio.sleep(self._poll_s)
        self._metrics.relaying.set(1)
        log.info("relay.active", service=self._database.schema)

    async def _work(self, connection: asyncpg.Connection) -> None:
        pause = FIRST_PAUSE_S
        while True:
            self._wake.clear()
            rows = await self._unpublished(connection)
            try:
                moved = await self._publish(connection, rows)
            except TransportUnavailableError as error:
                log.warning(
                    "relay.waits_for_broker", service=self._database.schema, reason=str(error)
                )
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE_S)
                continue
            pause = FIRST_PAUSE_S
            if len(rows) < BATCH or not moved:
                await self._woken()

    async def _woken(self) -> None:
        try:
            async with asyncio.timeout(self._poll_s):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _unpublished(self, connection: asyncpg.Connection) -> list[asyncpg.Record]:
        now = self._clock.monotonic()
        self._held = {subject: until for subject, until in self._held.items() if until > now}
        rows: list[asyncpg.Record] = await connection.fetch(
            "SELECT id, event_id, type, subject, body, attempts FROM outbox"
            " WHERE published_at IS NULL AND subject <> ALL($1::text[]) ORDER BY id LIMIT $2",
            list(self._held),
            BATCH,
        )
        return rows

    async def _publish(
        self, connection: asyncpg.Connection, rows: Sequence[asyncpg.Record]
    ) -> bool:
        """Publishes a batch and marks what was confirmed; says whether anything was.

        The batch goes out in order without waiting for a confirm in between. Raises
        `TransportUnavailableError` when the transport went away; what was confirmed is marked.
        """
        if not rows:
            return False
        verdicts = await self._transport.publish([_message(row) for row in rows])
        moved = await self._mark(connection, rows, verdicts)
        for verdict in verdicts:
            if isinstance(verdict, TransportUnavailableError):
                raise verdict
        return moved

    async def _mark(
        self,
        connection: asyncpg.Connection,
        rows: Sequence[asyncpg.Record],
        verdicts: Sequence[Exception | None],
    ) -> bool:
        confirmed = [row["id"] for row, verdict in zip(rows, verdicts, strict=True) if not verdict]
        if confirmed:
            await connection.execute(
                "UPDATE outbox SET published_at = $1, last_error = NULL WHERE id = ANY($2::bigint[])",
                self._clock.now(),
                confirmed,
            )
            self._metrics.published.inc(len(confirmed))
        for row, verdict in zip(rows, verdicts, strict=True):
            if verdict is not None and not isinstance(verdict, TransportUnavailableError):
                await self._hold(connection, row, verdict)
        return bool(confirmed)

    async def _hold(
        self, connection: asyncpg.Connection, row: asyncpg.Record, error: Exception
    ) -> None:
        """An event that is refused stays, and keeps only the events of its own subject back: not
        those that were on their way with it, which overtake it as they would overtake a retry."""
        attempts = row["attempts"] + 1
        await connection.execute(
            "UPDATE outbox SET attempts = $1, last_error = $2 WHERE id = $3",
            attempts,
            describe(error),
            row["id"],
        )
        pause = min(2.0 ** min(attempts, 10), LONGEST_HOLD_S)
        self._held[row["subject"]] = self._clock.monotonic() + pause
        self._metrics.publish_failures.inc()
        log.error(
            "relay.refused",
            service=self._database.schema,
            event_id=row["event_id"],
            type=row["type"],
            attempts=attempts,
            reason=describe(error),
        )


def _message(row: asyncpg.Record) -> OutgoingMessage:
    return OutgoingMessage(
        event_id=row["event_id"], type=row["type"], subject=row["subject"], body=row["body"]
    )
