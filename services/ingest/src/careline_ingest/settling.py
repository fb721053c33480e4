"""Brings good rows into the database: what is new, what has changed, and what the others hear."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from careline_common.db.unit_of_work import UnitOfWork
from careline_common.events.ingest import FeedRunFinished, RecordReceived
from careline_common.observability.pii import PiiHasher
from careline_ingest.db import records
from careline_ingest.db.records import Change
from careline_ingest.db.runs import Run
from careline_ingest.domain.counts import Counts
from careline_ingest.domain.feed import IDENTITY, FeedSpec
from careline_ingest.domain.record import (
    SALT_BYTES,
    Fields,
    Known,
    Outcome,
    digest,
    is_withdrawn,
    settle,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GoodRow:
    row: int
    fields: Fields
    by_hand: bool = False
    """Put right by somebody: it holds even where a later row was taken before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
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

    def keep(self, change: Change, run_id: str) -> None:
        is_new = change.external_id not in self.known or change.external_id in self.created
        (self.created if is_new else self.updated)[change.external_id] = change
        self.known[change.external_id] = Known(
            record_id=change.record_id,
            version=change.version,
            digest=change.digest,
            salt=change.salt,
            partner_version=change.fields.get("version"),
            run_id=run_id,
            row=change.row,
        )


async def settle_rows(
    uow: UnitOfWork, spec: FeedSpec, run_id: str, rows: Sequence[GoodRow], hasher: PiiHasher
) -> list[Settled]:
    """Writes the records of these rows and an event for each that has changed them, in the given
    transaction. Rows about the same record are taken one after the other."""
    if not rows:
        return []
    await records.take_turn(uow.connection, spec.source)
    ids = {row.fields[IDENTITY] for row in rows}
    batch = _Batch(await records.known(uow.connection, spec.source, ids))
    at = uow.clock.now()
    settled: list[Settled] = []
    for row in rows:
        known = batch.known.get(row.fields[IDENTITY])
        outcome = settle(known, row.fields, run_id=run_id, row=row.row, by_hand=row.by_hand)
        if outcome == "unchanged":
            assert known is not None
            settled.append(Settled(outcome=outcome, record_id=known.record_id))
            continue
        change = _change(row, known, uow, hasher)
        batch.keep(change, run_id)
        _tell(uow, spec, change, outcome, at)
        settled.append(Settled(outcome=outcome, record_id=change.record_id))
    await records.write(
        uow.connection,
        source=spec.source,
        insurer=spec.insurer,
        run_id=run_id,
        created=list(batch.created.values()),
        updated=list(batch.updated.values()),
        at=at,
    )
    return settled


def counted(settled: Sequence[Settled], *, quarantined: int = 0) -> Counts:
    outcomes = [each.outcome for each in settled]
    return Counts(
        created=outcomes.count("created"),
        updated=outcomes.count("updated"),
        unchanged=outcomes.count("unchanged"),
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


def _change(row: GoodRow, known: Known | None, uow: UnitOfWork, hasher: PiiHasher) -> Change:
    salt = (known.salt if known else b"") or secrets.token_bytes(SALT_BYTES)
    phone = row.fields.get("phone")
    return Change(
        record_id=known.record_id if known else uow.ids.new(),
        external_id=row.fields[IDENTITY],
        version=known.version + 1 if known else 1,
        digest=digest(row.fields, salt),
        salt=salt,
        fields=row.fields,
        phone_key=hasher.lookup(phone) if phone else None,
        withdrawn=is_withdrawn(row.fields),
        row=row.row,
    )


def _tell(uow: UnitOfWork, spec: FeedSpec, change: Change, outcome: Outcome, at: datetime) -> None:
    uow.emit(
        RecordReceived(
            record_id=change.record_id,
            source=spec.source,
            external_id=change.external_id,
            version=change.version,
            kind="withdrawn"
            if change.withdrawn
            else "created"
            if outcome == "created"
            else "updated",
            received_at=at,
        ),
        subject=change.record_id,
        sequence=change.version,
    )
