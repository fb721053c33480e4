"""What tells an unchanged row before it is read, and values that were left out of records."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("ALTER TABLE ingest.record_content ADD COLUMN mark bytea")
    op.execute("""
        CREATE TABLE ingest.left_out (
            run_id text NOT NULL
                CONSTRAINT fk_left_out_run_id_run REFERENCES ingest.run (id),
            "row" bigint NOT NULL,
            field text NOT NULL,
            code text NOT NULL,
            text text NOT NULL,
            value text,
            CONSTRAINT pk_left_out PRIMARY KEY (run_id, "row", field)
        )""")
