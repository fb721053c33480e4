"""Insurers, who calls again, what becomes of bad answers, topics of comments, the audit.

Revision ID: 0005
"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

STATEMENTS = (
    "ALTER TABLE surveys.invitation ADD COLUMN insurer text",
    "ALTER TABLE surveys.answer ADD COLUMN topics text[]",
    """
    CREATE TABLE surveys.contact (
        call_id text CONSTRAINT pk_contact PRIMARY KEY,
        person_key bytea,
        agent text,
        team text,
        queue text,
        insurer text,
        handled boolean NOT NULL,
        callback boolean NOT NULL,
        arrived_at timestamptz NOT NULL,
        ended_at timestamptz NOT NULL,
        repeated boolean
    )""",
    "CREATE INDEX ix_contact_person ON surveys.contact (person_key, arrived_at)",
    "CREATE INDEX ix_contact_ended ON surveys.contact (ended_at)",
    """
    CREATE INDEX ix_contact_keyed ON surveys.contact (ended_at)
        WHERE person_key IS NOT NULL""",
    """
    CREATE TABLE surveys.follow_up (
        invitation_id text CONSTRAINT pk_follow_up PRIMARY KEY
            CONSTRAINT fk_follow_up_invitation_id_invitation REFERENCES surveys.invitation,
        because text[] NOT NULL,
        opened_at timestamptz NOT NULL,
        ticket_id text CONSTRAINT uq_follow_up_ticket_id UNIQUE,
        ticket_number text,
        ticket_status text,
        ticket_version integer NOT NULL DEFAULT 0,
        outcome text,
        closed_version integer NOT NULL DEFAULT 0,
        closed_at timestamptz,
        called_back_at timestamptz,
        called_back_by text,
        called_again_at timestamptz
    )""",
    "CREATE INDEX ix_follow_up_opened ON surveys.follow_up (opened_at, invitation_id)",
    """
    CREATE TABLE surveys.audit (
        id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_audit PRIMARY KEY,
        at timestamptz NOT NULL,
        who text NOT NULL,
        roles text[] NOT NULL,
        what text NOT NULL,
        about text
    )""",
    "CREATE INDEX ix_audit_at ON surveys.audit USING brin (at)",
    "CREATE INDEX ix_audit_about ON surveys.audit (about, at)",
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for statement in STATEMENTS:
        op.execute(statement)
