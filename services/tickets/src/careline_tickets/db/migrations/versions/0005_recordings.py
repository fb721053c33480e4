"""Links to recordings.

Revision ID: 0005
"""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("""
        CREATE TABLE tickets.recording_link (
            digest bytea NOT NULL,
            ticket_id text NOT NULL,
            who text NOT NULL,
            url text NOT NULL,
            expires_at timestamptz NOT NULL,
            CONSTRAINT pk_recording_link PRIMARY KEY (digest),
            CONSTRAINT fk_recording_link_ticket_id_ticket
                FOREIGN KEY (ticket_id) REFERENCES tickets.ticket (id)
        )""")
