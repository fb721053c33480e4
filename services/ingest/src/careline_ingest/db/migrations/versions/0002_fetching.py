"""Sources that are fetched from partners' servers."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("""
        CREATE TABLE ingest.fetch (
            source text NOT NULL CONSTRAINT pk_fetch PRIMARY KEY,
            since timestamptz NOT NULL DEFAULT now(),
            holder text,
            held_until timestamptz,
            config_version integer,
            next_at timestamptz,
            good_at timestamptz,
            failures integer NOT NULL DEFAULT 0
        )""")
    op.execute("""
        CREATE TABLE ingest.fetched (
            source text NOT NULL,
            name text NOT NULL,
            mark text NOT NULL,
            config_version integer NOT NULL,
            run_id text NOT NULL
                CONSTRAINT fk_fetched_run_id_run REFERENCES ingest.run (id),
            CONSTRAINT pk_fetched PRIMARY KEY (source, name)
        )""")
    op.execute("""
        CREATE TABLE ingest.answer (
            run_id text NOT NULL CONSTRAINT pk_answer PRIMARY KEY
                CONSTRAINT fk_answer_run_id_run REFERENCES ingest.run (id),
            source text NOT NULL,
            delivered integer NOT NULL DEFAULT 0,
            delivered_at timestamptz,
            failures integer NOT NULL DEFAULT 0,
            next_at timestamptz,
            error text
        )""")
    op.execute("CREATE INDEX ix_answer_source ON ingest.answer (source)")
