"""The journal: appeals, their people and texts, history, clocks, promises and the audit of reads."""

from alembic import op

from careline_common.db.tables import create_common_tables

revision = "0001"
down_revision = None

TABLES = (
    """
    CREATE TABLE tickets.policy (
        id text NOT NULL,
        body jsonb NOT NULL,
        created_at timestamptz NOT NULL,
        CONSTRAINT pk_policy PRIMARY KEY (id)
    )""",
    """
    CREATE TABLE tickets.ticket (
        id text NOT NULL,
        number text NOT NULL,
        tracking_code text NOT NULL,
        status text NOT NULL,
        level smallint NOT NULL,
        channel text NOT NULL,
        kind text NOT NULL,
        subject text,
        territory text,
        organisation text,
        insurer text,
        owner text,
        group_id text,
        expert text,
        experts text[] NOT NULL,
        answered_by text,
        outcome text,
        returns integer NOT NULL,
        merged_into text,
        call_id text,
        invitation_id text,
        external_source text,
        external_id text,
        external_version bigint,
        registered_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        closed_at timestamptz,
        due_at timestamptz,
        policy_id text,
        version integer NOT NULL,
        chain bytea NOT NULL,
        CONSTRAINT pk_ticket PRIMARY KEY (id),
        CONSTRAINT uq_ticket_number UNIQUE (number),
        CONSTRAINT uq_ticket_tracking_code UNIQUE (tracking_code),
        CONSTRAINT ck_ticket_external_whole
            CHECK ((external_source IS NULL) = (external_id IS NULL)),
        CONSTRAINT fk_ticket_merged_into_ticket
            FOREIGN KEY (merged_into) REFERENCES tickets.ticket (id),
        CONSTRAINT fk_ticket_policy_id_policy
            FOREIGN KEY (policy_id) REFERENCES tickets.policy (id)
    )""",
    """
    CREATE TABLE tickets.person (
        ticket_id text NOT NULL,
        phone text,
        name text,
        birth_date date,
        policy_number text,
        phone_key bytea,
        policy_key bytea,
        CONSTRAINT pk_person PRIMARY KEY (ticket_id),
        CONSTRAINT fk_person_ticket_id_ticket
            FOREIGN KEY (ticket_id) REFERENCES tickets.ticket (id)
    )""",
    """
    CREATE TABLE tickets.content (
        id text NOT NULL,
        ticket_id text NOT NULL,
        version integer NOT NULL,
        kind text NOT NULL,
        author text NOT NULL,
        at timestamptz NOT NULL,
        body text NOT NULL,
        salt bytea NOT NULL,
        CONSTRAINT pk_content PRIMARY KEY (id),
        CONSTRAINT fk_content_ticket_id_ticket
            FOREIGN KEY (ticket_id) REFERENCES tickets.ticket (id)
    )""",
    """
    CREATE TABLE tickets.history (
        ticket_id text NOT NULL,
        version integer NOT NULL,
        at timestamptz NOT NULL,
        actor text NOT NULL,
        action text NOT NULL,
        before jsonb NOT NULL,
        after jsonb NOT NULL,
        contents jsonb NOT NULL,
        previous bytea NOT NULL,
        hash bytea NOT NULL,
        CONSTRAINT pk_history PRIMARY KEY (ticket_id, version),
        CONSTRAINT fk_history_ticket_id_ticket
            FOREIGN KEY (ticket_id) REFERENCES tickets.ticket (id)
    )""",
    """
    CREATE TABLE tickets.clock (
        ticket_id text NOT NULL,
        kind text NOT NULL,
        generation smallint NOT NULL,
        started_at timestamptz NOT NULL,
        due_at timestamptz NOT NULL,
        paused_at timestamptz,
        stopped_at timestamptz,
        CONSTRAINT pk_clock PRIMARY KEY (ticket_id, kind, generation),
        CONSTRAINT fk_clock_ticket_id_ticket
            FOREIGN KEY (ticket_id) REFERENCES tickets.ticket (id)
    )""",
    """
    CREATE TABLE tickets.audit (
        id bigint GENERATED ALWAYS AS IDENTITY,
        at timestamptz NOT NULL,
        who text NOT NULL,
        roles text[] NOT NULL,
        what text NOT NULL,
        ticket_id text,
        refused smallint,
        CONSTRAINT pk_audit PRIMARY KEY (id)
    )""",
)

INDEXES = (
    """
    CREATE UNIQUE INDEX uq_ticket_external ON tickets.ticket (external_source, external_id)
        WHERE external_id IS NOT NULL""",
    "CREATE INDEX ix_ticket_call_id ON tickets.ticket (call_id) WHERE call_id IS NOT NULL",
    "CREATE INDEX ix_ticket_registered_at_id ON tickets.ticket (registered_at, id)",
    "CREATE INDEX ix_ticket_insurer_registered_at ON tickets.ticket (insurer, registered_at, id)",
    """
    CREATE INDEX ix_ticket_due_at ON tickets.ticket (due_at)
        WHERE status NOT IN ('closed', 'merged')""",
    """
    CREATE INDEX ix_ticket_owner ON tickets.ticket (owner)
        WHERE status NOT IN ('closed', 'merged')""",
    """
    CREATE INDEX ix_person_phone_key ON tickets.person (phone_key)
        WHERE phone_key IS NOT NULL""",
    """
    CREATE INDEX ix_person_policy_key ON tickets.person (policy_key)
        WHERE policy_key IS NOT NULL""",
    "CREATE INDEX ix_content_ticket_id ON tickets.content (ticket_id)",
    """
    CREATE INDEX ix_content_body ON tickets.content USING gin (body gin_trgm_ops)
        WHERE kind = 'text'""",
    "CREATE INDEX ix_audit_ticket_id_at ON tickets.audit (ticket_id, at)",
    "CREATE INDEX ix_audit_at ON tickets.audit USING brin (at)",
)

APPEND_ONLY = (
    """
    CREATE FUNCTION tickets.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
    END $$""",
    """
    CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON tickets.history
        FOR EACH ROW EXECUTE FUNCTION tickets.refuse_change()""",
    """
    CREATE TRIGGER append_only BEFORE UPDATE ON tickets.audit
        FOR EACH ROW EXECUTE FUNCTION tickets.refuse_change()""",
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public")
    create_common_tables(op.execute, "tickets")
    op.execute("CREATE SEQUENCE tickets.ticket_number")
    for statement in (*TABLES, *INDEXES, *APPEND_ONLY):
        op.execute(statement)
