"""Promises that citizens are told of, and messages of theirs.

Revision ID: 0012
"""

from alembic import op

revision = "0012"
down_revision = "0011"

STATEMENTS = (
    """
    CREATE TABLE tickets.promise (
        ticket_id text CONSTRAINT fk_promise_ticket_id_ticket REFERENCES tickets.ticket,
        generation smallint,
        due_at timestamptz,
        told_at timestamptz,
        CONSTRAINT pk_promise PRIMARY KEY (ticket_id, generation)
    )""",
    """
    CREATE INDEX ix_promise_due_at ON tickets.promise (due_at)
        WHERE told_at IS NULL AND due_at IS NOT NULL""",
    """
    CREATE TABLE tickets.sms_in (
        message_id text CONSTRAINT pk_sms_in PRIMARY KEY,
        phone_key bytea NOT NULL,
        at timestamptz NOT NULL,
        outcome text NOT NULL,
        ticket_id text CONSTRAINT fk_sms_in_ticket_id_ticket REFERENCES tickets.ticket
    )""",
    "CREATE INDEX ix_sms_in_phone_key_at ON tickets.sms_in (phone_key, at)",
    "CREATE INDEX ix_sms_in_ticket_id ON tickets.sms_in (ticket_id)",
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for statement in STATEMENTS:
        op.execute(statement)
