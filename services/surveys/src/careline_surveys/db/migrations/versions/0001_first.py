"""People, invitations, messages and answers.

Revision ID: 0001
"""

from alembic import op

from careline_common.db.tables import create_common_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE TABLE surveys.person (
        id text CONSTRAINT pk_person PRIMARY KEY,
        number_key bytea NOT NULL CONSTRAINT uq_person_number_key UNIQUE,
        number text NOT NULL,
        created_at timestamptz NOT NULL
    )""",
    """
    CREATE TABLE surveys.opt_out (
        number_key bytea CONSTRAINT pk_opt_out PRIMARY KEY,
        person_id text CONSTRAINT fk_opt_out_person_id_person
            REFERENCES surveys.person ON DELETE SET NULL,
        source text NOT NULL,
        at timestamptz NOT NULL
    )""",
    "CREATE INDEX ix_opt_out_person_id ON surveys.opt_out (person_id)",
    """
    CREATE TABLE surveys.content (
        id text CONSTRAINT pk_content PRIMARY KEY,
        person_id text CONSTRAINT fk_content_person_id_person
            REFERENCES surveys.person ON DELETE CASCADE,
        text text NOT NULL,
        created_at timestamptz NOT NULL
    )""",
    "CREATE INDEX ix_content_person_id ON surveys.content (person_id)",
    """
    CREATE TABLE surveys.definition_version (
        survey text NOT NULL,
        version integer NOT NULL,
        body jsonb NOT NULL,
        CONSTRAINT pk_definition_version PRIMARY KEY (survey, version)
    )""",
    """
    CREATE TABLE surveys.invitation (
        id text CONSTRAINT pk_invitation PRIMARY KEY,
        survey text NOT NULL,
        survey_version integer NOT NULL,
        service text NOT NULL,
        person_id text CONSTRAINT fk_invitation_person_id_person
            REFERENCES surveys.person ON DELETE SET NULL,
        language text,
        reference_type text NOT NULL,
        reference_id text NOT NULL,
        call_id text,
        line text,
        agent text,
        team text,
        queue text,
        organisation text,
        metrics text[] NOT NULL,
        min_n integer NOT NULL,
        status text NOT NULL,
        reason text,
        created_at timestamptz NOT NULL,
        send_at timestamptz,
        send_until timestamptz NOT NULL,
        sent_at timestamptz,
        delivered_at timestamptz,
        reply_until timestamptz,
        asked_again_at timestamptz,
        form_used_at timestamptz,
        version integer NOT NULL DEFAULT 1,
        CONSTRAINT uq_invitation_survey_reference_type_reference_id
            UNIQUE (survey, reference_type, reference_id),
        CONSTRAINT fk_invitation_definition FOREIGN KEY (survey, survey_version)
            REFERENCES surveys.definition_version (survey, version)
    )""",
    "CREATE INDEX ix_invitation_person ON surveys.invitation (person_id, created_at)",
    "CREATE INDEX ix_invitation_status ON surveys.invitation (status, created_at)",
    "CREATE INDEX ix_invitation_reference ON surveys.invitation (reference_id)",
    "CREATE INDEX ix_invitation_created ON surveys.invitation (created_at, id)",
    "CREATE INDEX ix_invitation_sent ON surveys.invitation (sent_at)",
    "CREATE INDEX ix_invitation_day ON surveys.invitation (survey, send_at)",
    """
    CREATE INDEX ix_invitation_scheduled ON surveys.invitation (send_until)
        WHERE status = 'scheduled'""",
    """
    CREATE INDEX ix_invitation_open ON surveys.invitation (reply_until)
        WHERE status IN ('sent', 'unknown', 'delivered')""",
    """
    CREATE TABLE surveys.message (
        id text CONSTRAINT pk_message PRIMARY KEY,
        invitation_id text NOT NULL CONSTRAINT fk_message_invitation_id_invitation
            REFERENCES surveys.invitation,
        person_id text CONSTRAINT fk_message_person_id_person
            REFERENCES surveys.person ON DELETE SET NULL,
        purpose text NOT NULL,
        text text NOT NULL,
        state text NOT NULL,
        due_at timestamptz NOT NULL,
        attempts integer NOT NULL DEFAULT 0,
        provider text,
        provider_message_id text,
        claimed_at timestamptz,
        done_at timestamptz,
        created_at timestamptz NOT NULL
    )""",
    "CREATE INDEX ix_message_invitation_id ON surveys.message (invitation_id)",
    "CREATE INDEX ix_message_person ON surveys.message (person_id)",
    "CREATE INDEX ix_message_queued ON surveys.message (due_at) WHERE state = 'queued'",
    "CREATE INDEX ix_message_sending ON surveys.message (claimed_at) WHERE state = 'sending'",
    "CREATE INDEX ix_message_provider ON surveys.message (provider, provider_message_id)",
    """
    CREATE TABLE surveys.console_message (
        id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_console_message PRIMARY KEY,
        message_id text NOT NULL
            CONSTRAINT uq_console_message_message_id UNIQUE
            CONSTRAINT fk_console_message_message_id_message REFERENCES surveys.message,
        person_id text CONSTRAINT fk_console_message_person_id_person
            REFERENCES surveys.person ON DELETE CASCADE,
        text text NOT NULL,
        at timestamptz NOT NULL
    )""",
    "CREATE INDEX ix_console_message_person_id ON surveys.console_message (person_id)",
    """
    CREATE TABLE surveys.answer (
        id text CONSTRAINT pk_answer PRIMARY KEY,
        invitation_id text NOT NULL CONSTRAINT fk_answer_invitation_id_invitation
            REFERENCES surveys.invitation,
        question text NOT NULL,
        kind text NOT NULL,
        score smallint,
        content_id text CONSTRAINT fk_answer_content_id_content
            REFERENCES surveys.content ON DELETE SET NULL,
        language text,
        channel text NOT NULL,
        at timestamptz NOT NULL,
        CONSTRAINT uq_answer_invitation_id_question UNIQUE (invitation_id, question)
    )""",
    "CREATE INDEX ix_answer_content_id ON surveys.answer (content_id)",
    """
    CREATE TABLE surveys.inbound (
        id text CONSTRAINT pk_inbound PRIMARY KEY,
        provider text NOT NULL,
        external_id text,
        person_id text CONSTRAINT fk_inbound_person_id_person
            REFERENCES surveys.person ON DELETE SET NULL,
        content_id text CONSTRAINT fk_inbound_content_id_content
            REFERENCES surveys.content ON DELETE SET NULL,
        invitation_id text CONSTRAINT fk_inbound_invitation_id_invitation
            REFERENCES surveys.invitation,
        meaning text NOT NULL,
        at timestamptz NOT NULL,
        CONSTRAINT uq_inbound_provider_external_id UNIQUE (provider, external_id)
    )""",
    "CREATE INDEX ix_inbound_person_id ON surveys.inbound (person_id)",
    "CREATE INDEX ix_inbound_content_id ON surveys.inbound (content_id)",
    "CREATE INDEX ix_inbound_invitation_id ON surveys.inbound (invitation_id)",
    """
    CREATE TABLE surveys.receipt (
        id text CONSTRAINT pk_receipt PRIMARY KEY,
        provider text NOT NULL,
        message_id text NOT NULL,
        status text NOT NULL,
        at timestamptz NOT NULL,
        matched boolean NOT NULL,
        CONSTRAINT uq_receipt_provider_message_id_status UNIQUE (provider, message_id, status)
    )""",
    """
    CREATE INDEX ix_receipt_waiting ON surveys.receipt (provider, message_id)
        WHERE NOT matched""",
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    create_common_tables(op.execute, "surveys")
    for statement in STATEMENTS:
        op.execute(statement)
