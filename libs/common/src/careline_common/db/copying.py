"""Many rows at once, by asyncpg's own connection, inside a transaction of SQLAlchemy's.

What goes wrong here comes out as asyncpg's own error; `engine.sqlstate` and `engine.is_unavailable` read
both kinds.
"""

from collections.abc import Sequence
from typing import Any

import asyncpg
from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncConnection


def bare_driver(connection: AsyncConnection) -> asyncpg.Connection:
    """asyncpg's connection, in whatever state it is."""
    # not by `get_raw_connection`: that takes as long as asyncpg takes to send a statement
    sync = connection.sync_connection
    assert sync is not None
    driver = sync.connection.driver_connection
    assert driver is not None
    return driver


def driver_of(connection: AsyncConnection) -> asyncpg.Connection:
    """asyncpg's connection, in the transaction of a unit of work: outside of one what is written would
    stand at once."""
    driver = bare_driver(connection)
    # of a connection that was lost, the next statement tells
    assert driver.is_in_transaction() or driver.is_closed(), "only in a unit of work"
    return driver


async def copy_rows(
    driver: asyncpg.Connection,
    table: Table,
    columns: Sequence[str],
    rows: Sequence[tuple[Any, ...]],
) -> None:
    """Inserts rows by COPY, in their order; JSONB takes JSON as text. None of them stays on an error."""
    await driver.copy_records_to_table(
        table.name, schema_name=table.schema, columns=columns, records=rows
    )
