"""Tables that every service has in its own schema."""

from collections.abc import Callable

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB


def outbox_table(metadata: MetaData) -> Table:
    """Events that wait for the relay. `body` is the whole CloudEvent as it goes out."""
    return Table(
        "outbox",
        metadata,
        Column("id", BigInteger, Identity(always=True), primary_key=True),
        Column("event_id", Text, nullable=False, unique=True),
        Column("type", Text, nullable=False),
        Column("subject", Text, nullable=False),
        Column("sequence", BigInteger, nullable=False),
        Column("body", LargeBinary, nullable=False),
        Column("created_at", DateTime(timezone=True), nullable=False),
        Column("published_at", DateTime(timezone=True)),
        Column("attempts", Integer, nullable=False, server_default=text("0")),
        Column("last_error", Text),
        Index("ix_outbox_unpublished", "id", postgresql_where=text("published_at IS NULL")),
    )


def inbox_table(metadata: MetaData) -> Table:
    """Which consumer has had which event; written in the transaction of the effect."""
    return Table(
        "inbox",
        metadata,
        Column("consumer", Text, primary_key=True),
        Column("event_id", Text, primary_key=True),
        Column(
            "processed_at", DateTime(timezone=True), nullable=False, server_default=text("now()")
        ),
        Index("ix_inbox_processed_at", "processed_at", postgresql_using="brin"),
    )


def idempotency_table(metadata: MetaData) -> Table:
    """The first answer to each Idempotency-Key and to each signed webhook id.

    `scope` is the caller (a token's subject, a webhook's sender), so that keys of two callers
    cannot meet; `fingerprint` is the SHA-256 of method, path and body.
    """
    return Table(
        "idempotency",
        metadata,
        Column("scope", Text, primary_key=True),
        Column("key", Text, primary_key=True),
        Column("fingerprint", LargeBinary, nullable=False),
        Column("status", SmallInteger, nullable=False),
        Column("headers", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
        Column("body", LargeBinary, nullable=False),
        Column("created_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
        Index("ix_idempotency_created_at", "created_at"),
    )


def config_table(metadata: MetaData) -> Table:
    """Configuration entries as applied: one row an entry of a section of the configuration file."""
    return Table(
        "config_entry",
        metadata,
        Column("section", Text, primary_key=True),
        Column("id", Text, primary_key=True),
        Column("body", JSONB, nullable=False),
        Column("version", Integer, nullable=False, server_default=text("1")),
        Column("updated_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    )


def common_tables(metadata: MetaData) -> None:
    """Declares all of the above in a service's metadata."""
    for declare in (outbox_table, inbox_table, idempotency_table, config_table):
        declare(metadata)


COMMON_TABLES_1 = (
    """
    CREATE TABLE {schema}.outbox (
        id bigint GENERATED ALWAYS AS IDENTITY,
        event_id text NOT NULL,
        type text NOT NULL,
        subject text NOT NULL,
        sequence bigint NOT NULL,
        body bytea NOT NULL,
        created_at timestamptz NOT NULL,
        published_at timestamptz,
        attempts integer NOT NULL DEFAULT 0,
        last_error text,
        CONSTRAINT pk_outbox PRIMARY KEY (id),
        CONSTRAINT uq_outbox_event_id UNIQUE (event_id)
    )""",
    "CREATE INDEX ix_outbox_unpublished ON {schema}.outbox (id) WHERE published_at IS NULL",
    """
    CREATE TABLE {schema}.inbox (
        consumer text NOT NULL,
        event_id text NOT NULL,
        processed_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT pk_inbox PRIMARY KEY (consumer, event_id)
    )""",
    "CREATE INDEX ix_inbox_processed_at ON {schema}.inbox USING brin (processed_at)",
    """
    CREATE TABLE {schema}.idempotency (
        scope text NOT NULL,
        key text NOT NULL,
        fingerprint bytea NOT NULL,
        status smallint NOT NULL,
        headers jsonb NOT NULL DEFAULT '{{}}',
        body bytea NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT pk_idempotency PRIMARY KEY (scope, key)
    )""",
    "CREATE INDEX ix_idempotency_created_at ON {schema}.idempotency (created_at)",
    """
    CREATE TABLE {schema}.config_entry (
        section text NOT NULL,
        id text NOT NULL,
        body jsonb NOT NULL,
        version integer NOT NULL DEFAULT 1,
        updated_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT pk_config_entry PRIMARY KEY (section, id)
    )""",
)
"""The common tables as every service's first migration makes them. It never changes: what changes
later comes as another tuple, for another migration of each service."""


def create_common_tables(execute: Callable[[str], object], schema: str) -> None:
    """Makes the common tables; for a service's first migration, with `op.execute`."""
    for statement in COMMON_TABLES_1:
        execute(statement.format(schema=schema))
