"""Appeals are found by their tracking codes, also those that came out of no call."""

from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.execute(
        "ALTER TABLE router.appeal ALTER COLUMN call_id DROP NOT NULL, ADD COLUMN code_lookup TEXT"
    )
    op.execute("CREATE INDEX ix_appeal_code_lookup ON router.appeal (code_lookup)")
