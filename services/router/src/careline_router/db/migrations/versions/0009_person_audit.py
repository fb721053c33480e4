"""Who had whose data exported or erased."""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE router.person_audit (
            id BIGINT GENERATED ALWAYS AS IDENTITY,
            at TIMESTAMP WITH TIME ZONE NOT NULL,
            who TEXT NOT NULL,
            roles TEXT[] NOT NULL,
            what TEXT NOT NULL,
            call_ids TEXT[] NOT NULL,
            CONSTRAINT pk_person_audit PRIMARY KEY (id)
        )"""
    )
