"""The tables of ingest. Personal data stands in `*_content` rows alone, which can be deleted."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from careline_common.db.engine import service_metadata
from careline_common.db.tables import common_tables

SCHEMA = "ingest"

metadata = service_metadata(SCHEMA)
common_tables(metadata)

run = Table(
    "run",
    metadata,
    Column("id", Text, primary_key=True),
    Column("source", Text, nullable=False),
    Column("file", Text),
    Column("sha256", LargeBinary),
    Column("spec", JSONB, nullable=False),
    Column("config_version", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("checkpoint", BigInteger, nullable=False, server_default=text("0")),
    Column("attempt", Integer, nullable=False, server_default=text("1")),
    Column("read", BigInteger, nullable=False, server_default=text("0")),
    Column("created", BigInteger, nullable=False, server_default=text("0")),
    Column("updated", BigInteger, nullable=False, server_default=text("0")),
    Column("unchanged", BigInteger, nullable=False, server_default=text("0")),
    Column("quarantined", BigInteger, nullable=False, server_default=text("0")),
    Column("error", Text),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("finished_at", DateTime(timezone=True)),
    CheckConstraint("status IN ('running', 'done', 'failed')", name="status"),
    CheckConstraint("read = created + updated + unchanged + quarantined", name="rows_add_up"),
    Index("uq_run_source_sha256", "source", "sha256", unique=True),
    Index("ix_run_running", "source", "id", postgresql_where=text("status = 'running'")),
)
"""One file of one source, known by the SHA-256 of its bytes. `spec` is how it is read, as the
source was configured when the file came; `checkpoint` is the last row that is in the database."""

record = Table(
    "record",
    metadata,
    Column("id", Text, primary_key=True),
    Column("source", Text, nullable=False),
    Column("external_id", Text, nullable=False),
    Column("insurer", Text),
    Column("version", Integer, nullable=False),
    Column("partner_version", Text),
    Column("digest", LargeBinary, nullable=False),
    Column("withdrawn", Boolean, nullable=False, server_default=text("false")),
    Column("run_id", Text, nullable=False),
    Column("row", BigInteger, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    Index("uq_record_source_external_id", "source", "external_id", unique=True),
    Index("ix_record_source_updated_at", "source", "updated_at"),
)
"""One appeal as the partner last told it; `run_id` and `row` say where that stood."""

record_content = Table(
    "record_content",
    metadata,
    Column("record_id", Text, ForeignKey("ingest.record.id"), primary_key=True),
    Column("salt", LargeBinary, nullable=False),
    Column("fields", JSONB, nullable=False),
    Column("phone_key", LargeBinary),
    Column("mark", LargeBinary),
    Index("ix_record_content_phone_key", "phone_key"),
)
"""`mark` tells the row that the record was last read from, as it came: the same row read the same way
has the same, and need not be read again. It goes with the content."""

quarantine = Table(
    "quarantine",
    metadata,
    Column("id", Text, primary_key=True),
    Column("run_id", Text, ForeignKey("ingest.run.id"), nullable=False),
    Column("source", Text, nullable=False),
    Column("row", BigInteger, nullable=False),
    Column("field", Text),
    Column("code", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("value", Text),
    Column("external_id", Text),
    Column("outcome", Text),
    Column("record_id", Text),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("replayed_at", DateTime(timezone=True)),
    Index("uq_quarantine_run_id_row", "run_id", "row", unique=True),
    Index("ix_quarantine_open", "source", "id", postgresql_where=text("outcome IS NULL")),
)
"""A row that was not taken. `outcome` is what became of it when it was replayed."""

quarantine_content = Table(
    "quarantine_content",
    metadata,
    Column("quarantine_id", Text, ForeignKey("ingest.quarantine.id"), primary_key=True),
    Column("cells", JSONB),
    Column("raw", Text),
)

left_out = Table(
    "left_out",
    metadata,
    Column("run_id", Text, ForeignKey("ingest.run.id"), primary_key=True),
    Column("row", BigInteger, primary_key=True),
    Column("field", Text, primary_key=True),
    Column("code", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("value", Text),
)
"""A bad value without which its row was taken, because the source's contract says so."""

fetch = Table(
    "fetch",
    metadata,
    Column("source", Text, primary_key=True),
    Column("since", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("holder", Text),
    Column("held_until", DateTime(timezone=True)),
    Column("config_version", Integer),
    Column("next_at", DateTime(timezone=True)),
    Column("good_at", DateTime(timezone=True)),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    Column("paused_at", DateTime(timezone=True)),
    Column("stopped", Text),
)
"""How far the fetching of a source is. `holder` is the process that fetches now and has promised to
say so again before `held_until`; all moments are of the database's clock. `stopped` is why nothing is
fetched until somebody has looked at it."""

fetched = Table(
    "fetched",
    metadata,
    Column("source", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("mark", Text, nullable=False),
    Column("config_version", Integer, nullable=False),
    Column("run_id", Text, ForeignKey("ingest.run.id"), nullable=False),
)
"""The files on a partner's server that have been taken or refused for good, and what each looked
like then, so that it is not fetched again while it looks so."""

answer = Table(
    "answer",
    metadata,
    Column("run_id", Text, ForeignKey("ingest.run.id"), primary_key=True),
    Column("source", Text, nullable=False),
    Column("delivered", Integer, nullable=False, server_default=text("0")),
    Column("delivered_at", DateTime(timezone=True)),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    Column("next_at", DateTime(timezone=True)),
    Column("error", Text),
    Column("revision", Integer, nullable=False, server_default=text("0")),
    Column("told", Integer, nullable=False, server_default=text("0")),
    Index("ix_answer_source", "source"),
)
"""The answers that senders are to get: `delivered` is the attempt of the run that they know,
`revision` counts what replays have changed since, and `told` how far of that they know."""

appeal = Table(
    "appeal",
    metadata,
    Column("ticket_id", Text, primary_key=True),
    Column("sequence", Integer, nullable=False),
    Column("source", Text),
    Column("external_id", Text),
    Column("insurer", Text),
    Column("number", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("outcome", Text),
    Column("returns", Integer, nullable=False, server_default=text("0")),
    Column("due_at", DateTime(timezone=True)),
    Column("at", DateTime(timezone=True), nullable=False),
    Index("ix_appeal_source_external_id", "source", "external_id"),
    Index("ix_appeal_at", "at"),
)
"""What the journal last told of an appeal that a partner has to do with."""

open311_content = Table(
    "open311_content",
    metadata,
    Column("record_id", Text, ForeignKey("ingest.record.id"), primary_key=True),
    Column("given", JSONB, nullable=False),
)
"""What an Open311 client said that no field of a record holds, by the names of GeoReport v2."""

notice = Table(
    "notice",
    metadata,
    Column("id", Text, primary_key=True),
    Column("source", Text, nullable=False),
    Column("ticket_id", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("external_id", Text),
    Column("record_id", Text),
    Column("number", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("outcome", Text),
    Column("returns", Integer, nullable=False, server_default=text("0")),
    Column("due_at", DateTime(timezone=True)),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("state", Text, nullable=False, server_default=text("'pending'")),
    Column("batch", Text),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("next_at", DateTime(timezone=True)),
    Column("error", Text),
    Column("delivered_at", DateTime(timezone=True)),
    CheckConstraint("state IN ('pending', 'delivered', 'overtaken', 'refused')", name="state"),
    Index("uq_notice_source_ticket_id_version", "source", "ticket_id", "version", unique=True),
    Index("ix_notice_pending", "source", "id", postgresql_where=text("state = 'pending'")),
)
"""The ledger: what a partner has been told of an appeal, or is to be, one row a version. `batch` is the
file that it stands in, where the partner gets files."""

audit = Table(
    "audit",
    metadata,
    Column("id", Text, primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("subject", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("target", Text, nullable=False),
    Index("ix_audit_target", "target"),
)
"""Who has read which patient's record."""
