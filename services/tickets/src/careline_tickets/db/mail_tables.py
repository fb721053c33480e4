"""Tables of mail that comes in and goes out.

Addresses stand in `correspondent`, in `mail_out` as long as a mail is on its way and in `mail_held` until it is
judged; elsewhere mails and people are keyed hashes.
"""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from careline_tickets.db.tables import metadata

mailbox = Table(
    "mailbox",
    metadata,
    Column("id", Text, primary_key=True),
    Column("holder", Text),
    Column("held_until", DateTime(timezone=True)),
    Column("due_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("failures", Integer, nullable=False, server_default=text("0")),
)
"""Which process looks into which mailbox, and when it is looked into again; by the database's clock."""

mail_in = Table(
    "mail_in",
    metadata,
    Column("id", Text, primary_key=True),
    Column("mailbox", Text, nullable=False),
    Column("validity", BigInteger, nullable=False),
    Column("uid", BigInteger, nullable=False),
    Column("identity", LargeBinary),
    Column("message_key", LargeBinary),
    Column("sender_key", LargeBinary),
    Column("ticket_id", Text, ForeignKey("tickets.ticket.id")),
    Column("outcome", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    UniqueConstraint("mailbox", "validity", "uid"),
    UniqueConstraint("identity"),
    Index(
        "ix_mail_in_message_key",
        "message_key",
        postgresql_where=text("message_key IS NOT NULL"),
    ),
    Index("ix_mail_in_sender_key_at", "sender_key", "at"),
    Index("ix_mail_in_ticket_id", "ticket_id"),
)
"""Mails that were taken, and what became of each. `identity` is a keyed hash of what makes two mails the
same; one that came again has none."""

mail_held = Table(
    "mail_held",
    metadata,
    Column("id", Text, ForeignKey("tickets.mail_in.id"), primary_key=True),
    Column("mailbox", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("mark", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("whole", Boolean, nullable=False),
    Column("sender", Text),
    Column("sender_key", LargeBinary),
    Column("subject", Text, nullable=False),
    Column("raw", LargeBinary, nullable=False),
    Column("sealed_by", Text),
    Column("decided_at", DateTime(timezone=True)),
    Column("decided_by", Text),
    Column("reason", Text),
    Column("ticket_id", Text, ForeignKey("tickets.ticket.id")),
    Index("ix_mail_held_state_at", "state", "at", "id"),
    Index(
        "ix_mail_held_sender_key",
        "sender_key",
        postgresql_where=text("sender_key IS NOT NULL"),
    ),
    Index("ix_mail_held_sealed_by", "sealed_by"),
)
"""Mails that look like a program's and belong to no appeal, until a person has judged them or their time is over:
then sender, subject and the mail itself are taken out, and what was decided stays."""

correspondent = Table(
    "correspondent",
    metadata,
    Column("ticket_id", Text, ForeignKey("tickets.ticket.id"), primary_key=True),
    Column("mailbox", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("address_key", LargeBinary, nullable=False),
    Column("subject", Text, nullable=False),
    Column("message_id", Text),
    Column("language", Text, nullable=False),
    Index("ix_correspondent_address_key", "address_key"),
)
"""Who is written to about an appeal; the newest mail that he sent is the one that is answered."""

mail_out = Table(
    "mail_out",
    metadata,
    Column("id", Text, primary_key=True),
    Column("key", Text, nullable=False),
    Column("ticket_id", Text, ForeignKey("tickets.ticket.id")),
    Column("mailbox", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("automatic", Boolean, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("message_key", LargeBinary, nullable=False),
    Column("address_key", LargeBinary, nullable=False),
    Column("address", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("answers", ARRAY(Text), nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", SmallInteger, nullable=False, server_default=text("0")),
    Column("due_at", DateTime(timezone=True), nullable=False),
    Column("claimed_at", DateTime(timezone=True)),
    Column("done_at", DateTime(timezone=True)),
    Column("reason", Text),
    Column("created_at", DateTime(timezone=True), nullable=False),
    UniqueConstraint("key"),
    UniqueConstraint("message_key"),
    Index("ix_mail_out_due_at", "due_at", postgresql_where=text("state = 'queued'")),
    Index("ix_mail_out_claimed_at", "claimed_at", postgresql_where=text("state = 'sending'")),
    Index("ix_mail_out_address_key_created_at", "address_key", "created_at"),
    Index("ix_mail_out_ticket_id", "ticket_id"),
)
"""Mail of ours: `sending` is committed before the server is spoken to. `key` is why nothing is written
twice. What is settled has neither address nor words any more."""
