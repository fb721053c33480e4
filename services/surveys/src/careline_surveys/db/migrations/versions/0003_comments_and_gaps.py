"""Comments with their language, replies with a part missing, calls that wait for a disposition.

Revision ID: 0003
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

STATEMENTS = (
    "ALTER TABLE surveys.inbound ADD COLUMN language text",
    """
    ALTER TABLE surveys.inbound_part
        ADD COLUMN total smallint,
        ADD COLUMN charset text""",
    """
    CREATE TABLE surveys.held_call (
        call_id text,
        event jsonb,
        person_id text CONSTRAINT fk_held_call_person_id_person
            REFERENCES surveys.person ON DELETE CASCADE,
        disposition text,
        at timestamptz NOT NULL,
        CONSTRAINT pk_held_call PRIMARY KEY (call_id)
    )""",
    "CREATE INDEX ix_held_call_person_id ON surveys.held_call (person_id)",
    "CREATE INDEX ix_held_call_at ON surveys.held_call (at)",
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for statement in STATEMENTS:
        op.execute(statement)
