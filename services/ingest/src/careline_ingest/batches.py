"""Rows of a file, a batch at a time: read as they came, then brought into their one spelling.

Most rows of a daily file are those of the day before. Each is known again by its mark, a keyed hash of
the row as it came and of how it is read, so that only what is new or changed is read in full.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from pydantic_core import to_json

from careline_common.observability.pii import PiiHasher
from careline_ingest.domain.faults import Fault, UnreadableFileError
from careline_ingest.domain.feed import IDENTITY, FeedSpec
from careline_ingest.domain.mapping import Cells, plain_column
from careline_ingest.domain.normalise import Parsers, key, storable
from careline_ingest.domain.reading import OpenFile
from careline_ingest.domain.record import identity, read_record
from careline_ingest.domain.rows import RawRow
from careline_ingest.domain.taking import Batch, Refused, Taken, good_row

BATCH_BYTES = 8 << 20
"""A batch ends here too, so that long rows do not fill the memory."""
MARK_BYTES = 16
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
        self._rows: list[RawRow] = []
        self._batch = Batch(0)
        self._plain_id = plain_column(file.binding, IDENTITY)
        read_as = {"as": READ_AS, "header": file.header, "spec": spec.document()}
        self._key = hasher.lookup(json.dumps(read_as, ensure_ascii=False, sort_keys=True))

    def next(self, seen: int) -> Batch:
        self._rows, self._batch = [], Batch(seen)
        size = 0
        try:
            for raw in self._file.rows:
                if raw.number <= seen:
                    continue
                said = _bytes(raw)
                self._add(raw, said)
                size += len(said)
                if len(self._rows) == self._size or size > BATCH_BYTES:
                    break
        except UnreadableFileError as error:
            self._batch.failure = error
        return self._batch

    def _add(self, raw: RawRow, said: bytes) -> None:
        cells = raw.cells if raw.fault is None else None
        named = cells and self._named(cells)
        mark = hashlib.blake2b(said, key=self._key, digest_size=MARK_BYTES).digest()
        self._rows.append(raw)
        self._batch.last_row = raw.number
        self._batch.numbers.append(raw.number)
        self._batch.external_ids.append(named or None)
        self._batch.marks.append(mark)

    def _named(self, cells: Cells) -> str | None:
        """Whom a row is about; most often that simply stands in a column."""
        said = cells.get(self._plain_id) if self._plain_id is not None else None
        if type(said) is str and len(said) < LONGEST_PLAIN_ID:
            return key(said)
        return identity(cells, self._file.binding, self._parsers)

    def taken(self, places: Sequence[int], now: datetime) -> Taken:
        taken = Taken()
        for place in places:
            raw, left_out = self._rows[place], list[Fault]()
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
                taken.refused.append(_refused(raw, found, self._batch.external_ids[place]))
                continue
            mark = None if left_out else self._batch.marks[place]
            taken.good.append(good_row(raw.number, found, self._hasher.lookup, mark=mark))
            taken.left_out += [(raw.number, fault) for fault in left_out]
        return taken

    def close(self) -> None:
        self._file.close()


def changed(
    batch: Batch, marks: Mapping[str, bytes | None], before: Collection[str | None]
) -> tuple[list[int], list[int]]:
    """The places of rows that have to be read, and the numbers of those that are certainly as they were.
    Where several rows are about one record, in a batch or in that `before` it, which may not be
    written yet, what it is in between is not known: they are all read."""
    times = Counter(batch.external_ids)
    places: list[int] = []
    same: list[int] = []
    for place, (named, mark) in enumerate(zip(batch.external_ids, batch.marks, strict=True)):
        known = None if named is None else marks.get(named)
        if known == mark and times[named] == 1 and named not in before:
            same.append(batch.numbers[place])
        else:
            places.append(place)
    return places, same


def _bytes(raw: RawRow) -> bytes:
    """A row as it came. What JSON from outside may hold and UTF-8 cannot is escaped."""
    said = raw.cells or raw.raw
    try:
        return to_json(said)
    except ValueError:
        return json.dumps(said).encode()


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
