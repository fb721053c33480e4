"""Many rows at once, by asyncpg's own connection, inside a transaction of SQLAlchemy's.

What goes wrong here comes out as asyncpg's own error; `engine.sqlstate` and `engine.is_unavailable` read
both kinds.
"""

from collections.abc import Sequence
from typing import Any

import asyncpg
from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncConnection


async def driver_of(connection: AsyncConnection) -> asyncpg.Connection:
    """asyncpg's connection. SQLAlchemy begins a transaction by its first statement only: one must have
    been executed, else what is written here would stand at once."""
    driver = (await connection.get_raw_connection()).driver_connection
    assert driver is not None
    # of a connection that was lost, the next statement tells
    assert driver.is_in_transaction() or driver.is_closed(), (
        "execute a statement of SQLAlchemy's first"
    )
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
