"""What a batch writes costs less: snapshots are packed, and the state of a call is in no index.

A release before this one goes on with its own snapshots: it reads more of the journal, and the same floor.
Its table goes with the release after this one.
"""

from alembic import op

revision = "0003"
down_revision = "0002"

STATEMENTS = (
    """
    CREATE TABLE router.floor_snapshot (
        floor TEXT NOT NULL,
        seq BIGINT NOT NULL,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        data BYTEA NOT NULL,
        CONSTRAINT pk_floor_snapshot PRIMARY KEY (floor)
    )""",
    # it is packed already
    "ALTER TABLE router.floor_snapshot ALTER COLUMN data SET STORAGE EXTERNAL",
    # an update that changes no column of an index stays on its page, if that has room
    "DROP INDEX router.ix_call_record_open",
    "CREATE INDEX ix_call_record_open ON router.call_record (queue) WHERE ended_at IS NULL",
    "ALTER TABLE router.call_record SET (fillfactor = 70)",
    "ALTER TABLE router.offer SET (fillfactor = 70)",
    "ALTER TABLE router.agent_session SET (fillfactor = 50)",
    # for deleting what is old, all of it in the order in which it was written
    "DROP INDEX router.ix_agent_message_at",
    "CREATE INDEX ix_agent_message_at ON router.agent_message USING brin (at)",
    "CREATE INDEX ix_decision_at ON router.decision USING brin (at)",
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for statement in STATEMENTS:
        op.execute(statement)
