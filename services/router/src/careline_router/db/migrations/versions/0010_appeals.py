"""How the appeals stand that came out of calls."""

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE router.appeal (
            ticket_id TEXT NOT NULL,
            call_id TEXT NOT NULL,
            status TEXT NOT NULL,
            owner TEXT,
            updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
            sequence BIGINT NOT NULL,
            CONSTRAINT pk_appeal PRIMARY KEY (ticket_id)
        )"""
    )
    op.execute("CREATE INDEX ix_appeal_call_id ON router.appeal (call_id)")
