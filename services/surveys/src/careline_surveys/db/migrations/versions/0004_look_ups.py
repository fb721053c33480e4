"""Messages of unknown outcome are asked for; deliveries are measured by provider.

Revision ID: 0004
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("ALTER TABLE surveys.message ADD COLUMN look_ups smallint NOT NULL DEFAULT 0")
    op.execute("CREATE INDEX ix_message_measured ON surveys.message (provider, done_at)")
