"""Reports read a day of the journal: its rows come in the order of their times, so a BRIN index finds them
and costs the floor's commits nothing to speak of.
"""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("CREATE INDEX ix_journal_at ON router.journal USING brin (at)")
