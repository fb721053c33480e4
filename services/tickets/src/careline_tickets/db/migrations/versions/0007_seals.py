"""Seals of the history: what was in it up to a moment.

Revision ID: 0007
"""

from alembic import op

revision = "0007"
down_revision = "0006"

STATEMENTS = (
    """
    CREATE TABLE tickets.seal (
        number integer CONSTRAINT pk_seal PRIMARY KEY,
        until timestamptz NOT NULL,
        entries integer NOT NULL,
        hash bytea NOT NULL
    )""",
    """
    CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON tickets.seal
        FOR EACH ROW EXECUTE FUNCTION tickets.refuse_change()""",
    "CREATE INDEX ix_history_at ON tickets.history USING brin (at)",
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for statement in STATEMENTS:
        op.execute(statement)
