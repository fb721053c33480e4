"""Mail that is held for a person to judge; promises that could not be told; what follows an appeal.

Revision ID: 0015
"""

from alembic import op

revision = "0015"
down_revision = "0014"

STATEMENTS = (
    """
    CREATE TABLE tickets.mail_held (
        id text CONSTRAINT fk_mail_held_id_mail_in REFERENCES tickets.mail_in,
        mailbox text NOT NULL,
        at timestamptz NOT NULL,
        mark text NOT NULL,
        state text NOT NULL,
        whole boolean NOT NULL,
        sender text,
        sender_key bytea,
        subject text NOT NULL,
        raw bytea NOT NULL,
        decided_at timestamptz,
        decided_by text,
        reason text,
        ticket_id text CONSTRAINT fk_mail_held_ticket_id_ticket REFERENCES tickets.ticket,
        CONSTRAINT pk_mail_held PRIMARY KEY (id)
    )""",
    "CREATE INDEX ix_mail_held_state_at ON tickets.mail_held (state, at, id)",
    """
    CREATE INDEX ix_mail_held_sender_key ON tickets.mail_held (sender_key)
        WHERE sender_key IS NOT NULL""",
    "ALTER TABLE tickets.promise ADD COLUMN again_at timestamptz",
    "CREATE INDEX ix_ticket_follows ON tickets.ticket (follows) WHERE follows IS NOT NULL",
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for statement in STATEMENTS:
        op.execute(statement)
