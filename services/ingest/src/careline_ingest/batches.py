"""Rows of a file, a batch at a time: read as they came, then brought into their one spelling.

Most rows of a daily file are those of the day before. Each is known again by its mark, a keyed hash of
the row as it came and of how it is read, so that only what is new or changed is read in full.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pydantic_core import to_json

from careline_common.observability.pii import PiiHasher
from careline_ingest.db.quarantines import Refused
from careline_ingest.domain.faults import Fault, UnreadableFileError
from careline_ingest.domain.feed import FeedSpec
from careline_ingest.domain.normalise import Parsers, storable
from careline_ingest.domain.reading import OpenFile
from careline_ingest.domain.record import identity, read_record
from careline_ingest.domain.rows import RawRow
from careline_ingest.settling import GoodRow

BATCH_BYTES = 8 << 20
"""A batch ends here too, so that long rows do not fill the memory."""
MARK_BYTES = 16
READ_AS = 1
"""Counts changes of this code by which the same row would be read as another record."""


@dataclass(slots=True)
class Incoming:
    """A row as it came. `external_id` is None where it cannot be read."""

    raw: RawRow
    external_id: str | None
    mark: bytes


@dataclass(slots=True)
class Batch:
    """Rows that were read and not yet written. `failure` is what ended the file after them."""

    last_row: int
    rows: list[Incoming] = field(default_factory=list)
    failure: UnreadableFileError | None = None


@dataclass(slots=True)
class Prepared:
    """A batch that is ready to be written: `same` rows are certainly as they were."""

    batch: Batch
    same: Sequence[Incoming]
    taken: "Taken"


@dataclass(slots=True)
class Taken:
    """Rows in their one spelling. `left_out` are values that the contract lets be left out, by row;
    `failure` says that the file ends with row `failed_at`, which is not taken."""

    good: list[GoodRow] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    left_out: list[tuple[int, Fault]] = field(default_factory=list)
    failure: UnreadableFileError | None = None
    failed_at: int = 0


class Reader:
    """Gives the batches of a file, and reads their rows. All of it is to run beside the event loop."""

    def __init__(
        self, file: OpenFile, spec: FeedSpec, *, parsers: Parsers, hasher: PiiHasher, size: int
    ) -> None:
        self.file = file
        self.spec = spec
        self._parsers = parsers
        self._size = size
        read_as = {"as": READ_AS, "header": file.header, "spec": spec.document()}
        self._key = hasher.lookup(json.dumps(read_as, ensure_ascii=False, sort_keys=True))

    def next(self, seen: int) -> Batch:
        """The next rows after row `seen`."""
        batch = Batch(seen)
        size = 0
        try:
            for raw in self.file.rows:
                if raw.number <= seen:
                    continue
                batch.last_row = raw.number
                said = _bytes(raw)
                size += len(said)
                batch.rows.append(self._incoming(raw, said))
                if len(batch.rows) == self._size or size > BATCH_BYTES:
                    break
        except UnreadableFileError as error:
            batch.failure = error
        return batch

    def _incoming(self, raw: RawRow, said: bytes) -> Incoming:
        cells = raw.cells if raw.fault is None else None
        named = cells and identity(cells, self.file.binding, self._parsers)
        mark = hashlib.blake2b(said, key=self._key, digest_size=MARK_BYTES).digest()
        return Incoming(raw, named or None, mark)

    def taken(self, rows: Sequence[Incoming], now: datetime) -> Taken:
        """Brings rows into their one spelling."""
        taken = Taken()
        for row in rows:
            left_out: list[Fault] = []
            try:
                found = row.raw.fault or read_record(
                    row.raw.cells or {},
                    self.file.binding,
                    self.spec,
                    parsers=self._parsers,
                    now=now,
                    left_out=left_out,
                )
            except UnreadableFileError as error:
                taken.failure, taken.failed_at = error, row.raw.number
                break
            if isinstance(found, Fault):
                taken.refused.append(_refused(row, found))
                continue
            mark = None if left_out else row.mark
            taken.good.append(GoodRow(row=row.raw.number, fields=found, mark=mark))
            taken.left_out += [(row.raw.number, fault) for fault in left_out]
        return taken


def changed(
    rows: Sequence[Incoming], marks: Mapping[str, bytes | None], before: Collection[str | None]
) -> tuple[list[Incoming], list[Incoming]]:
    """Rows that have to be read, and those that are certainly as they were. Where several rows are about
    one record, in a batch or in that `before` it, which may not be written yet, what it is in between
    is not known: they are all read."""
    times = Counter(row.external_id for row in rows)
    read: list[Incoming] = []
    same: list[Incoming] = []
    for row in rows:
        named = row.external_id
        known = None if named is None else marks.get(named)
        is_same = known == row.mark and times[named] == 1 and named not in before
        (same if is_same else read).append(row)
    return read, same


def _bytes(raw: RawRow) -> bytes:
    """A row as it came. What JSON from outside may hold and UTF-8 cannot is escaped."""
    said = raw.cells or raw.raw
    try:
        return to_json(said)
    except ValueError:
        return json.dumps(said).encode()


def _refused(row: Incoming, fault: Fault) -> Refused:
    raw = row.raw
    cells = None if raw.cells is None else storable(dict(raw.cells))
    assert cells is None or isinstance(cells, dict)
    return Refused(
        row=raw.number,
        fault=fault,
        external_id=None if row.external_id is None else str(storable(row.external_id)),
        cells=cells,
        raw=None if raw.raw is None else str(storable(raw.raw)),
    )
