"""The target that a call's flow gives it, and when its caller refused to be recorded."""

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.execute(
        "ALTER TABLE router.call_record ADD COLUMN target_s DOUBLE PRECISION,"
        " ADD COLUMN recording_refused_at TIMESTAMP WITH TIME ZONE"
    )
