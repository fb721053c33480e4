"""One service's way into PostgreSQL: a pool, transactions to write in, connections to read with."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, NewType

import asyncpg
import structlog
from sqlalchemy import MetaData, event, text
from sqlalchemy.exc import DBAPIError, InvalidatePoolError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from careline_common.clock import Clock
from careline_common.db.copying import bare_driver
from careline_common.db.tables import outbox_table
from careline_common.db.unit_of_work import UnitOfWork
from careline_common.ids import Ids

log = structlog.get_logger(__name__)

ReadConnection = NewType("ReadConnection", AsyncConnection)

CONNECT_TIMEOUT_S = 5
STATEMENT_TIMEOUT_S = 60
POOL_TIMEOUT_S = 10

SERVER_AWAY = (
    asyncpg.CannotConnectNowError,
    asyncpg.InsufficientResourcesError,
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
)
CONNECTION_LOST = (
    ConnectionError,
    FileNotFoundError,  # the Unix socket of a server that is down
    TimeoutError,
    PoolTimeoutError,
    asyncpg.InternalClientError,  # the driver was surprised by the end of its connection
)
ASYNCPG_ERRORS = (
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
"""What a call on a connection of asyncpg's own can raise; `is_unavailable` tells them apart."""

FROZEN_S = 20
"""A process that holds a lock by its connection and says nothing for so long has stopped: the server
ends the connection, and whoever stands by takes over. Keepalive notices only a machine that is gone."""

IDLE_IN_TRANSACTION_S = 60
"""The same for one that stopped in the middle of a transaction, whose rows wait for it."""

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


def service_metadata(schema: str) -> MetaData:
    """Metadata whose tables live in the service's own schema, with constraints named by rule."""
    return MetaData(schema=schema, naming_convention=NAMING)


def session_name(schema: str) -> str:
    """What the sessions of a service's pool are called at the server (`application_name`)."""
    return f"careline-{schema}"


def sqlalchemy_url(url: str) -> str:
    """`postgresql://…`, as settings have it, for SQLAlchemy; asyncpg itself takes it as it is."""
    return url.replace("postgresql://", "postgresql+asyncpg://", 1)


def is_unavailable(error: BaseException) -> bool:
    """Whether an error says that the database is away or full, and nothing about the statement."""
    if isinstance(error, DBAPIError):
        refused = error.orig is not None and isinstance(error.orig.__cause__, SERVER_AWAY)
        return error.connection_invalidated or refused
    closed = type(error) is asyncpg.InterfaceError  # the connection or the pool is
    return closed or isinstance(error, (*SERVER_AWAY, *CONNECTION_LOST))


def sqlstate(error: BaseException) -> str:
    """The five characters by which PostgreSQL names an error; empty when it is not the server's."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return str(getattr(cause, "sqlstate", None) or "")


class Database:
    """The database of one service: `schema` is its own, and no other service reads it."""

    def __init__(
        self, url: str, *, schema: str, source: str, clock: Clock, ids: Ids, pool_size: int = 10
    ) -> None:
        self.url = url
        self.schema = schema
        self._source = source
        self._clock = clock
        self._ids = ids
        self._outbox = outbox_table(service_metadata(schema))
        self.engine: AsyncEngine = create_async_engine(
            sqlalchemy_url(url),
            pool_size=pool_size,
            max_overflow=0,
            isolation_level="AUTOCOMMIT",  # `_transaction` begins and ends them
            pool_timeout=POOL_TIMEOUT_S,
            hide_parameters=True,  # an error's text must not quote a patient's row
            connect_args={
                "timeout": CONNECT_TIMEOUT_S,
                "command_timeout": STATEMENT_TIMEOUT_S,
                "server_settings": {
                    "application_name": session_name(schema),
                    "search_path": f"{schema},public",
                    "timezone": "UTC",
                    "jit": "off",
                    "random_page_cost": "1.1",  # no disk turns any more: an index is worth it sooner
                    "idle_in_transaction_session_timeout": str(IDLE_IN_TRANSACTION_S * 1000),
                },
            },
        )

        event.listen(self.engine.sync_engine, "checkout", _refuse_closed)

    @asynccontextmanager
    async def unit_of_work(self) -> AsyncIterator[UnitOfWork]:
        """One transaction: commits when the block ends well, rolls back when it does not.

        When the connection is lost in the commit itself nobody knows what became of it: that error
        comes out here and no `after_commit` runs; who repeats the work must find what it did.
        """
        after_commit: list[Callable[[], None]] = []
        async with self._transaction() as connection:
            uow = UnitOfWork(
                connection,
                outbox=self._outbox,
                source=self._source,
                clock=self._clock,
                ids=self._ids,
                after_commit=after_commit,
            )
            yield uow
            await uow.flush_events()
        for callback in after_commit:
            _call(callback)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[ReadConnection]:
        """A connection to read with, all of it in one snapshot; it cannot write."""
        async with self._transaction(isolation="repeatable_read", readonly=True) as connection:
            yield ReadConnection(connection)

    @asynccontextmanager
    async def _transaction(self, **kind: Any) -> AsyncIterator[AsyncConnection]:
        """A connection in a transaction of asyncpg's own: SQLAlchemy's cost as much again, and a round trip
        more where it is only to read. Nothing of it is left on a connection that goes back to the pool."""
        async with self.engine.connect() as connection:
            driver = bare_driver(connection)
            transaction = driver.transaction(**kind)
            try:
                await transaction.start()
            except BaseException:
                driver.terminate()  # nobody knows whether it has begun
                raise
            try:
                yield connection
                await transaction.commit()
            except BaseException as error:
                if is_unavailable(error):  # asyncpg may take a lost connection for a busy one
                    await connection.invalidate(error)
                elif _is_under_way(driver):
                    with suppress(*ASYNCPG_ERRORS):
                        await transaction.rollback()
                raise
            finally:
                if _is_under_way(driver):  # cancelled while it ended
                    driver.terminate()

    async def ping(self) -> None:
        """Raises while the database is away (`is_unavailable`)."""
        async with self.engine.connect() as connection:
            await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        await self.engine.dispose()


def _is_under_way(driver: asyncpg.Connection) -> bool:
    """Whether a connection has a transaction. One that was given up, as that to a server which does not even answer
    the good-bye, can not be asked: that error would stand in the place of why it was given up."""
    return not driver.is_closed() and driver.is_in_transaction()


def _refuse_closed(connection: Any, *_: object) -> None:
    """Has the pool replace its connections when the server has closed one.

    asyncpg hears of that by itself; SQLAlchemy's own ping would cost three round trips each time.
    """
    if connection.driver_connection.is_closed():
        raise InvalidatePoolError("closed by the server")


def _call(callback: Callable[[], None]) -> None:
    """The work is done and stands: a callback that fails must not make it look undone."""
    try:
        callback()
    except Exception as error:  # noqa: BLE001 - see above
        log.error(  # noqa: TRY400 - a traceback's text may hold personal data
            "after_commit.failed", callback=callback.__qualname__, error=type(error).__name__
        )
