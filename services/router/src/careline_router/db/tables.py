"""The router's tables: the floor's journal, and the read model that is written with it.

A patient's number and name stand in `call_contact` alone and can be deleted there; everything else
holds ids, times and words of the field.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Double,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, ExcludeConstraint

from careline_common.db.engine import service_metadata
from careline_common.db.tables import common_tables

SCHEMA = "router"
metadata = service_metadata(SCHEMA)
common_tables(metadata)

MOMENT = DateTime(timezone=True)
EMPTY_OBJECT = text("'{}'::jsonb")
EMPTY_LIST = text("'[]'::jsonb")

journal = Table(
    "journal",
    metadata,
    Column("floor", Text, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("at", MOMENT, nullable=False),
    Column("kind", Text, nullable=False),
    Column("data", JSONB, nullable=False),
    Index("ix_journal_at", "at", postgresql_using="brin"),
)

snapshot = Table(  # the last release's; it may still be the newer one
    "snapshot",
    metadata,
    Column("floor", Text, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("at", MOMENT, nullable=False),
    Column("data", JSONB, nullable=False),
)

floor_snapshot = Table(
    "floor_snapshot",
    metadata,
    Column("floor", Text, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("at", MOMENT, nullable=False),
    Column("data", LargeBinary, nullable=False),
)

floor_lease = Table(
    "floor_lease",
    metadata,
    Column("floor", Text, primary_key=True),
    Column("epoch", BigInteger, nullable=False),
    Column("holder", Text, nullable=False),
    Column("expires_at", MOMENT, nullable=False),
    Column("address", Text),
    Column("address_epoch", BigInteger),
)

emergency = Table(  # the last row is how the switch stands
    "emergency",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("on", Boolean, nullable=False),
    Column("announcement", Text),
    Column("by", Text, nullable=False),
    Column("at", MOMENT, nullable=False),
)

flow_draft = Table(  # never changed: whoever changes a draft makes the next one
    "flow_draft",
    metadata,
    Column("flow", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("document", JSONB, nullable=False),
    Column("based_on", Integer, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", MOMENT, nullable=False),
)

flow_version = Table(  # every version that calls were ever sent by; the last is in force
    "flow_version",
    metadata,
    Column("flow", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("document", JSONB, nullable=False),
    Column("how", Text, nullable=False),
    Column("draft", Integer),
    Column("restores", Integer),
    Column("by", Text, nullable=False),
    Column("at", MOMENT, nullable=False),
)

self_service_step = Table(  # what he did: a key of a menu, or a word; never digits that he entered
    "self_service_step",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("call_id", Text, nullable=False),
    Column("flow", Text, nullable=False),
    Column("flow_version", Integer),
    Column("node", Text, nullable=False),
    Column("input", Text, nullable=False),
    Column("at", MOMENT, nullable=False),
    Index("ix_self_service_step_call_id", "call_id"),
    Index("ix_self_service_step_at", "at", postgresql_using="brin"),
)

appeal = Table(  # of the journal of appeals, as its events tell; whose it is stands with its call
    "appeal",
    metadata,
    Column("ticket_id", Text, primary_key=True),
    Column("call_id", Text),
    Column("status", Text, nullable=False),
    Column("owner", Text),
    Column("group_id", Text),
    Column("priority", Text, nullable=False, server_default="normal"),
    Column("due_at", MOMENT),
    Column("updated_at", MOMENT, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("code_lookup", Text),
    Column("settled_sequence", BigInteger),  # the last at which it was not for anybody to take
    Column("offered", Integer, nullable=False, server_default="0"),  # how often on this floor
    Column("offered_sequence", BigInteger),  # at which it stood then
    Index("ix_appeal_call_id", "call_id"),
    Index("ix_appeal_code_lookup", "code_lookup"),
    Index(
        "ix_appeal_nobodys",
        "group_id",
        "due_at",
        postgresql_where=text("owner IS NULL AND status IN ('new', 'in_work')"),
    ),
)

surge = Table(  # of appeals, as the journal's events tell; null is over all of a kind
    "surge",
    metadata,
    Column("surge_id", Text, primary_key=True),
    Column("organisation", Text),
    Column("subject", Text),
    Column("territory", Text),
    Column("is_open", Boolean, nullable=False),
    Column("sequence", BigInteger, nullable=False),
)

supervisor_action = Table(  # kept: who did what to whom
    "supervisor_action",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("at", MOMENT, nullable=False),
    Column("who", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("target", Text),
    Column("detail", JSONB, nullable=False, server_default=EMPTY_OBJECT),
    Index("ix_supervisor_action_at", "at", "id"),
)

extra_skill = Table(
    "extra_skill",
    metadata,
    Column("agent", Text, primary_key=True),
    Column("skill", Text, primary_key=True),
    Column("level", Integer, nullable=False),
    Column("until", MOMENT, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", MOMENT, nullable=False),
)

call_record = Table(
    "call_record",
    metadata,
    Column("id", Text, primary_key=True),
    Column("pbx", Text, nullable=False),
    Column("pbx_call_id", Text, nullable=False),
    Column("line", Text, nullable=False),
    Column("control", Text, nullable=False),
    Column("queue", Text),
    Column("payer", Text, nullable=False),
    Column("insurance", Text),
    Column("priority", Text),
    Column("language", Text),
    Column("state", Text, nullable=False),
    Column("arrived_at", MOMENT, nullable=False),
    Column("queued_at", MOMENT),
    Column("answered_at", MOMENT),
    Column("ended_at", MOMENT),
    Column("agent", Text),
    Column("team", Text),
    Column("outcome", Text),
    Column("ended_by", Text),
    Column("crm", JSONB, nullable=False, server_default=EMPTY_OBJECT),
    Column("recording", JSONB),
    Column("recording_refused_at", MOMENT),
    Column("target_s", Double),
    Column("disposition", Text),
    Column("resolved", Boolean),
    Column("subjects", ARRAY(Text)),
    Column("booking", JSONB),
    Column("wrapped_up_at", MOMENT),
    UniqueConstraint("pbx", "pbx_call_id"),
    Index("ix_call_record_arrived_at", "arrived_at", "id"),
    Index("ix_call_record_queue", "queue", "queued_at"),
    Index("ix_call_record_open", "queue", postgresql_where=text("ended_at IS NULL")),
)

call_contact = Table(
    "call_contact",
    metadata,
    Column("call_id", Text, primary_key=True),
    Column("phone", Text),
    Column("lookup_hmac", LargeBinary),
    Column("name", Text),
    Column("attributes", JSONB, nullable=False, server_default=EMPTY_OBJECT),
    Column("notes", Text),
    Index("ix_call_contact_lookup_hmac", "lookup_hmac"),
)

person_audit = Table(
    "person_audit",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("at", MOMENT, nullable=False),
    Column("who", Text, nullable=False),
    Column("roles", ARRAY(Text), nullable=False),
    Column("what", Text, nullable=False),
    Column("call_ids", ARRAY(Text), nullable=False),
    Index("ix_person_audit_who", "who", "id"),
    Index(
        "ix_person_audit_call",
        text("(call_ids[1])"),
        postgresql_where=text("cardinality(call_ids) = 1"),
    ),
    Index("ix_person_audit_calls", "id", postgresql_where=text("cardinality(call_ids) > 1")),
)
"""Who has looked at whose data, or had it exported or erased; calls stand for the person."""

callback = Table(  # the rest of it stands in its call's record
    "callback",
    metadata,
    Column("call_id", Text, primary_key=True),
    Column("origin", Text, nullable=False),
    Column("from_call", Text),
    Column("made_at", MOMENT, nullable=False),
    Column("promise_due", MOMENT),
    Column("not_before", MOMENT),
    Index("ix_callback_made_at", "made_at", "call_id"),
)

offer = Table(
    "offer",
    metadata,
    Column("id", Text, primary_key=True),
    Column("call_id", Text, nullable=False),
    Column("agent", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("endpoint", Text, nullable=False),
    Column("made_at", MOMENT, nullable=False),
    Column("deadline", MOMENT, nullable=False),
    Column("timeout_s", Double, nullable=False),
    Column("closed_at", MOMENT),
    Index("ix_offer_call_id", "call_id"),
    ExcludeConstraint(
        ("agent", "="),
        using="btree",
        where=text("closed_at IS NULL"),
        deferrable=True,
        initially="DEFERRED",
        name="ex_offer_one_open_an_agent",
    ),
    ExcludeConstraint(
        ("call_id", "="),
        using="btree",
        where=text("closed_at IS NULL"),
        deferrable=True,
        initially="DEFERRED",
        name="ex_offer_one_open_a_call",
    ),
)

decision = Table(
    "decision",
    metadata,
    Column("offer_id", Text, primary_key=True),
    Column("call_id", Text, nullable=False),
    Column("at", MOMENT, nullable=False),
    Column("policy", Text, nullable=False),
    Column("groups", JSONB, nullable=False),
    Column("agents", JSONB, nullable=False),
    Column("chosen", Text, nullable=False),
    Column("took_us", Double, nullable=False),
    Column("flow_version", Integer),
    Column("crm", JSONB, nullable=False),
    Column("rule", Text),
    Column("calls", JSONB, nullable=False, server_default=EMPTY_LIST),
    Index("ix_decision_call_id", "call_id"),
    Index("ix_decision_at", "at", postgresql_using="brin"),
)

appointment = Table(  # whose it is stands with its call
    "appointment",
    metadata,
    Column("id", Text, primary_key=True),
    Column("call_id", Text, nullable=False),
    Column("agent", Text, nullable=False),
    Column("clinic", Text, nullable=False),
    Column("speciality", Text),
    Column("external_id", Text),
    Column("standing", Text),
    Column("slot_id", Text),
    Column("starts_at", MOMENT),
    Column("ends_at", MOMENT),
    Column("made_at", MOMENT, nullable=False),
    Column("reason", Text),
    Column("ordered", Text),
    Column("wanted_slot", Text),
    Column("ordered_at", MOMENT, nullable=False),
    Column("ask_at", MOMENT),
    Column("order_scope", Text),
    Column("order_key", Text),
    Column("order_print", LargeBinary),
    UniqueConstraint("order_scope", "order_key"),
    Index("ix_appointment_call_id", "call_id"),
    Index("ix_appointment_ask_at", "ask_at", postgresql_where=text("ordered IS NOT NULL")),
)
"""An order (`ordered`: book, move, cancel) stands in it from before it is sent until its outcome is known;
`standing` is what the booking system was last known to have."""

bot_talk = (
    Table(  # of calls that a bot has handed over; what it had collected stands with the contact
        "bot_talk",
        metadata,
        Column("call_id", Text, primary_key=True),
        Column("bot", Text, primary_key=True),
        Column("queue", Text, nullable=False),
        Column("to_queue", Text, nullable=False),
        Column("reason", Text),
        Column("at", MOMENT, nullable=False),
    )
)

pbx_command = Table(
    "pbx_command",
    metadata,
    Column("id", Text, primary_key=True),
    Column("seq", BigInteger, Identity(always=True), nullable=False),
    Column("pbx", Text, nullable=False),
    Column("call_id", Text, nullable=False),
    Column("pbx_call_id", Text, nullable=False),
    Column("offer_id", Text),
    Column("type", Text, nullable=False),
    Column("body", JSONB, nullable=False),
    Column("created_at", MOMENT, nullable=False),
    Column("sent_at", MOMENT),
    Column("done_at", MOMENT),
    Column("ok", Boolean),
    Index("ix_pbx_command_undone", "pbx", "seq", postgresql_where=text("done_at IS NULL")),
    Index("ix_pbx_command_call_id", "call_id"),
)

agent_session = Table(
    "agent_session",
    metadata,
    Column("agent", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("reason", Text),
    Column("since", MOMENT, nullable=False),
    Column("endpoint", Text),
    Column("site", Text),
    Column("call_id", Text),
    Column("message_seq", BigInteger, nullable=False),
)

agent_message = Table(
    "agent_message",
    metadata,
    Column("agent", Text, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("at", MOMENT, nullable=False),
    Column("type", Text, nullable=False),
    Column("data", JSONB, nullable=False),
    Index("ix_agent_message_at", "at", postgresql_using="brin"),
)

calendar_import = Table(
    "calendar_import",
    metadata,
    Column("id", Text, primary_key=True),
    Column("calendar", Text, nullable=False),
    Column("source", JSONB, nullable=False),
    Column("based_on", BigInteger, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", MOMENT, nullable=False),
    Column("days", JSONB, nullable=False),
    Column("approved_by", Text),
    Column("approved_at", MOMENT),
    Index("ix_calendar_import_calendar", "calendar", "at"),
)
