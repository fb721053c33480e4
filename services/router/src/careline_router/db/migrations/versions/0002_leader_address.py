"""Where the floor's leader is reached.

The address stands beside the epoch that it belongs to: a release before this one takes the lease without
writing either, and must not be taken for the process that led before it.
"""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(
        """
        ALTER TABLE router.floor_lease
            ADD COLUMN address TEXT,
            ADD COLUMN address_epoch BIGINT"""
    )
