"""What citizens are told of without their asking, and what they wrote by SMS."""

from sqlalchemy import (
    Column,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    text,
)

from careline_tickets.db.tables import metadata

promise = Table(
    "promise",
    metadata,
    Column("ticket_id", Text, ForeignKey("tickets.ticket.id"), primary_key=True),
    Column("generation", SmallInteger, primary_key=True, autoincrement=False),
    Column("due_at", DateTime(timezone=True)),
    Column("told_at", DateTime(timezone=True)),
    Column("again_at", DateTime(timezone=True)),
    Index(
        "ix_promise_due_at",
        "due_at",
        postgresql_where=text("told_at IS NULL AND due_at IS NOT NULL"),
    ),
)
"""When a citizen is to be told that a promise was not kept, once for each generation of its clock; null
while the clock stands still or when it was kept. `again_at` is when one is tried again that could not be told."""

sms_in = Table(
    "sms_in",
    metadata,
    Column("message_id", Text, primary_key=True),
    Column("phone_key", LargeBinary, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("outcome", Text, nullable=False),
    Column("ticket_id", Text, ForeignKey("tickets.ticket.id")),
    Index("ix_sms_in_phone_key_at", "phone_key", "at"),
    Index("ix_sms_in_ticket_id", "ticket_id"),
)
"""Messages that were taken, under the keyed hash of the number."""
