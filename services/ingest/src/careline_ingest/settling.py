"""Brings good rows into the database: what is new, what has changed, and what the others hear."""

import json
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from careline_common.db.unit_of_work import UnitOfWork
from careline_common.events.event import Event
from careline_common.events.ingest import FeedRunFinished, RecordReceived, ServiceRendered
from careline_ingest.db import records
from careline_ingest.db.records import Change
from careline_ingest.db.runs import Run
from careline_ingest.domain.counts import Counts
from careline_ingest.domain.feed import FeedSpec
from careline_ingest.domain.record import (
    SALT_BYTES,
    Known,
    Outcome,
    digest,
    is_same,
    settle,
)
from careline_ingest.domain.taking import GoodRow


@dataclass(slots=True)
class Settled:
    """What became of a row."""

    outcome: Outcome
    record_id: str


@dataclass(slots=True)
class _Batch:
    """The state of the records that a batch is about, as row after row changes them."""

    known: dict[str, Known]
    created: dict[str, Change] = field(default_factory=dict)
    updated: dict[str, Change] = field(default_factory=dict)
    marked: dict[str, bytes] = field(default_factory=dict)
    """Records that are as they were, under a mark that they did not have."""

    def state(self, external_id: str, run_id: str) -> Known | None:
        """What is known of a record after the rows before."""
        change = self.updated.get(external_id) or self.created.get(external_id)
        if change is None:
            return self.known.get(external_id)
        return Known(
            record_id=change.record_id,
            version=change.version,
            digest=change.digest,
            salt=change.salt,
            partner_version=change.partner_version,
            run_id=run_id,
            row=change.row,
            mark=change.mark,
        )

    def keep(self, change: Change) -> None:
        is_new = change.external_id not in self.known
        (self.created if is_new else self.updated)[change.external_id] = change
        if self.marked:
            self.marked.pop(change.record_id, None)

    def unchanged(self, known: Known, row: GoodRow) -> None:
        """A row that says what is known; not so one that is behind it."""
        external_id = row.external_id
        if row.mark is None or row.mark == known.mark:
            return
        if external_id in self.created or external_id in self.updated:
            return
        if is_same(known, row.told):
            self.marked[known.record_id] = row.mark


async def settle_rows(
    uow: UnitOfWork, spec: FeedSpec, run_id: str, rows: Sequence[GoodRow]
) -> list[Settled]:
    """Writes the records of these rows and an event for each that has changed them, in the given
    transaction. Rows about the same record are taken one after the other."""
    if not rows:
        return []
    await records.take_turn(uow.connection, spec.source)
    ids = {row.external_id for row in rows}
    batch = _Batch(await records.known(uow.connection, spec.source, ids))
    at = uow.clock.now()
    settled: list[Settled] = []
    for row, salt in zip(rows, _salts(len(rows)), strict=True):
        known = batch.state(row.external_id, run_id)
        outcome = settle(
            known,
            row.told,
            row.partner_version,
            run_id=run_id,
            row=row.row,
            by_hand=row.by_hand,
        )
        if outcome == "unchanged":
            assert known is not None
            batch.unchanged(known, row)
            settled.append(Settled(outcome, known.record_id))
            continue
        change = _change(row, known, uow, salt)
        batch.keep(change)
        _tell(uow, spec, change, outcome, at)
        settled.append(Settled(outcome, change.record_id))
    await records.write(
        uow.connection,
        source=spec.source,
        insurer=spec.insurer,
        run_id=run_id,
        created=list(batch.created.values()),
        updated=list(batch.updated.values()),
        at=at,
    )
    await records.mark(uow.connection, batch.marked)
    return settled


def counted(settled: Sequence[Settled], *, quarantined: int = 0, same: int = 0) -> Counts:
    """`same` rows were known to be unchanged without being settled."""
    outcomes = [each.outcome for each in settled]
    return Counts(
        created=outcomes.count("created"),
        updated=outcomes.count("updated"),
        unchanged=outcomes.count("unchanged") + same,
        quarantined=quarantined,
    )


def tell_ended(uow: UnitOfWork, run: Run) -> None:
    """Says that a run has ended, and how."""
    assert run.finished_at is not None
    uow.emit(
        FeedRunFinished(
            run_id=run.id,
            source=run.source,
            status="done" if run.status == "done" else "failed",
            finished_at=run.finished_at,
            **run.rows.shown(),
        ),
        subject=run.id,
        sequence=run.attempt,
    )


def _salts(count: int) -> Iterator[bytes]:
    """New salts, all of one call to the system."""
    random = secrets.token_bytes(SALT_BYTES * count)
    return (random[at : at + SALT_BYTES] for at in range(0, len(random), SALT_BYTES))


def _change(row: GoodRow, known: Known | None, uow: UnitOfWork, salt: bytes) -> Change:
    """`salt` is for a record that has none."""
    salt = (known.salt if known else b"") or salt
    return Change(
        record_id=known.record_id if known else uow.ids.new(),
        external_id=row.external_id,
        version=known.version + 1 if known else 1,
        digest=digest(row.told, salt),
        salt=salt,
        partner_version=row.partner_version,
        told=row.told,
        phone_key=row.phone_key,
        mark=row.mark,
        withdrawn=row.withdrawn,
        row=row.row,
    )


def _tell(uow: UnitOfWork, spec: FeedSpec, change: Change, outcome: Outcome, at: datetime) -> None:
    """An appeal is told to the journal, a visit to whoever asks patients how it was; of an appointment
    nobody wants to hear."""
    event: Event | None = None
    if spec.record == "appeal":
        event = _received(spec, change, outcome, at)
    elif spec.record == "visit" and not change.withdrawn:
        event = _rendered(spec, change)
    if event is not None:
        uow.emit(event, subject=change.record_id, sequence=change.version)


def _received(spec: FeedSpec, change: Change, outcome: Outcome, at: datetime) -> RecordReceived:
    return RecordReceived(
        record_id=change.record_id,
        source=spec.source,
        external_id=change.external_id,
        version=change.version,
        kind="withdrawn" if change.withdrawn else "created" if outcome == "created" else "updated",
        received_at=at,
    )


def _rendered(spec: FeedSpec, change: Change) -> ServiceRendered:
    fields = json.loads(change.told)
    return ServiceRendered.model_validate(
        {
            "record_id": change.record_id,
            "source": spec.source,
            "external_id": change.external_id,
            "service": fields["kind"],
            "organisation": fields.get("organisation"),
            "rendered_at": fields["registered_at"],
        }
    )
