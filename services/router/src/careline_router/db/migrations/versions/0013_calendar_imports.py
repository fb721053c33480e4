"""Imports of holidays into calendars: what was proposed, and who has approved it."""

from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE router.calendar_import (
            id TEXT NOT NULL,
            calendar TEXT NOT NULL,
            source JSONB NOT NULL,
            based_on BIGINT NOT NULL,
            by TEXT NOT NULL,
            at TIMESTAMP WITH TIME ZONE NOT NULL,
            days JSONB NOT NULL,
            approved_by TEXT,
            approved_at TIMESTAMP WITH TIME ZONE,
            CONSTRAINT pk_calendar_import PRIMARY KEY (id)
        )"""
    )
    op.execute("CREATE INDEX ix_calendar_import_calendar ON router.calendar_import (calendar, at)")
