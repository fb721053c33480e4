"""Links to recordings, appeals that go on elsewhere, and the order in which appeals are pulled.

Revision ID: 0005
"""

from alembic import op

revision = "0005"
down_revision = "0004"

STATEMENTS = (
    """
        CREATE TABLE tickets.recording_link (
            digest bytea NOT NULL,
            ticket_id text NOT NULL,
            who text NOT NULL,
            url text NOT NULL,
            expires_at timestamptz NOT NULL,
            CONSTRAINT pk_recording_link PRIMARY KEY (digest),
            CONSTRAINT fk_recording_link_ticket_id_ticket
                FOREIGN KEY (ticket_id) REFERENCES tickets.ticket (id)
        )""",
    "ALTER TABLE tickets.ticket ADD COLUMN insured_in text, ADD COLUMN forwarded_to text",
    "DROP INDEX tickets.ix_ticket_pull",
    """
    CREATE INDEX ix_ticket_pull ON tickets.ticket (priority, due_at, registered_at, id)
        WHERE owner IS NULL AND status IN ('new', 'in_work')""",
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for statement in STATEMENTS:
        op.execute(statement)
