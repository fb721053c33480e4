"""By which key files and held mails are sealed.

Revision ID: 0016
"""

from alembic import op

revision = "0016"
down_revision = "0015"

STATEMENTS = (
    "ALTER TABLE tickets.attachment ADD COLUMN sealed_by text",
    "CREATE INDEX ix_attachment_sealed_by ON tickets.attachment (sealed_by)",
    "ALTER TABLE tickets.mail_held ADD COLUMN sealed_by text",
    "CREATE INDEX ix_mail_held_sealed_by ON tickets.mail_held (sealed_by)",
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for statement in STATEMENTS:
        op.execute(statement)
