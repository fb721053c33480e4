"""The floor's journal and lease, calls, offers, decisions, PBX commands and agents' messages."""

from alembic import op

from careline_common.db.tables import create_common_tables

revision = "0001"
down_revision = None

STATEMENTS = (
    """
    CREATE TABLE router.journal (
        floor TEXT NOT NULL,
        seq BIGINT NOT NULL,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        kind TEXT NOT NULL,
        data JSONB NOT NULL,
        CONSTRAINT pk_journal PRIMARY KEY (floor, seq)
    )""",
    """
    CREATE TABLE router.snapshot (
        floor TEXT NOT NULL,
        seq BIGINT NOT NULL,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        data JSONB NOT NULL,
        CONSTRAINT pk_snapshot PRIMARY KEY (floor)
    )""",
    """
    CREATE TABLE router.floor_lease (
        floor TEXT NOT NULL,
        epoch BIGINT NOT NULL,
        holder TEXT NOT NULL,
        expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT pk_floor_lease PRIMARY KEY (floor)
    )""",
    """
    CREATE TABLE router.call_record (
        id TEXT NOT NULL,
        pbx TEXT NOT NULL,
        pbx_call_id TEXT NOT NULL,
        line TEXT NOT NULL,
        control TEXT NOT NULL,
        queue TEXT,
        payer TEXT NOT NULL,
        insurance TEXT,
        priority TEXT,
        language TEXT,
        state TEXT NOT NULL,
        arrived_at TIMESTAMP WITH TIME ZONE NOT NULL,
        queued_at TIMESTAMP WITH TIME ZONE,
        answered_at TIMESTAMP WITH TIME ZONE,
        ended_at TIMESTAMP WITH TIME ZONE,
        agent TEXT,
        team TEXT,
        outcome TEXT,
        ended_by TEXT,
        crm JSONB DEFAULT '{}'::jsonb NOT NULL,
        recording JSONB,
        disposition TEXT,
        resolved BOOLEAN,
        subjects TEXT[],
        booking JSONB,
        wrapped_up_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT pk_call_record PRIMARY KEY (id),
        CONSTRAINT uq_call_record_pbx_pbx_call_id UNIQUE (pbx, pbx_call_id)
    )""",
    "CREATE INDEX ix_call_record_arrived_at ON router.call_record (arrived_at, id)",
    """
    CREATE INDEX ix_call_record_open ON router.call_record (state, queue) WHERE state <> 'ended'::text""",
    "CREATE INDEX ix_call_record_queue ON router.call_record (queue, queued_at)",
    """
    CREATE TABLE router.call_contact (
        call_id TEXT NOT NULL,
        phone TEXT,
        lookup_hmac BYTEA,
        name TEXT,
        attributes JSONB DEFAULT '{}'::jsonb NOT NULL,
        notes TEXT,
        CONSTRAINT pk_call_contact PRIMARY KEY (call_id)
    )""",
    "CREATE INDEX ix_call_contact_lookup_hmac ON router.call_contact (lookup_hmac)",
    """
    CREATE TABLE router.offer (
        id TEXT NOT NULL,
        call_id TEXT NOT NULL,
        agent TEXT NOT NULL,
        state TEXT NOT NULL,
        endpoint TEXT NOT NULL,
        made_at TIMESTAMP WITH TIME ZONE NOT NULL,
        deadline TIMESTAMP WITH TIME ZONE NOT NULL,
        timeout_s DOUBLE PRECISION NOT NULL,
        closed_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT pk_offer PRIMARY KEY (id),
        CONSTRAINT ex_offer_one_open_an_agent EXCLUDE USING btree (agent WITH =) WHERE (closed_at IS NULL) DEFERRABLE INITIALLY DEFERRED,
        CONSTRAINT ex_offer_one_open_a_call EXCLUDE USING btree (call_id WITH =) WHERE (closed_at IS NULL) DEFERRABLE INITIALLY DEFERRED
    )""",
    "CREATE INDEX ix_offer_call_id ON router.offer (call_id)",
    """
    CREATE TABLE router.decision (
        offer_id TEXT NOT NULL,
        call_id TEXT NOT NULL,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        policy TEXT NOT NULL,
        groups JSONB NOT NULL,
        agents JSONB NOT NULL,
        chosen TEXT NOT NULL,
        took_us DOUBLE PRECISION NOT NULL,
        flow_version INTEGER,
        crm JSONB NOT NULL,
        CONSTRAINT pk_decision PRIMARY KEY (offer_id)
    )""",
    "CREATE INDEX ix_decision_call_id ON router.decision (call_id)",
    """
    CREATE TABLE router.pbx_command (
        id TEXT NOT NULL,
        seq BIGINT GENERATED ALWAYS AS IDENTITY,
        pbx TEXT NOT NULL,
        call_id TEXT NOT NULL,
        pbx_call_id TEXT NOT NULL,
        offer_id TEXT,
        type TEXT NOT NULL,
        body JSONB NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        sent_at TIMESTAMP WITH TIME ZONE,
        done_at TIMESTAMP WITH TIME ZONE,
        ok BOOLEAN,
        CONSTRAINT pk_pbx_command PRIMARY KEY (id)
    )""",
    "CREATE INDEX ix_pbx_command_call_id ON router.pbx_command (call_id)",
    """
    CREATE INDEX ix_pbx_command_undone ON router.pbx_command (pbx, seq) WHERE done_at IS NULL""",
    """
    CREATE TABLE router.agent_session (
        agent TEXT NOT NULL,
        state TEXT NOT NULL,
        reason TEXT,
        since TIMESTAMP WITH TIME ZONE NOT NULL,
        endpoint TEXT,
        site TEXT,
        call_id TEXT,
        message_seq BIGINT NOT NULL,
        CONSTRAINT pk_agent_session PRIMARY KEY (agent)
    )""",
    """
    CREATE TABLE router.agent_message (
        agent TEXT NOT NULL,
        seq BIGINT NOT NULL,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        type TEXT NOT NULL,
        data JSONB NOT NULL,
        CONSTRAINT pk_agent_message PRIMARY KEY (agent, seq)
    )""",
    "CREATE INDEX ix_agent_message_at ON router.agent_message (at)",
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    create_common_tables(op.execute, "router")
    for statement in STATEMENTS:
        op.execute(statement)
