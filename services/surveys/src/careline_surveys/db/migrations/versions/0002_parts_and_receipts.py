"""Messages in parts, references of our own, and receipts that name a person.

Revision ID: 0002
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE SEQUENCE surveys.sms_reference AS integer MINVALUE 0 MAXVALUE 65535 CYCLE""",
    """
    ALTER TABLE surveys.message
        ADD COLUMN reference integer,
        ADD COLUMN parts smallint NOT NULL DEFAULT 1""",
    """
    CREATE INDEX ix_message_unknown ON surveys.message (created_at)
        WHERE state = 'unknown'""",
    """
    CREATE TABLE surveys.part (
        message_id text CONSTRAINT fk_part_message_id_message REFERENCES surveys.message,
        provider_message_id text,
        provider text NOT NULL,
        state text NOT NULL,
        CONSTRAINT pk_part PRIMARY KEY (message_id, provider_message_id)
    )""",
    "CREATE INDEX ix_part_provider ON surveys.part (provider, provider_message_id)",
    """
    ALTER TABLE surveys.receipt
        ADD COLUMN reference integer,
        ADD COLUMN person_id text CONSTRAINT fk_receipt_person_id_person
            REFERENCES surveys.person ON DELETE SET NULL""",
    "CREATE INDEX ix_receipt_person_id ON surveys.receipt (person_id)",
    """
    CREATE TABLE surveys.inbound_part (
        provider text,
        key bytea,
        number smallint,
        digest bytea NOT NULL,
        content_id text CONSTRAINT fk_inbound_part_content_id_content
            REFERENCES surveys.content ON DELETE SET NULL,
        done boolean NOT NULL DEFAULT false,
        at timestamptz NOT NULL,
        CONSTRAINT pk_inbound_part PRIMARY KEY (provider, key, number)
    )""",
    "CREATE INDEX ix_inbound_part_content_id ON surveys.inbound_part (content_id)",
    "CREATE INDEX ix_inbound_part_at ON surveys.inbound_part (at)",
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for statement in STATEMENTS:
        op.execute(statement)
