"""Appeals whose person is to be erased once they are closed."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(
        """
        CREATE TABLE tickets.erasure (
            ticket_id text NOT NULL,
            asked_at timestamp with time zone NOT NULL,
            CONSTRAINT pk_erasure PRIMARY KEY (ticket_id),
            CONSTRAINT fk_erasure_ticket_id FOREIGN KEY (ticket_id) REFERENCES tickets.ticket (id)
        )"""
    )
