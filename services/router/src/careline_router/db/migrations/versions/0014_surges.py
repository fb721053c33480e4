"""Which surges of appeals are open."""

from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE router.surge (
            surge_id TEXT NOT NULL,
            organisation TEXT,
            subject TEXT,
            territory TEXT,
            is_open BOOLEAN NOT NULL,
            sequence BIGINT NOT NULL,
            CONSTRAINT pk_surge PRIMARY KEY (surge_id)
        )"""
    )
