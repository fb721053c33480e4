"""Decisions say which rule decided and among which calls; callbacks have what a call's record has not.

A release before this one writes decisions without them, and makes no callbacks.
"""

from alembic import op

revision = "0004"
down_revision = "0003"

STATEMENTS = (
    "ALTER TABLE router.decision ADD COLUMN rule TEXT",
    "ALTER TABLE router.decision ADD COLUMN calls JSONB DEFAULT '[]'::jsonb NOT NULL",
    """
    CREATE TABLE router.callback (
        call_id TEXT NOT NULL,
        origin TEXT NOT NULL,
        from_call TEXT,
        made_at TIMESTAMP WITH TIME ZONE NOT NULL,
        promise_due TIMESTAMP WITH TIME ZONE,
        not_before TIMESTAMP WITH TIME ZONE,
        CONSTRAINT pk_callback PRIMARY KEY (call_id)
    )""",
    "CREATE INDEX ix_callback_made_at ON router.callback (made_at, call_id)",
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for statement in STATEMENTS:
        op.execute(statement)
