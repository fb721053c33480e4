"""What the journal did with partners' appeals, and what Open311 clients gave beside the appeal."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("""
        CREATE TABLE ingest.appeal (
            ticket_id text NOT NULL CONSTRAINT pk_appeal PRIMARY KEY,
            sequence integer NOT NULL,
            source text,
            external_id text,
            insurer text,
            number text NOT NULL,
            status text NOT NULL,
            outcome text,
            returns integer NOT NULL DEFAULT 0,
            due_at timestamptz,
            at timestamptz NOT NULL
        )""")
    op.execute("CREATE INDEX ix_appeal_source_external_id ON ingest.appeal (source, external_id)")
    op.execute("""
        CREATE TABLE ingest.open311_content (
            record_id text NOT NULL CONSTRAINT pk_open311_content PRIMARY KEY
                CONSTRAINT fk_open311_content_record_id_record REFERENCES ingest.record (id),
            given jsonb NOT NULL
        )""")
