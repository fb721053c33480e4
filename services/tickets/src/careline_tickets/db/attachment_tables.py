"""Files of appeals, and the links by which they are given out."""

from sqlalchemy import (
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

attachment = Table(
    "attachment",
    metadata,
    Column("id", Text, primary_key=True),
    Column("ticket_id", Text, ForeignKey("tickets.ticket.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("media", Text, nullable=False),
    Column("size", Integer, nullable=False),
    Column("sha256", LargeBinary, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("sealed_by", Text),
    Column("author", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("state", Text, nullable=False),
    Column("verdict", Text),
    Column("scanned_at", DateTime(timezone=True)),
    Column("attempts", SmallInteger, nullable=False, server_default=text("0")),
    Column("due_at", DateTime(timezone=True), nullable=False),
    UniqueConstraint("ticket_id", "sha256"),
    Index("ix_attachment_due_at", "due_at", postgresql_where=text("state = 'waiting'")),
    Index("ix_attachment_sealed_by", "sealed_by"),
)
"""`state` is waiting, clean or infected. Of an infected one the content is gone and the row stays. `sealed_by` names
the key that seals the content, null where it is plain."""

attachment_link = Table(
    "attachment_link",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column(
        "attachment_id",
        Text,
        ForeignKey("tickets.attachment.id", ondelete="CASCADE"),
        nullable=False,
    ),
    Column("who", Text, nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Index("ix_attachment_link_attachment_id", "attachment_id"),
    Index("ix_attachment_link_expires_at", "expires_at"),
)
"""Who may have which file for the next minute; what is over goes with the next one."""
