"""How long appeals took to be filled in.

Revision ID: 0013
"""

from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(
        """
        CREATE TABLE tickets.filling (
            ticket_id TEXT NOT NULL,
            took_s DOUBLE PRECISION NOT NULL,
            CONSTRAINT pk_filling PRIMARY KEY (ticket_id),
            CONSTRAINT fk_filling_ticket_id_ticket FOREIGN KEY (ticket_id) REFERENCES tickets.ticket (id)
        )"""
    )
