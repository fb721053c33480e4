"""Runs a service's Alembic history: `db/migrations/versions/*.py` in the service's package.

A service has nothing there but its revisions, written by hand so that they can be read:

    revision = "0001"
    down_revision = None

    def upgrade() -> None:
        op.execute("SET LOCAL lock_timeout = '5s'")
        create_common_tables(op.execute, "tickets")            # careline_common.db.tables
        op.create_table("ticket", sa.Column(...), schema="tickets")

Each revision is one transaction. Two processes that start at once take turns by an advisory lock;
a history that is already at its head costs one query. A revision's file begins with its id, and ids sort
in the order of the history. `differences` says where a service's
`Table`s and what its history made of the database disagree; each service tests that it is empty.
"""

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, MetaData, NullPool, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from careline_common.db.engine import CONNECT_TIMEOUT_S, sqlalchemy_url

if TYPE_CHECKING:
    from alembic.config import Config

# Alembic itself is imported where it has work to do: it costs every start as much as a web framework.

LOCK_KEY = 0x6361_7265  # "care": migrations of one database run one after the other


class MigrationsPendingError(Exception):
    """The schema is behind this code: run `careline <service> migrate`."""


def _versions(package: str) -> Path:
    return Path(str(files(package))) / "db" / "migrations" / "versions"


def _head(package: str) -> str:
    """The newest revision of a service's history."""
    return max(file.stem.partition("_")[0] for file in _versions(package).glob("[0-9]*.py"))


def _config(package: str) -> "Config":
    from alembic.config import Config

    config = Config()
    options = {
        "script_location": str(Path(__file__).parent / "alembic"),
        "version_locations": str(_versions(package)),
        "path_separator": "newline",
    }
    for name, value in options.items():
        config.set_main_option(name, value.replace("%", "%%"))
    return config


def _engine(url: str) -> AsyncEngine:
    """Without a pool: closing the connection also gives the advisory lock back."""
    return create_async_engine(
        sqlalchemy_url(url), poolclass=NullPool, connect_args={"timeout": CONNECT_TIMEOUT_S}
    )


def _upgrade(connection: Connection, package: str, schema: str) -> None:
    if _is_current(connection, package, schema):
        return
    from alembic import command

    connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": LOCK_KEY})
    connection.execute(text(f'CREATE SCHEMA IF NOT EXISTS "{schema}"'))
    connection.commit()
    config = _config(package)
    config.attributes.update(connection=connection, schema=schema)
    command.upgrade(config, "head")
    connection.commit()


def _is_current(connection: Connection, package: str, schema: str) -> bool:
    """Whether the schema has what this code needs. A newer one has: a release only adds to what
    the release before it uses, so that old processes work on during an upgrade and after a way back."""
    there = connection.execute(
        text("SELECT to_regclass(:table)"), {"table": f"{schema}.migration"}
    ).scalar_one()
    if there is None:
        return False
    found = connection.execute(text(f'SELECT version_num FROM "{schema}".migration'))  # noqa: S608
    return max(found.scalars(), default="") >= _head(package)


def _differences(connection: Connection, schema: str, metadata: MetaData) -> list[str]:
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    def only_own(name: str | None, kind: str, _: Mapping[str, Any]) -> bool:
        return kind != "schema" or name == schema

    context = MigrationContext.configure(
        connection,
        opts={
            "version_table": "migration",
            "version_table_schema": schema,
            "include_schemas": True,
            "include_name": only_own,
            "compare_type": True,
        },
    )
    return [str(difference) for difference in compare_metadata(context, metadata)]


async def upgrade(url: str, *, package: str, schema: str) -> None:
    """Brings the service's schema to this code's version; safe to run at the same time twice."""
    engine = _engine(url)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_upgrade, package, schema)
    finally:
        await engine.dispose()


async def require_current(url: str, *, package: str, schema: str) -> None:
    """Raises `MigrationsPendingError` when the schema is not at this code's version."""
    engine = _engine(url)
    try:
        async with engine.connect() as connection:
            if not await connection.run_sync(_is_current, package, schema):
                raise MigrationsPendingError(
                    f"schema {schema!r} is not at this version: run `careline {schema} migrate`"
                )
    finally:
        await engine.dispose()


async def differences(url: str, *, schema: str, metadata: MetaData) -> list[str]:
    """What Alembic would still have to change so that the schema has the tables of `metadata`."""
    engine = _engine(url)
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(_differences, schema, metadata)
    finally:
        await engine.dispose()
