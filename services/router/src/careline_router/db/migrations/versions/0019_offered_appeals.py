"""Appeals that nobody has are offered to agents; most of them came out of no call."""

from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.execute(
        """
        ALTER TABLE router.appeal
            ALTER COLUMN call_id DROP NOT NULL,
            ADD COLUMN group_id TEXT,
            ADD COLUMN priority TEXT NOT NULL DEFAULT 'normal',
            ADD COLUMN due_at TIMESTAMP WITH TIME ZONE,
            ADD COLUMN settled_sequence BIGINT,
            ADD COLUMN offered INTEGER NOT NULL DEFAULT 0,
            ADD COLUMN offered_sequence BIGINT"""
    )
    op.execute(
        """
        CREATE INDEX ix_appeal_nobodys ON router.appeal (group_id, due_at)
        WHERE owner IS NULL AND status IN ('new', 'in_work')"""
    )
