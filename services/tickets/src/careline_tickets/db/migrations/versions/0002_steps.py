"""Steps of clocks, extensions and pauses, reopening, priority, root cause.

Revision ID: 0002
"""

from alembic import op

revision = "0002"
down_revision = "0001"

STATEMENTS = (
    """
    ALTER TABLE tickets.ticket
        ADD COLUMN language text,
        ADD COLUMN priority smallint NOT NULL DEFAULT 2,
        ADD COLUMN root_cause text,
        ADD COLUMN reopens integer NOT NULL DEFAULT 0,
        ADD COLUMN reopen_clocks text,
        ADD COLUMN extended_by text,
        ADD COLUMN follows text
            CONSTRAINT fk_ticket_follows_ticket REFERENCES tickets.ticket (id),
        ADD COLUMN followed_by text
            CONSTRAINT fk_ticket_followed_by_ticket REFERENCES tickets.ticket (id)""",
    """
    ALTER TABLE tickets.clock
        ADD COLUMN pauses jsonb NOT NULL DEFAULT '[]',
        ADD COLUMN extended_days integer NOT NULL DEFAULT 0,
        ADD COLUMN rework boolean NOT NULL DEFAULT false""",
    """
    CREATE TABLE tickets.step (
        ticket_id text NOT NULL,
        clock text NOT NULL,
        generation smallint NOT NULL,
        step text NOT NULL,
        fires_at timestamptz NOT NULL,
        fired_at timestamptz,
        result text,
        attempts smallint NOT NULL DEFAULT 0,
        CONSTRAINT pk_step PRIMARY KEY (ticket_id, clock, generation, step),
        CONSTRAINT fk_step_ticket_id_ticket
            FOREIGN KEY (ticket_id) REFERENCES tickets.ticket (id)
    )""",
    """
    CREATE TABLE tickets.presence (
        agent text NOT NULL,
        state text NOT NULL,
        since timestamptz NOT NULL,
        sequence bigint NOT NULL,
        CONSTRAINT pk_presence PRIMARY KEY (agent)
    )""",
    "CREATE INDEX ix_step_fires_at ON tickets.step (fires_at) WHERE fired_at IS NULL",
    """
    CREATE INDEX ix_ticket_pull ON tickets.ticket (level, priority, due_at, registered_at)
        WHERE owner IS NULL AND status IN ('new', 'in_work')""",
    """
    CREATE INDEX ix_ticket_policy_id ON tickets.ticket (policy_id)
        WHERE status NOT IN ('closed', 'merged')""",
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for statement in STATEMENTS:
        op.execute(statement)
