"""Events without a broker: deliveries are rows in PostgreSQL's schema `bus`.

The confirm is that rows for every subscribed consumer are committed. A delivery is a row until its
consumer is done with it; while it is being handled it is locked by an open transaction, so that it
is free again at once after kill -9, and after a while when its process stands still. Ladder and
parking are columns. Consumers that are down keep getting rows, because subscriptions are rows too;
an event that nobody has subscribed to yet waits an hour for a consumer that does.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import asyncpg
import structlog

from careline_common.db import engine
from careline_common.db.engine import ASYNCPG_ERRORS, is_unavailable
from careline_common.messaging import local_sql as sql
from careline_common.messaging.retry import Again, Done, Outcome, Park, deliver, describe
from careline_common.messaging.subscription import Subscription
from careline_common.messaging.transport import (
    BATCH,
    PARKED_TTL_S,
    QUEUE_TTL_S,
    RETRY_DELAYS_S,
    UNROUTED_TTL_S,
    Depth,
    Handler,
    OutgoingMessage,
    ParkedMessage,
    TransportUnavailableError,
)

log = structlog.get_logger(__name__)

POLL_S = 1.0
SWEEP_S = 60.0
CONNECT_TIMEOUT_S = 5
STATEMENT_TIMEOUT_S = 20
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0
AT_ONCE = 4
"""So many batches of an order-free consumer are handled at a time."""


class LocalTransport:
    """The transport of the standalone; any number of processes may share the database."""

    def __init__(self, url: str, *, delays_s: Sequence[float] = RETRY_DELAYS_S) -> None:
        self._url = url
        self._delays_s = delays_s
        self._pool: asyncpg.Pool | None = None
        self._opening = asyncio.Lock()
        self._consuming: dict[str, int] = {}

    async def open(self) -> None:
        async with self._connection() as connection:
            await connection.fetchval("SELECT 1")

    async def _pool_made(self) -> asyncpg.Pool:
        async with self._opening:
            if self._pool is None:
                self._pool = await self._make_pool()
            return self._pool

    async def _make_pool(self) -> asyncpg.Pool:
        pool = await asyncpg.create_pool(
            self._url,
            min_size=1,
            max_size=4,
            timeout=CONNECT_TIMEOUT_S,
            command_timeout=STATEMENT_TIMEOUT_S,
            server_settings={
                "application_name": "careline-bus",
                "idle_in_transaction_session_timeout": str(engine.IDLE_IN_TRANSACTION_S * 1000),
            },
        )
        try:
            async with pool.acquire() as connection, connection.transaction():
                await connection.execute(sql.SCHEMA)
        except BaseException:
            pool.terminate()
            raise
        return pool

    async def close(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.terminate()

    async def publish(self, messages: Sequence[OutgoingMessage]) -> Sequence[Exception | None]:
        """All in one transaction; if the database refuses it, one by one to find the culprit."""
        try:
            await self._publish(messages)
        except TransportUnavailableError as error:
            return [error] * len(messages)
        except ASYNCPG_ERRORS as error:
            if len(messages) == 1:
                return [error]
            return [(await self.publish([message]))[0] for message in messages]
        return [None] * len(messages)

    async def _publish(self, messages: Sequence[OutgoingMessage]) -> None:
        async with self._connection() as connection, connection.transaction():
            await connection.execute(sql.SHARE_SUBSCRIPTIONS)
            await connection.execute(
                sql.PUBLISH,
                [message.event_id for message in messages],
                [message.type for message in messages],
                [message.body for message in messages],
            )

    async def consume(self, subscription: Subscription, handle: Handler) -> None:
        workers = AT_ONCE if subscription.order_free else 1
        bells = _Bells(subscription.name)
        async with asyncio.TaskGroup() as tasks:
            for _ in range(workers):
                tasks.create_task(self._consume(subscription, handle, bells))

    def consuming(self, consumer: str) -> bool:
        return self._consuming.get(consumer, 0) > 0

    async def _consume(self, subscription: Subscription, handle: Handler, bells: "_Bells") -> None:
        """One worker: connects again and again until it is cancelled."""
        pause = FIRST_PAUSE_S
        bell = bells.new()
        while True:
            try:
                async with self._listening(subscription, bell) as connection:
                    pause = FIRST_PAUSE_S
                    await self._work(connection, bell, subscription, handle)
            except ASYNCPG_ERRORS as error:
                task = asyncio.current_task()
                if task is not None and task.cancelling():  # a rollback that failed hid it
                    raise asyncio.CancelledError from error
                log.warning(
                    "consumer.waits_for_database",
                    consumer=subscription.name,
                    reason=describe(error),
                )
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_S)

    @asynccontextmanager
    async def _listening(
        self, subscription: Subscription, bell: "_Bell"
    ) -> AsyncIterator[asyncpg.Connection]:
        """A connection of the worker's own, subscribed and told of new rows."""
        await self._pool_made()
        connection = await asyncpg.connect(
            self._url,
            timeout=CONNECT_TIMEOUT_S,
            command_timeout=STATEMENT_TIMEOUT_S,
            server_settings={
                "application_name": f"careline-bus-{subscription.name}",
                "idle_session_timeout": str(engine.FROZEN_S * 1000),
                "idle_in_transaction_session_timeout": str(engine.IDLE_IN_TRANSACTION_S * 1000),
            },
        )
        name = subscription.name
        try:
            connection.add_termination_listener(lambda _: bell.woken.set())
            await connection.add_listener(sql.CHANNEL, lambda *told: bell.hear(str(told[-1])))
            async with connection.transaction():
                await connection.execute(sql.ALTER_SUBSCRIPTIONS)
                await connection.execute(sql.SUBSCRIBE, name, list(subscription.types))
                await connection.execute(sql.ADOPT, name, list(subscription.types))
            self._consuming[name] = self._consuming.get(name, 0) + 1
            try:
                yield connection
            finally:
                self._consuming[name] -= 1
        finally:
            connection.terminate()

    async def _work(
        self,
        connection: asyncpg.Connection,
        bell: "_Bell",
        subscription: Subscription,
        handle: Handler,
    ) -> None:
        if not subscription.order_free:
            while not await connection.fetchval(sql.LEAD, subscription.name):  # noqa: ASYNC110
                await asyncio.sleep(POLL_S)
        clock = asyncio.get_running_loop().time
        sweep_at = clock()
        while True:
            bell.woken.clear()
            if clock() >= sweep_at:
                await self._sweep(connection)
                sweep_at = clock() + SWEEP_S
            if await self._batch(connection, subscription.name, handle, bell):
                continue
            next_due = await connection.fetchval(sql.NEXT_DUE_S, subscription.name)
            await bell.rest(min(POLL_S, next_due or POLL_S), subscription.gather_s)

    async def _batch(
        self, connection: asyncpg.Connection, consumer: str, handle: Handler, bell: "_Bell"
    ) -> bool:
        """Takes the deliveries that are due, hands them over and settles them; False if there are none."""
        async with connection.transaction():
            rows = await connection.fetch(sql.CLAIM, consumer, BATCH)
            if not rows:
                return False
            if len(rows) == BATCH:
                bell.pass_on()
            deliveries = [(row["body"], row["attempts"] + 1) for row in rows]
            handling = deliver(handle, deliveries, delays_s=self._delays_s)
            outcomes = await _meanwhile_speaking(connection, handling)
            await _settle(connection, [row["id"] for row in rows], outcomes)
        return True

    async def _sweep(self, connection: asyncpg.Connection) -> None:
        """What a broker would do by time-to-live."""
        await connection.execute(sql.EXPIRE, QUEUE_TTL_S)
        await connection.execute(sql.FORGET_PARKED, PARKED_TTL_S)
        await connection.execute(sql.FORGET_EVENTS, UNROUTED_TTL_S)

    async def depths(self, consumers: Sequence[str]) -> Mapping[str, Depth]:
        async with self._connection() as connection:
            rows = await connection.fetch(sql.DEPTHS, list(consumers))
        return {
            row["consumer"]: Depth(waiting=row["waiting"], parked=row["parked"]) for row in rows
        }

    async def parked(self, consumer: str, *, limit: int = 100) -> Sequence[ParkedMessage]:
        async with self._connection() as connection:
            rows = await connection.fetch(sql.PARKED, consumer, limit)
        return [
            ParkedMessage(
                consumer=consumer,
                event_id=row["event_id"],
                type=row["type"],
                reason=row["reason"],
                attempts=row["attempts"],
                parked_at=row["parked_at"],
            )
            for row in rows
        ]

    async def replay(self, consumer: str, event_id: str | None = None) -> int:
        async with self._connection() as connection, connection.transaction():
            rows = await connection.fetch(sql.REPLAY, consumer, event_id)
            await connection.execute(sql.NOTIFY)
        return len(rows)

    async def drop(self, consumer: str, event_id: str | None = None) -> int:
        async with self._connection() as connection:
            return len(await connection.fetch(sql.DROP, consumer, event_id))

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[asyncpg.Connection]:
        try:
            pool = await self._pool_made()
            async with pool.acquire() as connection:
                yield connection
        except ASYNCPG_ERRORS as error:
            if is_unavailable(error):
                raise TransportUnavailableError(describe(error)) from error
            raise


class _Bell:
    """By which one worker of a consumer is woken."""

    def __init__(self, bells: "_Bells") -> None:
        self.woken = asyncio.Event()
        self._hurry = False
        self._bells = bells

    def hear(self, consumer: str) -> None:
        """PostgreSQL told of something for a consumer. It tells every worker: the first that is idle
        goes and looks; those that are busy look again when they are done."""
        if consumer not in {"", self._bells.consumer}:
            return
        idle = self._bells.idle
        if not consumer or self not in idle or idle[0] is self:
            self.woken.set()

    def pass_on(self) -> None:
        """There is more than one worker can take."""
        if self._bells.idle:
            self._bells.idle[0].woken.set()
            self._bells.idle[0]._hurry = True  # noqa: SLF001 - of the same class

    async def rest(self, longest_s: float, gather_s: float) -> None:
        """Waits to be woken, then for what comes soon after; idle meanwhile, so that no other is."""
        self._bells.idle.append(self)
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(longest_s):
                    await self.woken.wait()
            if gather_s and self.woken.is_set() and not self._hurry:
                await asyncio.sleep(gather_s)
        finally:
            self._hurry = False
            self._bells.idle.remove(self)


class _Bells:
    """Of all workers of one consumer in this process; `idle` are those that wait, longest first."""

    def __init__(self, consumer: str) -> None:
        self.consumer = consumer
        self.idle: list[_Bell] = []

    def new(self) -> _Bell:
        return _Bell(self)


async def _meanwhile_speaking(
    connection: asyncpg.Connection, handling: Coroutine[Any, Any, list[Outcome]]
) -> list[Outcome]:
    """Long work is no silence: the server would end the session, the batch would come again with
    its attempts uncounted, and what fails slowly would never be parked."""
    task = asyncio.create_task(handling)
    try:
        while not (await asyncio.wait({task}, timeout=POLL_S))[0]:
            await connection.execute("SELECT 1")
        return task.result()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _settle(
    connection: asyncpg.Connection, deliveries: Sequence[int], outcomes: Sequence[Outcome]
) -> None:
    done = []
    for delivery, outcome in zip(deliveries, outcomes, strict=True):
        match outcome:
            case Done():
                done.append(delivery)
            case Again(delay_s=delay_s):
                await connection.execute(sql.AGAIN, delivery, delay_s)
            case Park(reason=reason):
                await connection.execute(sql.PARK, delivery, reason)
    if done:
        await connection.execute(sql.DONE, done)
