"""Appointments that agents have ordered at the booking system."""

from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE router.appointment (
            id TEXT NOT NULL,
            call_id TEXT NOT NULL,
            agent TEXT NOT NULL,
            clinic TEXT NOT NULL,
            speciality TEXT,
            external_id TEXT,
            standing TEXT,
            slot_id TEXT,
            starts_at TIMESTAMPTZ,
            ends_at TIMESTAMPTZ,
            made_at TIMESTAMPTZ NOT NULL,
            reason TEXT,
            ordered TEXT,
            wanted_slot TEXT,
            ordered_at TIMESTAMPTZ NOT NULL,
            ask_at TIMESTAMPTZ,
            order_scope TEXT,
            order_key TEXT,
            order_print BYTEA,
            CONSTRAINT pk_appointment PRIMARY KEY (id),
            CONSTRAINT uq_appointment_order_scope_order_key UNIQUE (order_scope, order_key)
        )"""
    )
    op.execute("CREATE INDEX ix_appointment_call_id ON router.appointment (call_id)")
    op.execute(
        "CREATE INDEX ix_appointment_ask_at ON router.appointment (ask_at) WHERE ordered IS NOT NULL"
    )
