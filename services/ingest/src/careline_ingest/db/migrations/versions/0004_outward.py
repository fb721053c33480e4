"""Sources that are paused or not trusted any more, answers after replays, and what partners are told
of their appeals."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("ALTER TABLE ingest.fetch ADD COLUMN paused_at timestamptz")
    op.execute("ALTER TABLE ingest.fetch ADD COLUMN stopped text")
    op.execute("ALTER TABLE ingest.answer ADD COLUMN revision integer NOT NULL DEFAULT 0")
    op.execute("ALTER TABLE ingest.answer ADD COLUMN told integer NOT NULL DEFAULT 0")
    op.execute("""
        CREATE TABLE ingest.notice (
            id text NOT NULL CONSTRAINT pk_notice PRIMARY KEY,
            source text NOT NULL,
            ticket_id text NOT NULL,
            version integer NOT NULL,
            external_id text,
            record_id text,
            number text NOT NULL,
            event text NOT NULL,
            status text NOT NULL,
            outcome text,
            returns integer NOT NULL DEFAULT 0,
            due_at timestamptz,
            at timestamptz NOT NULL,
            state text NOT NULL DEFAULT 'pending',
            batch text,
            attempts integer NOT NULL DEFAULT 0,
            next_at timestamptz,
            error text,
            delivered_at timestamptz,
            CONSTRAINT ck_notice_state
                CHECK (state IN ('pending', 'delivered', 'overtaken', 'refused'))
        )""")
    op.execute(
        "CREATE UNIQUE INDEX uq_notice_source_ticket_id_version"
        " ON ingest.notice (source, ticket_id, version)"
    )
    op.execute(
        "CREATE INDEX ix_notice_pending ON ingest.notice (source, id) WHERE state = 'pending'"
    )
