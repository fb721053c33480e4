"""The journal's tables.

What can be traced to a patient stands in `person` and `content` alone and can be deleted there;
everything else, the history included, holds ids, words of the workflow and salted digests.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Sequence,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSVECTOR

from careline_common.db.engine import service_metadata
from careline_common.db.tables import common_tables

SCHEMA = "tickets"
metadata = service_metadata(SCHEMA)
common_tables(metadata)

ticket_number = Sequence("ticket_number", metadata=metadata, schema=SCHEMA)

policy = Table(
    "policy",
    metadata,
    Column("id", Text, primary_key=True),
    Column("body", JSONB, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
)
"""Promises as they were given: rows never change, and an appeal names the one it was given. The id
is a digest of the body, so that equal promises are one row."""

ticket = Table(
    "ticket",
    metadata,
    Column("id", Text, primary_key=True),
    Column("number", Text, nullable=False),
    Column("tracking_code", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("level", SmallInteger, nullable=False),
    Column("channel", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("subject", Text),
    Column("territory", Text),
    Column("organisation", Text),
    Column("insurer", Text),
    Column("owner", Text),
    Column("group_id", Text),
    Column("expert", Text),
    Column("experts", ARRAY(Text), nullable=False),
    Column("answered_by", Text),
    Column("outcome", Text),
    Column("root_cause", Text),
    Column("priority", SmallInteger, nullable=False, server_default="2"),
    Column("returns", Integer, nullable=False),
    Column("reopens", Integer, nullable=False, server_default="0"),
    Column("reopen_clocks", Text),
    Column("extended_by", Text),
    Column("follows", Text, ForeignKey("tickets.ticket.id")),
    Column("followed_by", Text, ForeignKey("tickets.ticket.id")),
    Column("merged_into", Text, ForeignKey("tickets.ticket.id")),
    Column("language", Text),
    Column("insured_in", Text),
    Column("forwarded_to", Text),
    Column("call_id", Text),
    Column("invitation_id", Text),
    Column("external_source", Text),
    Column("external_id", Text),
    Column("external_version", BigInteger),
    Column("registered_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    Column("closed_at", DateTime(timezone=True)),
    Column("due_at", DateTime(timezone=True)),
    Column("policy_id", Text, ForeignKey("tickets.policy.id")),
    Column("version", Integer, nullable=False),
    Column("chain", LargeBinary, nullable=False),
    UniqueConstraint("number"),
    UniqueConstraint("tracking_code"),
    CheckConstraint("(external_source IS NULL) = (external_id IS NULL)", name="external_whole"),
    Index(
        "uq_ticket_external",
        "external_source",
        "external_id",
        unique=True,
        postgresql_where=text("external_id IS NOT NULL"),
    ),
    Index("ix_ticket_call_id", "call_id", postgresql_where=text("call_id IS NOT NULL")),
    Index("ix_ticket_follows", "follows", postgresql_where=text("follows IS NOT NULL")),
    Index("ix_ticket_merged_into", "merged_into", postgresql_where=text("merged_into IS NOT NULL")),
    Index("ix_ticket_registered_at_id", "registered_at", "id"),
    Index("ix_ticket_insurer_registered_at", "insurer", "registered_at", "id"),
    Index("ix_ticket_status_registered_at", "status", "registered_at", "id"),
    Index("ix_ticket_subject_registered_at", "subject", "registered_at", "id"),
    Index("ix_ticket_organisation_registered_at", "organisation", "registered_at", "id"),
    Index("ix_ticket_territory_registered_at", "territory", "registered_at", "id"),
    Index(
        "ix_ticket_due_at", "due_at", postgresql_where=text("status NOT IN ('closed', 'merged')")
    ),
    Index("ix_ticket_owner", "owner", postgresql_where=text("status NOT IN ('closed', 'merged')")),
    Index(
        "ix_ticket_pull",
        "priority",
        "due_at",
        "registered_at",
        "id",
        postgresql_where=text("owner IS NULL AND status IN ('new', 'in_work')"),
    ),
    Index(
        "ix_ticket_experts",
        "experts",
        postgresql_using="gin",
        postgresql_where=text("experts <> '{}'"),
    ),
    Index(
        "ix_ticket_policy_id",
        "policy_id",
        postgresql_where=text("status NOT IN ('closed', 'merged')"),
    ),
)
"""`priority` is 0 for the most urgent. `chain` is the hash of the last history row, so that a history that was cut off shows."""

filling = Table(
    "filling",
    metadata,
    Column("ticket_id", Text, ForeignKey("tickets.ticket.id"), primary_key=True),
    Column("took_s", Double, nullable=False),
)
"""How long somebody took to fill an appeal in, where his screen has told it."""

person = Table(
    "person",
    metadata,
    Column("ticket_id", Text, ForeignKey("tickets.ticket.id"), primary_key=True),
    Column("phone", Text),
    Column("name", Text),
    Column("birth_date", Date),
    Column("policy_number", Text),
    Column("phone_key", LargeBinary),
    Column("policy_key", LargeBinary),
    Index("ix_person_phone_key", "phone_key", postgresql_where=text("phone_key IS NOT NULL")),
    Index("ix_person_policy_key", "policy_key", postgresql_where=text("policy_key IS NOT NULL")),
)
"""Who an appeal is about. The keys are keyed HMACs, for looking up."""

content = Table(
    "content",
    metadata,
    Column("id", Text, primary_key=True),
    Column("ticket_id", Text, ForeignKey("tickets.ticket.id"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("body", Text, nullable=False),
    Column("salt", LargeBinary, nullable=False),
    Index("ix_content_ticket_id", "ticket_id"),
)
"""What people wrote. The history knows each by the SHA-256 of salt and body; the salt goes with the
row, so that nothing can be guessed from a digest that stays."""

wording = Table(
    "wording",
    metadata,
    Column("ticket_id", Text, primary_key=True),
    Column(
        "content_id", Text, ForeignKey("tickets.content.id", ondelete="CASCADE"), nullable=False
    ),
    Column("registered_at", DateTime(timezone=True), nullable=False),
    Column("words", TSVECTOR, nullable=False),
    Index("ix_wording_content_id", "content_id"),
    Index("ix_wording_registered_at", "registered_at"),
    Index(
        "ix_wording_words",
        "words",
        postgresql_using="gin",
        postgresql_with={"gin_pending_list_limit": 128},
    ),
)
"""The words of an appeal's present text with its day, month and year among them (`domain.words`): they
can tell what was written, so they go with the text."""

erasure = Table(
    "erasure",
    metadata,
    Column("ticket_id", Text, ForeignKey("tickets.ticket.id"), primary_key=True),
    Column("asked_at", DateTime(timezone=True), nullable=False),
)
"""Appeals whose person is to be erased once they are closed."""

history = Table(
    "history",
    metadata,
    Column("ticket_id", Text, ForeignKey("tickets.ticket.id"), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("before", JSONB, nullable=False),
    Column("after", JSONB, nullable=False),
    Column("contents", JSONB, nullable=False),
    Column("previous", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Index("ix_history_at", "at", postgresql_using="brin"),
)
"""Append-only. `contents` maps ids of `content` rows to their digests."""

seal = Table(
    "seal",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("until", DateTime(timezone=True), nullable=False),
    Column("entries", Integer, nullable=False),
    Column("hash", LargeBinary, nullable=False),
)
"""Append-only. Each covers the rows of the history since the one before it, and the hash of that one."""

clock = Table(
    "clock",
    metadata,
    Column("ticket_id", Text, ForeignKey("tickets.ticket.id"), primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("generation", SmallInteger, primary_key=True, autoincrement=False),
    Column("started_at", DateTime(timezone=True), nullable=False),
    Column("due_at", DateTime(timezone=True), nullable=False),
    Column("paused_at", DateTime(timezone=True)),
    Column("stopped_at", DateTime(timezone=True)),
    Column("pauses", JSONB, nullable=False, server_default=text("'[]'")),
    Column("extended_days", Integer, nullable=False, server_default="0"),
    Column("rework", Boolean, nullable=False, server_default=text("false")),
)

step = Table(
    "step",
    metadata,
    Column("ticket_id", Text, ForeignKey("tickets.ticket.id"), primary_key=True),
    Column("clock", Text, primary_key=True),
    Column("generation", SmallInteger, primary_key=True, autoincrement=False),
    Column("step", Text, primary_key=True),
    Column("fires_at", DateTime(timezone=True), nullable=False),
    Column("fired_at", DateTime(timezone=True)),
    Column("result", Text),
    Column("attempts", SmallInteger, nullable=False, server_default="0"),
    Index("ix_step_fires_at", "fires_at", postgresql_where=text("fired_at IS NULL")),
)
"""Steps of clocks that are to fire, and those that have: the key is why none fires twice."""

presence = Table(
    "presence",
    metadata,
    Column("agent", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("since", DateTime(timezone=True), nullable=False),
    Column("sequence", BigInteger, nullable=False),
)
"""Who the router has last seen at work."""

recording_link = Table(
    "recording_link",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("ticket_id", Text, ForeignKey("tickets.ticket.id"), nullable=False),
    Column("who", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
)
"""Who may hear which recording for the next minute; what is over goes with the next one."""

audit = Table(
    "audit",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("who", Text, nullable=False),
    Column("roles", ARRAY(Text), nullable=False),
    Column("what", Text, nullable=False),
    Column("ticket_id", Text),
    Column("refused", SmallInteger),
    Index("ix_audit_ticket_id_at", "ticket_id", "at"),
    Index("ix_audit_at", "at", postgresql_using="brin"),
)
"""Who looked at whose personal data, and who tried to; `refused` is the HTTP status he got. There
is no foreign key: people also try ids that do not exist."""

surge = Table(
    "surge",
    metadata,
    Column("id", Text, primary_key=True),
    Column("organisation", Text),
    Column("subject", Text),
    Column("territory", Text),
    Column("opened_on", Date, nullable=False),
    Column("opened_at", DateTime(timezone=True), nullable=False),
    Column("closed_at", DateTime(timezone=True)),
    Column("observed", Integer, nullable=False),
    Column("expected", Double, nullable=False),
    Column("days", SmallInteger, nullable=False),
    Column("insurers", ARRAY(Text), nullable=False),
    Column("ticket_id", Text, ForeignKey("tickets.ticket.id"), nullable=False),
    Column("version", Integer, nullable=False),
    Index(
        "uq_surge_open",
        "organisation",
        "subject",
        "territory",
        unique=True,
        postgresql_nulls_not_distinct=True,
        postgresql_where=text("closed_at IS NULL"),
    ),
    Index("ix_surge_opened_at_id", "opened_at", "id"),
)
"""Bursts of appeals. `observed` appeals came in `days` days up to `opened_on`, where `expected` were
usual; null is over all organisations, subjects or territories."""
