"""Skills that supervisors give agents for a day."""

from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE router.extra_skill (
            agent TEXT NOT NULL,
            skill TEXT NOT NULL,
            level INTEGER NOT NULL,
            until TIMESTAMP WITH TIME ZONE NOT NULL,
            "by" TEXT NOT NULL,
            at TIMESTAMP WITH TIME ZONE NOT NULL,
            CONSTRAINT pk_extra_skill PRIMARY KEY (agent, skill)
        )"""
    )
