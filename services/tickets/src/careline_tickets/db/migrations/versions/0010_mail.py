"""Mail that comes in and goes out.

Revision ID: 0010
"""

from alembic import op

revision = "0010"
down_revision = "0009"

STATEMENTS = (
    """
    CREATE TABLE tickets.mailbox (
        id text CONSTRAINT pk_mailbox PRIMARY KEY,
        holder text,
        held_until timestamptz,
        due_at timestamptz NOT NULL DEFAULT now(),
        failures integer NOT NULL DEFAULT 0
    )""",
    """
    CREATE TABLE tickets.mail_in (
        id text CONSTRAINT pk_mail_in PRIMARY KEY,
        mailbox text NOT NULL,
        validity bigint NOT NULL,
        uid bigint NOT NULL,
        identity bytea CONSTRAINT uq_mail_in_identity UNIQUE,
        message_key bytea,
        sender_key bytea,
        ticket_id text CONSTRAINT fk_mail_in_ticket_id_ticket REFERENCES tickets.ticket,
        outcome text NOT NULL,
        at timestamptz NOT NULL,
        CONSTRAINT uq_mail_in_mailbox_validity_uid UNIQUE (mailbox, validity, uid)
    )""",
    """
    CREATE INDEX ix_mail_in_message_key ON tickets.mail_in (message_key)
        WHERE message_key IS NOT NULL""",
    "CREATE INDEX ix_mail_in_sender_key_at ON tickets.mail_in (sender_key, at)",
    "CREATE INDEX ix_mail_in_ticket_id ON tickets.mail_in (ticket_id)",
    """
    CREATE TABLE tickets.correspondent (
        ticket_id text CONSTRAINT pk_correspondent PRIMARY KEY
            CONSTRAINT fk_correspondent_ticket_id_ticket REFERENCES tickets.ticket,
        mailbox text NOT NULL,
        address text NOT NULL,
        address_key bytea NOT NULL,
        subject text NOT NULL,
        message_id text,
        language text NOT NULL
    )""",
    "CREATE INDEX ix_correspondent_address_key ON tickets.correspondent (address_key)",
    """
    CREATE TABLE tickets.mail_out (
        id text CONSTRAINT pk_mail_out PRIMARY KEY,
        key text NOT NULL CONSTRAINT uq_mail_out_key UNIQUE,
        ticket_id text CONSTRAINT fk_mail_out_ticket_id_ticket REFERENCES tickets.ticket,
        mailbox text NOT NULL,
        purpose text NOT NULL,
        automatic boolean NOT NULL,
        message_id text NOT NULL,
        message_key bytea NOT NULL CONSTRAINT uq_mail_out_message_key UNIQUE,
        address_key bytea NOT NULL,
        address text NOT NULL,
        subject text NOT NULL,
        body text NOT NULL,
        answers text[] NOT NULL,
        state text NOT NULL,
        attempts smallint NOT NULL DEFAULT 0,
        due_at timestamptz NOT NULL,
        claimed_at timestamptz,
        done_at timestamptz,
        reason text,
        created_at timestamptz NOT NULL
    )""",
    "CREATE INDEX ix_mail_out_due_at ON tickets.mail_out (due_at) WHERE state = 'queued'",
    "CREATE INDEX ix_mail_out_claimed_at ON tickets.mail_out (claimed_at) WHERE state = 'sending'",
    "CREATE INDEX ix_mail_out_address_key_created_at ON tickets.mail_out (address_key, created_at)",
    "CREATE INDEX ix_mail_out_ticket_id ON tickets.mail_out (ticket_id)",
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for statement in STATEMENTS:
        op.execute(statement)
