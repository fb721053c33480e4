"""Sources' runs, records and quarantine."""

from alembic import op

from careline_common.db.tables import create_common_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    create_common_tables(op.execute, "ingest")
    op.execute("""
        CREATE TABLE ingest.run (
            id text NOT NULL CONSTRAINT pk_run PRIMARY KEY,
            source text NOT NULL,
            file text,
            sha256 bytea,
            spec jsonb NOT NULL,
            config_version integer NOT NULL,
            status text NOT NULL,
            checkpoint bigint NOT NULL DEFAULT 0,
            attempt integer NOT NULL DEFAULT 1,
            read bigint NOT NULL DEFAULT 0,
            created bigint NOT NULL DEFAULT 0,
            updated bigint NOT NULL DEFAULT 0,
            unchanged bigint NOT NULL DEFAULT 0,
            quarantined bigint NOT NULL DEFAULT 0,
            error text,
            created_at timestamptz NOT NULL,
            finished_at timestamptz,
            CONSTRAINT ck_run_status CHECK (status IN ('running', 'done', 'failed')),
            CONSTRAINT ck_run_rows_add_up
                CHECK (read = created + updated + unchanged + quarantined)
        )""")
    op.execute("CREATE UNIQUE INDEX uq_run_source_sha256 ON ingest.run (source, sha256)")
    op.execute("CREATE INDEX ix_run_running ON ingest.run (source, id) WHERE status = 'running'")
    op.execute("""
        CREATE TABLE ingest.record (
            id text NOT NULL CONSTRAINT pk_record PRIMARY KEY,
            source text NOT NULL,
            external_id text NOT NULL,
            insurer text,
            version integer NOT NULL,
            partner_version text,
            digest bytea NOT NULL,
            withdrawn boolean NOT NULL DEFAULT false,
            run_id text NOT NULL,
            "row" bigint NOT NULL,
            created_at timestamptz NOT NULL,
            updated_at timestamptz NOT NULL
        )""")
    op.execute(
        "CREATE UNIQUE INDEX uq_record_source_external_id ON ingest.record (source, external_id)"
    )
    op.execute("""
        CREATE TABLE ingest.record_content (
            record_id text NOT NULL CONSTRAINT pk_record_content PRIMARY KEY
                CONSTRAINT fk_record_content_record_id_record REFERENCES ingest.record (id),
            salt bytea NOT NULL,
            fields jsonb NOT NULL,
            phone_key bytea
        )""")
    op.execute("CREATE INDEX ix_record_content_phone_key ON ingest.record_content (phone_key)")
    op.execute("""
        CREATE TABLE ingest.quarantine (
            id text NOT NULL CONSTRAINT pk_quarantine PRIMARY KEY,
            run_id text NOT NULL
                CONSTRAINT fk_quarantine_run_id_run REFERENCES ingest.run (id),
            source text NOT NULL,
            "row" bigint NOT NULL,
            field text,
            code text NOT NULL,
            text text NOT NULL,
            value text,
            external_id text,
            outcome text,
            record_id text,
            created_at timestamptz NOT NULL,
            replayed_at timestamptz
        )""")
    op.execute('CREATE UNIQUE INDEX uq_quarantine_run_id_row ON ingest.quarantine (run_id, "row")')
    op.execute(
        "CREATE INDEX ix_quarantine_open ON ingest.quarantine (source, id) WHERE outcome IS NULL"
    )
    op.execute("""
        CREATE TABLE ingest.quarantine_content (
            quarantine_id text NOT NULL CONSTRAINT pk_quarantine_content PRIMARY KEY
                CONSTRAINT fk_quarantine_content_quarantine_id_quarantine
                REFERENCES ingest.quarantine (id),
            cells jsonb,
            raw text
        )""")
    op.execute("""
        CREATE TABLE ingest.audit (
            id text NOT NULL CONSTRAINT pk_audit PRIMARY KEY,
            at timestamptz NOT NULL,
            subject text NOT NULL,
            action text NOT NULL,
            target text NOT NULL
        )""")
    op.execute("CREATE INDEX ix_audit_target ON ingest.audit (target)")
