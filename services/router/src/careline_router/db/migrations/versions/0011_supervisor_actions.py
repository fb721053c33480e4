"""What supervisors did, to whom and when."""

from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE router.supervisor_action (
            id BIGINT GENERATED ALWAYS AS IDENTITY,
            at TIMESTAMP WITH TIME ZONE NOT NULL,
            who TEXT NOT NULL,
            what TEXT NOT NULL,
            target TEXT,
            detail JSONB DEFAULT '{}'::jsonb NOT NULL,
            CONSTRAINT pk_supervisor_action PRIMARY KEY (id)
        )"""
    )
    op.execute("CREATE INDEX ix_supervisor_action_at ON router.supervisor_action (at, id)")
