"""Tables of what is reported and compared: reports that were made by themselves, and marks of changes."""

from sqlalchemy import Column, Date, DateTime, Index, Table, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB

from careline_tickets.db.tables import metadata

report = Table(
    "report",
    metadata,
    Column("id", Text, primary_key=True),
    Column("department", Text, nullable=False),
    Column("length", Text, nullable=False),
    Column("first_day", Date, nullable=False),
    Column("language", Text, nullable=False),
    Column("made_at", DateTime(timezone=True), nullable=False),
    Column("body", JSONB, nullable=False),
    UniqueConstraint("department", "length", "first_day"),
    Index("ix_report_made_at_id", "made_at", "id"),
)
"""Reports that were made by themselves: one a department and period, whoever makes it."""

mark = Table(
    "mark",
    metadata,
    Column("id", Text, primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("title", Text, nullable=False),
    Column("subject", Text),
    Column("made_by", Text, nullable=False),
    Column("made_at", DateTime(timezone=True), nullable=False),
    Index("ix_mark_at_id", "at", "id"),
)
"""Changes of a process or circular, before and after which appeals are compared."""
