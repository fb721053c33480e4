"""Files of appeals, and links to them.

Revision ID: 0011
"""

from alembic import op

revision = "0011"
down_revision = "0010"

STATEMENTS = (
    """
    CREATE TABLE tickets.attachment (
        id text CONSTRAINT pk_attachment PRIMARY KEY,
        ticket_id text NOT NULL CONSTRAINT fk_attachment_ticket_id_ticket REFERENCES tickets.ticket,
        name text NOT NULL,
        media text NOT NULL,
        size integer NOT NULL,
        sha256 bytea NOT NULL,
        content bytea NOT NULL,
        author text NOT NULL,
        at timestamptz NOT NULL,
        state text NOT NULL,
        verdict text,
        scanned_at timestamptz,
        attempts smallint NOT NULL DEFAULT 0,
        due_at timestamptz NOT NULL,
        CONSTRAINT uq_attachment_ticket_id_sha256 UNIQUE (ticket_id, sha256)
    )""",
    "CREATE INDEX ix_attachment_due_at ON tickets.attachment (due_at) WHERE state = 'waiting'",
    """
    CREATE TABLE tickets.attachment_link (
        digest bytea CONSTRAINT pk_attachment_link PRIMARY KEY,
        attachment_id text NOT NULL CONSTRAINT fk_attachment_link_attachment_id_attachment
            REFERENCES tickets.attachment ON DELETE CASCADE,
        who text NOT NULL,
        expires_at timestamptz NOT NULL
    )""",
    "CREATE INDEX ix_attachment_link_attachment_id ON tickets.attachment_link (attachment_id)",
    "CREATE INDEX ix_attachment_link_expires_at ON tickets.attachment_link (expires_at)",
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for statement in STATEMENTS:
        op.execute(statement)
