"""The way of callers through self-service."""

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE router.self_service_step (
            id BIGINT GENERATED ALWAYS AS IDENTITY,
            call_id TEXT NOT NULL,
            flow TEXT NOT NULL,
            flow_version INTEGER,
            node TEXT NOT NULL,
            input TEXT NOT NULL,
            at TIMESTAMP WITH TIME ZONE NOT NULL,
            CONSTRAINT pk_self_service_step PRIMARY KEY (id)
        )"""
    )
    op.execute("CREATE INDEX ix_self_service_step_call_id ON router.self_service_step (call_id)")
    op.execute("CREATE INDEX ix_self_service_step_at ON router.self_service_step USING brin (at)")
