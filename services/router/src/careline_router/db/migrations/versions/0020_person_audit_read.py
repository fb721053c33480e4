"""Who has looked at whose data is read by who looked and by whose call it was.

Nearly every look is at one call: those have a plain index, because a GIN index would be merged within the floor's commits.
"""

from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("CREATE INDEX ix_person_audit_who ON router.person_audit (who, id)")
    op.execute(
        """
        CREATE INDEX ix_person_audit_call ON router.person_audit ((call_ids[1]))
        WHERE cardinality(call_ids) = 1"""
    )
    op.execute(
        """
        CREATE INDEX ix_person_audit_calls ON router.person_audit (id)
        WHERE cardinality(call_ids) > 1"""
    )
