"""The words of each appeal, for search and likeness; indexes for the lists."""

from alembic import op

revision = "0003"
down_revision = "0002"

STATEMENTS = (
    "CREATE TEXT SEARCH DICTIONARY tickets.english (TEMPLATE = snowball, Language = english)",
    "CREATE TEXT SEARCH DICTIONARY tickets.russian (TEMPLATE = snowball, Language = russian)",
    "CREATE TEXT SEARCH CONFIGURATION tickets.plain (COPY = pg_catalog.russian)",
    """
    ALTER TEXT SEARCH CONFIGURATION tickets.plain
        ALTER MAPPING FOR asciiword, asciihword, hword_asciipart WITH tickets.english""",
    """
    ALTER TEXT SEARCH CONFIGURATION tickets.plain
        ALTER MAPPING FOR word, hword, hword_part WITH tickets.russian""",
    """
    CREATE TABLE tickets.wording (
        ticket_id text NOT NULL,
        content_id text NOT NULL,
        registered_at timestamptz NOT NULL,
        words tsvector NOT NULL,
        CONSTRAINT pk_wording PRIMARY KEY (ticket_id),
        CONSTRAINT fk_wording_content_id_content
            FOREIGN KEY (content_id) REFERENCES tickets.content (id) ON DELETE CASCADE
    )""",
    "ALTER TABLE tickets.wording ALTER COLUMN words SET STATISTICS 300",
    "CREATE INDEX ix_wording_content_id ON tickets.wording (content_id)",
    "CREATE INDEX ix_wording_registered_at ON tickets.wording (registered_at)",
    # new words wait in a list that every search reads through: a short one
    """
    CREATE INDEX ix_wording_words ON tickets.wording
        USING gin (words) WITH (gin_pending_list_limit = 512)""",
    "DROP INDEX tickets.ix_content_body",
    "CREATE INDEX ix_ticket_status_registered_at ON tickets.ticket (status, registered_at, id)",
    "CREATE INDEX ix_ticket_subject_registered_at ON tickets.ticket (subject, registered_at, id)",
    """
    CREATE INDEX ix_ticket_organisation_registered_at
        ON tickets.ticket (organisation, registered_at, id)""",
    """
    CREATE INDEX ix_ticket_territory_registered_at
        ON tickets.ticket (territory, registered_at, id)""",
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for statement in STATEMENTS:
        op.execute(statement)
