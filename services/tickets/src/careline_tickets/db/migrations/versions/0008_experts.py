"""The appeals of an expert, of which he has few among all.

Revision ID: 0008
"""

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(
        """
        CREATE INDEX ix_ticket_experts ON tickets.ticket USING gin (experts)
            WHERE experts <> '{}'"""
    )
