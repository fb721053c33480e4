"""Careline's own way of an event, as every service has it: outbox, relay, RabbitMQ, consumer, inbox.

The effect is one row a event, without any constraint: what is handled twice would be there twice.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import perf_counter
from typing import Any

import aio_pika
from prometheus_client import CollectorRegistry
from sqlalchemy import text

from careline_common.clock import Clock, SystemClock
from careline_common.db.engine import Database
from careline_common.db.tables import create_common_tables
from careline_common.db.unit_of_work import UnitOfWork
from careline_common.events.envelope import Envelope
from careline_common.events.router import CallArrived
from careline_common.http.health import Readiness
from careline_common.ids import UuidIds
from careline_common.messaging import rabbit_topology as topology
from careline_common.messaging.rabbit import RabbitTransport
from careline_common.messaging.runtime import messaging_tasks
from careline_common.messaging.subscription import Subscription
from careline_common.messaging.transport import RETRY_DELAYS_S

SCHEMA = "careline_bench"
SUBJECTS = 100
"""Events of one subject follow each other, as those of a call do."""

EFFECT = text(f"INSERT INTO {SCHEMA}.effect (event_id) VALUES (:event_id)")  # noqa: S608 - a constant
EFFECTS = text(f"SELECT count(*), count(DISTINCT event_id) FROM {SCHEMA}.effect")  # noqa: S608


class Ours:
    """Two services in one schema: `emitting` is the pool of the one that emits, as it would be alone."""

    def __init__(self, database: Database, emitting: Database) -> None:
        self._database = database
        self._emitting = emitting
        self._emitted = 0
        self._effects = 0
        self._all = asyncio.Event()
        self._committed_at: dict[str, float] = {}
        self._handled_at: dict[str, float] = {}
        self.subscription = Subscription(
            name="bench.effects", events=(CallArrived,), handle=self._handle
        )

    async def throughput(self, events: int) -> float:
        """Events/s from the commit of `events` outbox rows to the commit of the last effect."""
        self._all.clear()
        began: list[float] = []
        async with self._emitting.unit_of_work() as uow:
            for _ in range(events):
                self._emit(uow)
            uow.after_commit(lambda: began.append(perf_counter()))
        await self._all.wait()
        return events / (perf_counter() - began[0])

    async def latency(self, events: int, *, rate: float) -> list[float]:
        """Seconds from the commit of each event to the commit of its effect, at a steady rate."""
        self._handled_at.clear()
        self._committed_at.clear()
        first = perf_counter()
        async with asyncio.TaskGroup() as tasks:
            for number in range(events):
                await asyncio.sleep(first + number / rate - perf_counter())
                tasks.create_task(self._arrive())
        while len(self._handled_at) < events:
            self._all.clear()
            if self._effects < self._emitted:
                await self._all.wait()
        return [self._handled_at[each] - at for each, at in self._committed_at.items()]

    async def exactly_once(self) -> bool:
        """Whether each event that was ever emitted has its effect, and has it once."""
        async with self._database.read() as connection:
            rows, events = (await connection.execute(EFFECTS)).one()
        return bool(rows == events == self._emitted)

    async def _arrive(self) -> None:
        async with self._emitting.unit_of_work() as uow:
            event_id = self._emit(uow).id

            def note() -> None:
                self._committed_at[event_id] = perf_counter()

            uow.after_commit(note)

    def _emit(self, uow: UnitOfWork) -> Envelope:
        self._emitted += 1
        number = self._emitted
        return uow.emit(
            arrived(number, uow.clock), subject=f"call-{number % SUBJECTS}", sequence=number
        )

    async def _handle(self, uow: UnitOfWork, envelope: Envelope, _: Any) -> None:
        await uow.connection.execute(EFFECT, {"event_id": envelope.id})

        def note() -> None:
            self._effects += 1
            self._handled_at[envelope.id] = perf_counter()
            if self._effects == self._emitted:
                self._all.set()

        uow.after_commit(note)


def arrived(number: int, clock: Clock) -> CallArrived:
    return CallArrived(
        call_id=f"call-{number}",
        pbx="pbx1",
        pbx_call_id=str(number),
        line="+74950000001",
        arrived_at=clock.now(),
    )


def example() -> bytes:
    """The body of one of these events as it goes out."""
    clock = SystemClock()
    return Envelope(
        id=UuidIds().new(),
        source="/careline/bench",
        subject="call-1",
        time=clock.now(),
        sequence=1,
        correlationid="call-1",
        causationid=None,
        data=arrived(1, clock),
    ).to_json()


@asynccontextmanager
async def ours(rabbit_url: str, database_url: str) -> AsyncIterator[Ours]:
    """The service with its relay and consumer running; its schema is dropped at the end."""
    clock = SystemClock()
    database, emitting = (
        Database(database_url, schema=SCHEMA, source="bench", clock=clock, ids=UuidIds())
        for _ in range(2)
    )
    transport = RabbitTransport(rabbit_url, clock=clock)
    await _create(database)
    made = Ours(database, emitting)
    try:
        tasks = messaging_tasks(
            database=database,
            transport=transport,
            subscriptions=(made.subscription,),
            clock=clock,
            readiness=Readiness(),
            registry=CollectorRegistry(),
        )
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(_forever(task), name=name) for name, task in tasks]
            while not transport.consuming(made.subscription.name):  # noqa: ASYNC110 - once, at the start
                await asyncio.sleep(0.05)
            yield made
            for each in running:
                each.cancel()
    finally:
        await transport.close()
        await _delete_queues(rabbit_url, made.subscription.name)
        async with database.engine.begin() as connection:
            await connection.execute(text(f"DROP SCHEMA {SCHEMA} CASCADE"))
        await database.close()
        await emitting.close()


async def _forever(task: Any) -> None:
    await task()


async def _delete_queues(rabbit_url: str, consumer: str) -> None:
    async with await aio_pika.connect(rabbit_url) as connection:
        channel = await connection.channel()
        retries = [topology.retry_name(consumer, delay_s) for delay_s in RETRY_DELAYS_S]
        for name in (topology.queue_name(consumer), topology.parked_name(consumer), *retries):
            await channel.queue_delete(name)


async def _create(database: Database) -> None:
    statements = [f"CREATE SCHEMA {SCHEMA}", f"CREATE TABLE {SCHEMA}.effect (event_id text)"]
    create_common_tables(statements.append, SCHEMA)
    async with database.engine.begin() as connection:
        for statement in statements:
            await connection.execute(text(statement))
