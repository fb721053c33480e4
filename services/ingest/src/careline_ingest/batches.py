"""Rows of a file, a batch at a time: read as they came, then brought into their one spelling.

Most rows of a daily file are those of the day before. Each is known again by its mark, a keyed hash of
the row as it came and of how it is read, so that only what is new or changed is read in full.
"""

import json
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from careline_common.observability.pii import PiiHasher
from careline_ingest.domain.faults import Fault, UnreadableFileError
from careline_ingest.domain.feed import IDENTITY, FeedSpec
from careline_ingest.domain.mapping import plain_column
from careline_ingest.domain.normalise import Parsers, key, storable
from careline_ingest.domain.reading import OpenFile
from careline_ingest.domain.record import identity, read_record
from careline_ingest.domain.rows import RawRow
from careline_ingest.domain.taking import Batch, Refused, Taken, good_row
from careline_ingest.marks import Marks

BATCH_BYTES = 8 << 20
"""A batch ends here too, so that long rows do not fill the memory."""
LONGEST_PLAIN_ID = 100
READ_AS = 1
"""Counts changes of this code by which the same row would be read as another record."""


class RowReader(Protocol):
    """Gives the batches of a file. Every call blocks: to be made beside the event loop, one at a time."""

    def next(self, seen: int) -> Batch:
        """The rows after row `seen`."""
        ...

    def taken(self, places: Sequence[int], now: datetime) -> Taken:
        """The rows at these places of the last batch, in their one spelling."""
        ...

    def close(self) -> None: ...


@dataclass(slots=True)
class _Read:
    """A batch and its rows."""

    batch: Batch
    rows: list[RawRow] = field(default_factory=list)


class Reader:
    """Reads in this process."""

    def __init__(
        self, file: OpenFile, spec: FeedSpec, *, parsers: Parsers, hasher: PiiHasher, size: int
    ) -> None:
        self._file = file
        self._spec = spec
        self._parsers = parsers
        self._hasher = hasher
        self._size = size
        self._given = _Read(Batch(0))
        self._ahead: _Read | None = None
        self._plain_id = plain_column(file.binding, IDENTITY)
        read_as = {"as": READ_AS, "header": file.header, "spec": spec.document()}
        key = hasher.lookup(json.dumps(read_as, ensure_ascii=False, sort_keys=True))
        self._marks = Marks(key, columns=bool(file.header))

    def next(self, seen: int) -> Batch:
        self._given, self._ahead = self._ahead or self._read(seen), None
        return self._given.batch

    def read_ahead(self) -> None:
        """Reads the batch after the last, while whoever has that is busy with it."""
        last = self._given.batch
        if self._ahead is None and last.numbers and last.failure is None:
            self._ahead = self._read(last.last_row)

    def _read(self, seen: int) -> _Read:
        batch = Batch(seen)
        read = _Read(batch)
        size = 0
        try:
            for raw in self._file.rows:
                if raw.number <= seen:
                    continue
                said, mark = self._marks.of(raw)
                read.rows.append(raw)
                batch.numbers.append(raw.number)
                batch.external_ids.append(self._named(raw))
                batch.marks.append(mark)
                size += said
                if len(read.rows) == self._size or size > BATCH_BYTES:
                    break
        except UnreadableFileError as error:
            batch.failure = error
        if batch.numbers:
            batch.last_row = batch.numbers[-1]
        return read

    def _named(self, raw: RawRow) -> str | None:
        """Whom a row is about; most often that simply stands in a column."""
        cells = raw.cells
        if not cells or raw.fault is not None:
            return None
        said = cells.get(self._plain_id) if self._plain_id is not None else None
        if type(said) is str and len(said) < LONGEST_PLAIN_ID:
            return key(said) or None
        return identity(cells, self._file.binding, self._parsers) or None

    def taken(self, places: Sequence[int], now: datetime) -> Taken:
        taken, given = Taken(), self._given
        for place in places:
            raw, left_out = given.rows[place], list[Fault]()
            try:
                found = raw.fault or read_record(
                    raw.cells or {},
                    self._file.binding,
                    self._spec,
                    parsers=self._parsers,
                    now=now,
                    left_out=left_out,
                )
            except UnreadableFileError as error:
                taken.failure, taken.failed_at = error, raw.number
                break
            if isinstance(found, Fault):
                taken.refused.append(_refused(raw, found, given.batch.external_ids[place]))
                continue
            mark = None if left_out else given.batch.marks[place]
            taken.good.append(good_row(raw.number, found, self._hasher.lookup, mark=mark))
            taken.left_out += [(raw.number, fault) for fault in left_out]
        return taken

    def close(self) -> None:
        self._file.close()


def alone(batch: Batch, before: Collection[str | None]) -> list[int]:
    """The places of rows that are the only ones about their records. Where several are about one, in a
    batch or in that `before` it, which may not be written yet, what it is in between is not known."""
    times = Counter(batch.external_ids)
    return [
        place
        for place, named in enumerate(batch.external_ids)
        if named is not None and times[named] == 1 and named not in before
    ]


def _refused(raw: RawRow, fault: Fault, external_id: str | None) -> Refused:
    cells = None if raw.cells is None else storable(dict(raw.cells))
    assert cells is None or isinstance(cells, dict)
    return Refused(
        row=raw.number,
        fault=fault,
        external_id=None if external_id is None else str(storable(external_id)),
        cells=cells,
        raw=None if raw.raw is None else str(storable(raw.raw)),
    )
