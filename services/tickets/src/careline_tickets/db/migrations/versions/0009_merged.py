"""The appeals that were merged into one.

Revision ID: 0009
"""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(
        """
        CREATE INDEX ix_ticket_merged_into ON tickets.ticket (merged_into)
            WHERE merged_into IS NOT NULL"""
    )
