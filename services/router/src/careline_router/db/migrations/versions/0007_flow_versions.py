"""Drafts of flows, and every version that was ever in force. Those in force now are the first ones."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE router.flow_draft (
            flow TEXT NOT NULL,
            number INTEGER NOT NULL,
            document JSONB NOT NULL,
            based_on INTEGER NOT NULL,
            by TEXT NOT NULL,
            at TIMESTAMP WITH TIME ZONE NOT NULL,
            CONSTRAINT pk_flow_draft PRIMARY KEY (flow, number)
        )"""
    )
    op.execute(
        """
        CREATE TABLE router.flow_version (
            flow TEXT NOT NULL,
            version INTEGER NOT NULL,
            document JSONB NOT NULL,
            how TEXT NOT NULL,
            draft INTEGER,
            restores INTEGER,
            by TEXT NOT NULL,
            at TIMESTAMP WITH TIME ZONE NOT NULL,
            CONSTRAINT pk_flow_version PRIMARY KEY (flow, version)
        )"""
    )
    op.execute(
        """
        INSERT INTO router.flow_version (flow, version, document, how, by, at)
        SELECT id, version, body, 'apply', '', updated_at
        FROM router.config_entry WHERE section = 'flows'"""
    )
