"""Calls that a bot has handed over to humans."""

from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE router.bot_talk (
            call_id TEXT NOT NULL,
            bot TEXT NOT NULL,
            queue TEXT NOT NULL,
            to_queue TEXT NOT NULL,
            reason TEXT,
            at TIMESTAMPTZ NOT NULL,
            CONSTRAINT pk_bot_talk PRIMARY KEY (call_id, bot)
        )"""
    )
