"""The emergency switch: who has thrown it and when; the last row is how it stands."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE router.emergency (
            id BIGINT GENERATED ALWAYS AS IDENTITY,
            "on" BOOLEAN NOT NULL,
            announcement TEXT,
            by TEXT NOT NULL,
            at TIMESTAMP WITH TIME ZONE NOT NULL,
            CONSTRAINT pk_emergency PRIMARY KEY (id)
        )"""
    )
