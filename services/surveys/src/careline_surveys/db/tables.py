"""The surveys' own tables.

A patient's number stands in `person` alone and his words in `content`; deleting those rows leaves
the scores, which name nobody.
"""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from careline_common.db.engine import service_metadata
from careline_common.db.tables import common_tables

SCHEMA = "surveys"

metadata = service_metadata(SCHEMA)
common_tables(metadata)

person = Table(
    "person",
    metadata,
    Column("id", Text, primary_key=True),
    Column("number_key", LargeBinary, nullable=False, unique=True),
    Column("number", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
)

opt_out = Table(
    "opt_out",
    metadata,
    Column("number_key", LargeBinary, primary_key=True),
    Column("person_id", Text, ForeignKey(person.c.id, ondelete="SET NULL"), index=True),
    Column("source", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
)
"""Holds under the key of the number even when the person's row is erased."""

content = Table(
    "content",
    metadata,
    Column("id", Text, primary_key=True),
    Column("person_id", Text, ForeignKey(person.c.id, ondelete="CASCADE"), index=True),
    Column("text", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
)

definition_version = Table(
    "definition_version",
    metadata,
    Column("survey", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("body", JSONB, nullable=False),
)
"""What a survey asked when: an invitation goes on with the version it began with."""

invitation = Table(
    "invitation",
    metadata,
    Column("id", Text, primary_key=True),
    Column("survey", Text, nullable=False),
    Column("survey_version", Integer, nullable=False),
    Column("service", Text, nullable=False),
    Column("person_id", Text, ForeignKey(person.c.id, ondelete="SET NULL")),
    Column("language", Text),
    Column("reference_type", Text, nullable=False),
    Column("reference_id", Text, nullable=False),
    Column("call_id", Text),
    Column("line", Text),
    Column("agent", Text),
    Column("team", Text),
    Column("queue", Text),
    Column("organisation", Text),
    Column("insurer", Text),
    Column("metrics", ARRAY(Text), nullable=False),
    Column("min_n", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("reason", Text),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("send_at", DateTime(timezone=True)),
    Column("send_until", DateTime(timezone=True), nullable=False),
    Column("sent_at", DateTime(timezone=True)),
    Column("delivered_at", DateTime(timezone=True)),
    Column("reply_until", DateTime(timezone=True)),
    Column("asked_again_at", DateTime(timezone=True)),
    Column("form_used_at", DateTime(timezone=True)),
    Column("version", Integer, nullable=False, server_default=text("1")),
    UniqueConstraint("survey", "reference_type", "reference_id"),
    ForeignKeyConstraint(
        ["survey", "survey_version"],
        [definition_version.c.survey, definition_version.c.version],
        name="fk_invitation_definition",
    ),
    Index("ix_invitation_person", "person_id", "created_at"),
    Index("ix_invitation_status", "status", "created_at"),
    Index("ix_invitation_reference", "reference_id"),
    Index("ix_invitation_created", "created_at", "id"),
    Index("ix_invitation_sent", "sent_at"),
    Index("ix_invitation_day", "survey", "send_at"),
    Index("ix_invitation_scheduled", "send_until", postgresql_where=text("status = 'scheduled'")),
    Index(
        "ix_invitation_open",
        "reply_until",
        postgresql_where=text("status IN ('sent', 'unknown', 'delivered')"),
    ),
)

message = Table(
    "message",
    metadata,
    Column("id", Text, primary_key=True),
    Column("invitation_id", Text, ForeignKey(invitation.c.id), nullable=False, index=True),
    Column("person_id", Text, ForeignKey(person.c.id, ondelete="SET NULL")),
    Column("purpose", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("due_at", DateTime(timezone=True), nullable=False),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("provider", Text),
    Column("provider_message_id", Text),
    Column("reference", Integer),
    Column("parts", SmallInteger, nullable=False, server_default=text("1")),
    Column("look_ups", SmallInteger, nullable=False, server_default=text("0")),
    Column("claimed_at", DateTime(timezone=True)),
    Column("done_at", DateTime(timezone=True)),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Index("ix_message_queued", "due_at", postgresql_where=text("state = 'queued'")),
    Index("ix_message_sending", "claimed_at", postgresql_where=text("state = 'sending'")),
    Index("ix_message_unknown", "created_at", postgresql_where=text("state = 'unknown'")),
    Index("ix_message_provider", "provider", "provider_message_id"),
    Index("ix_message_measured", "provider", "done_at"),
    Index("ix_message_person", "person_id"),
)
"""What goes out, one row a message. `sending` is committed before the provider is called."""

part = Table(
    "part",
    metadata,
    Column("message_id", Text, ForeignKey(message.c.id), primary_key=True),
    Column("provider_message_id", Text, primary_key=True),
    Column("provider", Text, nullable=False),
    Column("state", Text, nullable=False),
    Index("ix_part_provider", "provider", "provider_message_id"),
)
"""The parts of messages that went in several, as far as their provider has named them; also the
ids that only receipts told, of messages whose outcome was unknown."""

console_message = Table(
    "console_message",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("message_id", Text, ForeignKey(message.c.id), nullable=False, unique=True),
    Column("person_id", Text, ForeignKey(person.c.id, ondelete="CASCADE"), index=True),
    Column("text", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
)
"""What the console provider "sent"; inserts take turns, so ids are in order of commit."""

answer = Table(
    "answer",
    metadata,
    Column("id", Text, primary_key=True),
    Column("invitation_id", Text, ForeignKey(invitation.c.id), nullable=False),
    Column("question", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("score", SmallInteger),
    Column("content_id", Text, ForeignKey(content.c.id, ondelete="SET NULL"), index=True),
    Column("language", Text),
    Column("channel", Text, nullable=False),
    Column("topics", ARRAY(Text)),
    Column("at", DateTime(timezone=True), nullable=False),
    UniqueConstraint("invitation_id", "question"),
)
"""`topics` are the words of our own lists that a comment matched, as `subject:word`: they outlive the
comment, which goes with its person."""

contact = Table(
    "contact",
    metadata,
    Column("call_id", Text, primary_key=True),
    Column("person_key", LargeBinary),
    Column("agent", Text),
    Column("team", Text),
    Column("queue", Text),
    Column("insurer", Text),
    Column("handled", Boolean, nullable=False),
    Column("callback", Boolean, nullable=False),
    Column("arrived_at", DateTime(timezone=True), nullable=False),
    Column("ended_at", DateTime(timezone=True), nullable=False),
    Column("repeated", Boolean),
    Index("ix_contact_person", "person_key", "arrived_at"),
    Index("ix_contact_ended", "ended_at"),
    Index("ix_contact_keyed", "ended_at", postgresql_where=text("person_key IS NOT NULL")),
)
"""Calls, to see who calls again. `person_key` is the keyed hash of the number; once it is dropped,
`repeated` says what it told, None when it could not tell yet."""

follow_up = Table(
    "follow_up",
    metadata,
    Column("invitation_id", Text, ForeignKey(invitation.c.id), primary_key=True),
    Column("because", ARRAY(Text), nullable=False),
    Column("opened_at", DateTime(timezone=True), nullable=False),
    Column("ticket_id", Text, unique=True),
    Column("ticket_number", Text),
    Column("ticket_status", Text),
    Column("ticket_version", Integer, nullable=False, server_default=text("0")),
    Column("outcome", Text),
    Column("closed_version", Integer, nullable=False, server_default=text("0")),
    Column("closed_at", DateTime(timezone=True)),
    Column("called_back_at", DateTime(timezone=True)),
    Column("called_back_by", Text),
    Column("called_again_at", DateTime(timezone=True)),
    Index("ix_follow_up_opened", "opened_at", "invitation_id"),
)
"""A bad answer and what became of it. `called_back_by` is the id of the call."""

audit = Table(
    "audit",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("who", Text, nullable=False),
    Column("roles", ARRAY(Text), nullable=False),
    Column("what", Text, nullable=False),
    Column("about", Text),
    Index("ix_audit_at", "at", postgresql_using="brin"),
    Index("ix_audit_about", "about", "at"),
)
"""Who looked at what patients said, and who had whom erased. `about` is an id of an invitation or of
a person, who may be gone."""

inbound = Table(
    "inbound",
    metadata,
    Column("id", Text, primary_key=True),
    Column("provider", Text, nullable=False),
    Column("external_id", Text),
    Column("person_id", Text, ForeignKey(person.c.id, ondelete="SET NULL"), index=True),
    Column("content_id", Text, ForeignKey(content.c.id, ondelete="SET NULL"), index=True),
    Column("invitation_id", Text, ForeignKey(invitation.c.id), index=True),
    Column("meaning", Text, nullable=False),
    Column("language", Text),
    Column("at", DateTime(timezone=True), nullable=False),
    UniqueConstraint("provider", "external_id"),
)
"""Every message that came in, also what was late, stray or not to be read."""

inbound_part = Table(
    "inbound_part",
    metadata,
    Column("provider", Text, primary_key=True),
    Column("key", LargeBinary, primary_key=True),
    Column("number", SmallInteger, primary_key=True),
    Column("total", SmallInteger),
    Column("charset", Text),
    Column("digest", LargeBinary, nullable=False),
    Column("content_id", Text, ForeignKey(content.c.id, ondelete="SET NULL"), index=True),
    Column("done", Boolean, nullable=False, server_default=text("false")),
    Column("at", DateTime(timezone=True), nullable=False, index=True),
)
"""Parts of replies. `key` stands for sender, reference and total; `done` ones only tell repeats."""

receipt = Table(
    "receipt",
    metadata,
    Column("id", Text, primary_key=True),
    Column("provider", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("matched", Boolean, nullable=False),
    Column("reference", Integer),
    Column("person_id", Text, ForeignKey(person.c.id, ondelete="SET NULL"), index=True),
    UniqueConstraint("provider", "message_id", "status"),
    Index("ix_receipt_waiting", "provider", "message_id", postgresql_where=text("NOT matched")),
)
"""Delivery receipts; one may be here before its message is known to be accepted."""

held_call = Table(
    "held_call",
    metadata,
    Column("call_id", Text, primary_key=True),
    Column("event", JSONB),
    Column("person_id", Text, ForeignKey(person.c.id, ondelete="CASCADE"), index=True),
    Column("disposition", Text),
    Column("at", DateTime(timezone=True), nullable=False, index=True),
)
"""Calls that some survey asks about only with certain dispositions, until both halves are known:
how the call ended (`event`, without the number) and what the agent made of it."""
