"""Surges of appeals, reports of departments, and marks of changes.

Revision ID: 0006
"""

from alembic import op

revision = "0006"
down_revision = "0005"

STATEMENTS = (
    """
    CREATE TABLE tickets.surge (
        id text CONSTRAINT pk_surge PRIMARY KEY,
        organisation text,
        subject text,
        territory text,
        opened_on date NOT NULL,
        opened_at timestamptz NOT NULL,
        closed_at timestamptz,
        observed integer NOT NULL,
        expected double precision NOT NULL,
        days smallint NOT NULL,
        insurers text[] NOT NULL,
        ticket_id text NOT NULL CONSTRAINT fk_surge_ticket_id_ticket REFERENCES tickets.ticket,
        version integer NOT NULL
    )""",
    """
    CREATE UNIQUE INDEX uq_surge_open ON tickets.surge (organisation, subject, territory)
        NULLS NOT DISTINCT WHERE closed_at IS NULL""",
    "CREATE INDEX ix_surge_opened_at_id ON tickets.surge (opened_at, id)",
    """
    CREATE TABLE tickets.report (
        id text CONSTRAINT pk_report PRIMARY KEY,
        department text NOT NULL,
        length text NOT NULL,
        first_day date NOT NULL,
        language text NOT NULL,
        made_at timestamptz NOT NULL,
        body jsonb NOT NULL,
        CONSTRAINT uq_report_department_length_first_day UNIQUE (department, length, first_day)
    )""",
    "CREATE INDEX ix_report_made_at_id ON tickets.report (made_at, id)",
    """
    CREATE TABLE tickets.mark (
        id text CONSTRAINT pk_mark PRIMARY KEY,
        at timestamptz NOT NULL,
        title text NOT NULL,
        subject text,
        made_by text NOT NULL,
        made_at timestamptz NOT NULL
    )""",
    "CREATE INDEX ix_mark_at_id ON tickets.mark (at, id)",
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for statement in STATEMENTS:
        op.execute(statement)
