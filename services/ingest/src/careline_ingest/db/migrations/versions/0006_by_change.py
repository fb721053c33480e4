"""What has changed since a moment, found without looking at all that a source ever sent."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("CREATE INDEX ix_record_source_updated_at ON ingest.record (source, updated_at)")
    op.execute("CREATE INDEX ix_appeal_at ON ingest.appeal (at)")
