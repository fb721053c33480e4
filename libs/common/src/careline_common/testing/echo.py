"""The smallest service there is, for tests of what all services stand on.

Its table `echo.effect` gets a row for each event that was handled, without any constraint: what is
handled twice is there twice.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from prometheus_client import CollectorRegistry
from sqlalchemy import text

from careline_common.clock import Clock, SystemClock
from careline_common.db import engine
from careline_common.db.engine import Database
from careline_common.db.tables import create_common_tables
from careline_common.db.unit_of_work import UnitOfWork
from careline_common.events import Envelope
from careline_common.events.router import CallArrived
from careline_common.http.health import Readiness
from careline_common.ids import Ids, UuidIds
from careline_common.messaging.local import LocalTransport
from careline_common.messaging.rabbit import RabbitTransport
from careline_common.messaging.runtime import messaging_tasks
from careline_common.messaging.subscription import Subscription
from careline_common.messaging.transport import Transport

SCHEMA = "echo"
DELAYS_S = (0.05, 0.15)


async def note(uow: UnitOfWork, envelope: Envelope, _: Any) -> None:
    """The effect of an event."""
    await uow.connection.execute(
        text("INSERT INTO echo.effect (event_id) VALUES (:id)"), {"id": envelope.id}
    )


NOTING = Subscription(name="echo.calls", events=(CallArrived,), handle=note)


def echo_database(url: str, *, clock: Clock | None = None, ids: Ids | None = None) -> Database:
    return Database(
        url, schema=SCHEMA, source=SCHEMA, clock=clock or SystemClock(), ids=ids or UuidIds()
    )


async def create_echo(database: Database) -> None:
    """Makes the schema with the common tables and `effect`."""
    async with database.engine.begin() as connection:
        await connection.execute(text("CREATE SCHEMA echo"))
        await connection.execute(text("CREATE TABLE echo.effect (event_id text NOT NULL)"))
        statements: list[str] = []
        create_common_tables(statements.append, SCHEMA)
        for statement in statements:
            await connection.execute(text(statement))


async def effects(database: Database) -> list[str]:
    """The ids of the events handled, in order, repeats included."""
    async with database.read() as connection:
        rows = await connection.execute(text("SELECT event_id FROM echo.effect ORDER BY ctid"))
        return list(rows.scalars())


async def arrive(database: Database, *numbers: int) -> list[str]:
    """Emits `call.arrived` for each number, a transaction each; says the events' ids."""
    emitted = []
    for number in numbers:
        async with database.unit_of_work() as uow:
            event = CallArrived(
                call_id=f"call-{number}",
                pbx="pbx1",
                pbx_call_id=str(number),
                line="+74950000001",
                arrived_at=uow.clock.now(),
            )
            emitted.append(uow.emit(event, subject=f"call-{number}", sequence=1).id)
    return emitted


@asynccontextmanager
async def running(
    database: Database,
    transport: Transport,
    subscriptions: Sequence[Subscription] = (NOTING,),
    *,
    readiness: Readiness | None = None,
    registry: CollectorRegistry | None = None,
) -> AsyncIterator[None]:
    """The service's messaging, as long as the block runs; a task that fails fails the block."""
    wanted = messaging_tasks(
        database=database,
        transport=transport,
        subscriptions=subscriptions,
        clock=SystemClock(),
        readiness=readiness or Readiness(),
        registry=registry or CollectorRegistry(),
    )
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_forever(task), name=name) for name, task in wanted]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()


async def _forever(task: Any) -> None:
    await task()


async def _main(kind: str, bus_url: str, database_url: str, frozen_s: str = "20") -> None:
    """`frozen_s`: so long a replica may be silent before its locks are somebody else's."""
    engine.FROZEN_S = engine.IDLE_IN_TRANSACTION_S = int(frozen_s)
    transport: Transport
    if kind == "rabbit":
        transport = RabbitTransport(bus_url, clock=SystemClock(), delays_s=DELAYS_S)
    else:
        transport = LocalTransport(bus_url, delays_s=DELAYS_S)
    async with running(echo_database(database_url), transport):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
